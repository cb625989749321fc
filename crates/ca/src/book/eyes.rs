//! What the book says of deeds that need two officers.

use super::{Book, BookError, Effect, Event, read_certificate, refuse};
use crate::deed::{Deed, Proposal, Rule, confirmation_message, deed_of, proposal_message};

const DAY_S: u64 = 24 * 3600;

impl Book {
    /// The confirmed proposal that `event` does; `None` for what one officer can do alone.
    pub(super) fn permitted(&self, at: u64, event: &Event) -> Result<Option<usize>, BookError> {
        let Some(rule) = &self.rule else { return Ok(None) };
        let needs_two =
            matches!(event, Event::Ruled(_)) || rule.deeds.iter().any(|deed| deed == deed_of(event));
        if !needs_two {
            return Ok(None);
        }
        let lasts_days = match event {
            Event::Issued { certificate, .. } => {
                read_certificate(certificate)?.validity().not_after.saturating_sub(at).div_ceil(DAY_S)
            }
            _ => 0,
        };
        let is_it =
            |one: &Proposal| one.confirmed_by.is_some() && !one.is_done && one.deed.is(event, lasts_days);
        match self.proposals.iter().position(is_it) {
            Some(place) => Ok(Some(place)),
            None => refuse("this needs two officers: one proposes it, another confirms it"),
        }
    }

    /// What a proposal or a confirmation by `by` does.
    pub(super) fn eyes(&self, by: &str, event: &Event) -> Result<Effect, BookError> {
        let Some(rule) = &self.rule else { return refuse("nothing needs two officers here") };
        match event {
            Event::Proposed { deed, signature } => {
                if let Deed::Rule(rule) = deed {
                    rule.check()?;
                }
                rule.signed(by, &proposal_message(&self.authority, &self.head, deed), signature)?;
                Ok(Effect::Propose(by.to_owned(), deed.clone()))
            }
            Event::Confirmed { proposal, signature } => {
                let Some(place) = self.proposals.iter().position(|one| one.number == *proposal) else {
                    return refuse("there is no such proposal");
                };
                let found = &self.proposals[place];
                if found.confirmed_by.is_some() {
                    return refuse("the proposal is confirmed already");
                }
                if found.by == by || !rule.officers.contains_key(&found.by) {
                    return refuse(
                        "two officers are needed: another than who proposed it, who must still be one",
                    );
                }
                rule.signed(by, &confirmation_message(&self.authority, &found.digest), signature)?;
                Ok(Effect::Confirm(place, by.to_owned()))
            }
            _ => refuse("neither a proposal nor a confirmation"),
        }
    }

    /// Whether `deed` needs two officers.
    #[must_use]
    pub fn needs_two(&self, deed: &Deed) -> bool {
        let named = |kind| self.rule.as_ref().is_some_and(|rule| rule.deeds.iter().any(|one| one == kind));
        match deed {
            Deed::Rule(_) => self.rule.is_some(),
            Deed::Issue { .. } => named("issued"),
            Deed::Suspend { .. } => named("suspended"),
            Deed::Release { .. } => named("released"),
            Deed::Revoke { .. } => named("revoked"),
        }
    }

    /// Which deeds need two officers, and who they are.
    #[must_use]
    pub fn rule(&self) -> Option<&Rule> {
        self.rule.as_ref()
    }

    /// What was proposed, oldest first.
    #[must_use]
    pub fn proposals(&self) -> &[Proposal] {
        &self.proposals
    }

    /// What whoever proposes `deed` as the next entry signs.
    #[must_use]
    pub fn to_propose(&self, deed: &Deed) -> String {
        proposal_message(&self.authority, &self.head, deed)
    }

    /// What whoever confirms the proposal of that number signs.
    #[must_use]
    pub fn to_confirm(&self, proposal: u64) -> Option<String> {
        let found = self.proposals.iter().find(|one| one.number == proposal)?;
        Some(confirmation_message(&self.authority, &found.digest))
    }
}
