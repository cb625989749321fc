//! What officers decide: alone, or one proposing and another confirming where the authority's rule says so.

use std::path::Path;

use anyhow::bail;
use xiezhi_ca::{Authority, Deed, Rule};
use xiezhi_crypto::SigningKey;
use xiezhi_pki::RevocationReason;

use super::{Tool, now, time, usage, with_issuers};
use crate::{Ending, Usage, account, home};

impl Tool<'_> {
    /// Does `deed`, or proposes it where it needs two officers.
    pub(super) fn decide(&self, deed: Deed, out: Option<&Path>) -> anyhow::Result<Ending> {
        let mut authority = self.open()?;
        if !authority.book()?.needs_two(&deed) {
            return self.carry_out(&mut authority, &deed, out);
        }
        let key = self.own_key()?;
        let sign = |message: &[u8]| key.sign(message);
        let number = authority.propose(deed, now(), self.officer, sign).map_err(usage)?;
        self.say("ca-proposed", &[("number", &number)])?;
        Ok(Ending::Unknown)
    }

    fn own_key(&self) -> anyhow::Result<SigningKey> {
        match self.officer_key {
            Some(path) => account::read_key(path),
            None => bail!(Usage(self.texts.get("ca-needs", &[("option", &"--officer-key")]))),
        }
    }

    pub(super) fn confirm(&self, proposal: u64, out: Option<&Path>) -> anyhow::Result<Ending> {
        let mut authority = self.open()?;
        let key = self.own_key()?;
        let sign = |message: &[u8]| key.sign(message);
        let found = authority.confirm(proposal, now(), self.officer, sign).map_err(usage)?;
        self.carry_out(&mut authority, &found.deed, out)
    }

    fn carry_out(
        &self,
        authority: &mut Authority,
        deed: &Deed,
        out: Option<&Path>,
    ) -> anyhow::Result<Ending> {
        let (now, by) = (now(), self.officer);
        let (said, serial, done) = match deed {
            Deed::Issue { application, days } => return self.certify(authority, application, *days, out),
            Deed::Rule(rule) => {
                authority.rule(rule.clone(), now, by).map_err(usage)?;
                return self.say("ca-ruled", &[]);
            }
            Deed::Suspend { serial } => {
                ("ca-suspended", serial, authority.suspend(&self.serial(serial)?, now, by))
            }
            Deed::Release { serial } => {
                ("ca-released", serial, authority.release(&self.serial(serial)?, now, by))
            }
            Deed::Revoke { serial, reason, invalid_since } => {
                let reason = RevocationReason::from_name(reason).unwrap_or(RevocationReason::Unspecified);
                let done = authority.revoke(&self.serial(serial)?, reason, *invalid_since, now, by);
                ("ca-revoked", serial, done)
            }
        };
        done.map_err(usage)?;
        let signer = self.signer(authority)?;
        let list = authority.list(&signer, now, by)?;
        let until = time(list.next_update());
        self.say(said, &[("serial", serial), ("time", &until)])
    }

    fn certify(
        &self,
        authority: &mut Authority,
        application: &str,
        days: u64,
        out: Option<&Path>,
    ) -> anyhow::Result<Ending> {
        let signer = self.signer(authority)?;
        let serial = home::random()?;
        let certificate = authority.issue(&signer, application, Some(days), now(), self.officer, || serial);
        let certificate = certificate.map_err(usage)?;
        let pem = with_issuers(&certificate.to_pem(), &authority.path());
        match out {
            Some(out) => home::write_whole(out, pem.as_bytes(), false)?,
            None => print!("{pem}"),
        }
        let until = time(certificate.validity().not_after);
        let serial = hex::encode(certificate.serial());
        eprintln!("{}", self.texts.get("ca-issued", &[("serial", &serial), ("time", &until)]));
        Ok(Ending::Done)
    }

    pub(super) fn four_eyes(&self, deeds: &[String], officers: &[String]) -> anyhow::Result<Ending> {
        let mut rule = Rule { deeds: deeds.to_vec(), officers: Default::default() };
        rule.deeds.sort_unstable();
        rule.deeds.dedup();
        for named in officers {
            let wrong = || Usage(self.texts.get("ca-officer-form", &[("text", named)]));
            let (name, file) = named.split_once('=').ok_or_else(wrong)?;
            let key = account::read_public_key(Path::new(file))?;
            rule.officers.insert(name.to_owned(), Rule::key_text(&key));
        }
        self.decide(Deed::Rule(rule), None)
    }

    pub(super) fn proposals(&self) -> anyhow::Result<Ending> {
        let mut authority = self.open()?;
        for one in authority.book()?.proposals().iter().filter(|one| !one.is_done) {
            let deed = serde_json::to_string(&one.deed)?;
            let confirmed = one.confirmed_by.as_deref().unwrap_or("-");
            println!("{}  {}  {}  {confirmed}  {deed}", one.number, time(one.at), one.by);
        }
        Ok(Ending::Done)
    }
}
