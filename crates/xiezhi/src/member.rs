//! Membership: what institutions say, and the files of those that come or change their keys.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use xiezhi_alliance::{Code, Invitation, Layout, Own, certify, prepare, requested};
use xiezhi_client::{Client, Wait, wire};
use xiezhi_crypto::{SignatureAlg, Signer};
use xiezhi_custody::Place;
use xiezhi_evidence::{
    Alliance, Body, Genesis, Governance, Group, LocalName, Policy, StatementDraft,
    alliance::institution_account_id,
    genesis::Institution,
    governance::{Change, Invite, Step, Vote},
    policy,
};
use xiezhi_types::{AccountId, InstitutionId, TimestampMs};

use crate::{
    Ending, Usage,
    args::{Acting, Common, InviteOptions, MemberAction, MemberOptions, Propose},
    home,
    texts::Texts,
    trust,
};

pub(crate) async fn run(common: &Common, options: &MemberOptions, texts: &Texts) -> anyhow::Result<Ending> {
    let tool = Tool { common, texts };
    match &options.action {
        MemberAction::List { json, terms } => return tool.list(*json, *terms).await,
        MemberAction::Invite(options) => tool.invite(options).await?,
        MemberAction::Vote { number, approve, refuse: _, acting } => {
            let vote = Vote { proposal: *number, approve: *approve };
            tool.say(acting, Governance::Vote(vote)).await?;
        }
        MemberAction::Withdraw { number, acting } => tool.say(acting, Governance::Withdraw(*number)).await?,
        MemberAction::Suspend(propose) => tool.propose(propose, Step::Suspend).await?,
        MemberAction::Readmit(propose) => tool.propose(propose, Step::Readmit).await?,
        MemberAction::Remove(propose) => tool.propose(propose, Step::Remove).await?,
        MemberAction::Policy { file, acting } => {
            let change = Change { step: Step::Policy, policy: Some(read_policy(file)?) };
            tool.say(acting, Governance::Propose(change)).await?;
        }
        MemberAction::Suites { allow, retire, acting } => tool.suites(allow, retire, acting).await?,
        MemberAction::Leave { acting } => tool.leave(acting).await?,
        MemberAction::Prepare { invitation, dir, listen, http, seal_kept_at, yes } => {
            let invitation = Invitation::read(invitation)?;
            println!(
                "{}",
                texts
                    .get("trust-fingerprint", &[("fingerprint", &trust::fingerprint(&invitation.ledger()?))])
            );
            if !trust::confirmed(*yes, texts)? {
                return Ok(Ending::Unknown);
            }
            let config =
                prepare(&invitation, dir, &listen.to_string(), &http.to_string(), seal_kept_at.as_ref())?;
            let request = Own::open(&config)?.request_path(false);
            let values: [(&str, &dyn std::fmt::Display); 2] =
                [("config", &config.display()), ("request", &request.display())];
            println!("{}", texts.get("member-prepared", &values));
        }
        MemberAction::Certify { ca, request } => tool.certify(ca, request).await?,
        MemberAction::Join { config, code, address } => tool.join(config, code, address.as_deref()).await?,
        MemberAction::Rotate { address, keep_keys, seal_kept_at, acting } => {
            tool.rotate(acting, address.as_deref(), *keep_keys, seal_kept_at.as_ref()).await?;
        }
    }
    Ok(Ending::Done)
}

/// The configuration of whoever speaks: a file, or an institution's name in the alliance's directory.
pub(crate) fn own_of(common: &Common, texts: &Texts, who: &str) -> anyhow::Result<Own> {
    let file = Path::new(who);
    if file.is_file() {
        return Ok(Own::open(file)?);
    }
    let dir = home::data_dir(common)?;
    let named = Layout { dir: dir.clone() }.node_file(who);
    if who.contains(['/', '\\']) || !named.is_file() {
        let values: [(&str, &dyn std::fmt::Display); 2] = [("who", &who), ("dir", &dir.display())];
        bail!(Usage(texts.get("member-no-such", &values)));
    }
    Ok(Own::open(&named)?)
}

/// The nodes that are told: those of the command line, or the institution's own and those that it follows.
pub(crate) fn client_of(common: &Common, texts: &Texts, own: &Own) -> anyhow::Result<Client> {
    if !common.url.is_empty() {
        return home::client(common, texts);
    }
    let file = own.file();
    let mut urls = vec![format!("http://{}", file.http)];
    urls.extend(file.follow.iter().cloned());
    home::client_at(&urls, texts)
}

/// The seal key by which the ledger knows the institution now.
pub(crate) async fn seal_key(texts: &Texts, own: &Own, client: &Client) -> anyhow::Result<Arc<dyn Signer>> {
    let known = client.account(&institution_account_id(&own.ledger, &own.institution)).await?;
    // Between the decision of a rotation and its term both keys are good; after it only the new one.
    let keys = [Some(own.keys()?), own.next_keys()?].into_iter().flatten().map(|keys| keys.seal);
    let is_known =
        |key: &Arc<dyn Signer>| known.keys.iter().any(|known| known.key.0 == key.public_key().as_bytes());
    match keys.into_iter().find(is_known) {
        Some(key) => Ok(key),
        None => bail!(texts.get("member-other-key", &[("institution", &own.institution)])),
    }
}

struct Tool<'a> {
    common: &'a Common,
    texts: &'a Texts,
}

/// The alliance as the nodes' answer has it.
fn value(alliance: &wire::Alliance) -> anyhow::Result<Alliance> {
    Alliance::parse(&alliance.value.0).map_err(|e| anyhow::anyhow!("the alliance: {e}"))
}

fn read_policy(path: &Path) -> anyhow::Result<Policy> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let wrong = |e: &dyn std::fmt::Display| Usage(format!("{}: {e}", path.display()));
    let policy: wire::Policy = serde_json::from_str(&text).map_err(|e| wrong(&e))?;
    let seals = group(&policy.seals).map_err(|e| wrong(&e))?;
    Ok(Policy { seals, timestamps: policy.timestamps })
}

fn group(group: &wire::Group) -> anyhow::Result<Group> {
    let member = |member: &wire::PolicyMember| {
        Ok(match member {
            wire::PolicyMember::Institution(id) => policy::Member::Institution(id.parse()?),
            wire::PolicyMember::Role(role) => policy::Member::Role(role.parse()?),
            wire::PolicyMember::Group(inner) => policy::Member::Group(self::group(inner)?),
        })
    };
    let members = group.members.iter().map(member).collect::<anyhow::Result<_>>()?;
    Ok(Group { threshold: group.threshold, members })
}

/// Who is active after `step`. Of an invited institution only id and role matter here.
fn after(alliance: &Alliance, step: &Step) -> Vec<Institution> {
    let mut after = alliance.term.institutions();
    match step {
        Step::Suspend(id) | Step::Remove(id) => after.retain(|one| one.id != *id),
        Step::Readmit(id) => after.extend(alliance.term.member(id).map(|member| member.institution.clone())),
        Step::Invite(Invite { institution, role, name, key }) => after.push(Institution {
            id: institution.clone(),
            role: *role,
            name: name.clone(),
            consensus_key: *key,
            seal_key: *key,
        }),
        Step::Policy | Step::Suites(_) => {}
    }
    after.sort_by(|one, two| one.id.cmp(&two.id));
    after
}

impl Tool<'_> {
    async fn say(&self, acting: &Acting, said: Governance) -> anyhow::Result<()> {
        let own = own_of(self.common, self.texts, &acting.who)?;
        let client = client_of(self.common, self.texts, &own)?;
        let issuer = institution_account_id(&own.ledger, &own.institution);
        let key = seal_key(self.texts, &own, &client).await?;
        self.send(&client, &own, issuer, &*key, said, acting.timeout).await
    }

    async fn send(
        &self,
        client: &Client,
        own: &Own,
        issuer: AccountId,
        key: &dyn Signer,
        said: Governance,
        timeout: u64,
    ) -> anyhow::Result<()> {
        let body = Body::Governance(said);
        let draft = StatementDraft { issuer, ledger: own.ledger, issued_at: home::now(), group: None, body };
        let statement = draft.sign(&[key])?.as_bytes().to_vec();
        let done = client.deposit(statement, Wait::Recorded(Duration::from_secs(timeout))).await?;
        println!("{}", self.texts.get("member-recorded", &[("number", &done.record.number)]));
        self.show_open(&client.alliance().await?);
        Ok(())
    }

    /// The policy that a change needs: the one given, or the present one made to fit.
    fn policy(
        &self,
        alliance: &Alliance,
        step: &Step,
        given: Option<&Path>,
    ) -> anyhow::Result<Option<Policy>> {
        if let Some(path) = given {
            return read_policy(path).map(Some);
        }
        let after = after(alliance, step);
        let adjusted = alliance.term.policy.adjusted(&alliance.term.institutions(), &after);
        if let Err(error) = adjusted.check(&after) {
            bail!(Usage(self.texts.get("member-policy-needed", &[("reason", &error)])));
        }
        Ok((adjusted != alliance.term.policy).then_some(adjusted))
    }

    async fn propose(&self, propose: &Propose, step: fn(InstitutionId) -> Step) -> anyhow::Result<()> {
        let (step, own) =
            (step(propose.institution.clone()), own_of(self.common, self.texts, &propose.acting.who)?);
        let alliance = value(&client_of(self.common, self.texts, &own)?.alliance().await?)?;
        let policy = self.policy(&alliance, &step, propose.policy.as_deref())?;
        self.say(&propose.acting, Governance::Propose(Change { step, policy })).await
    }

    async fn suites(&self, allow: &[String], retire: &[String], acting: &Acting) -> anyhow::Result<()> {
        let own = own_of(self.common, self.texts, &acting.who)?;
        let client = client_of(self.common, self.texts, &own)?;
        let (alliance, genesis) =
            (value(&client.alliance().await?)?, Genesis::parse(&client.genesis().await?)?);
        let numbers = |names: &[String]| -> anyhow::Result<Vec<i64>> {
            let number = |name: &String| Ok(SignatureAlg::from_name(name)?.cose());
            names.iter().map(number).collect::<anyhow::Result<_>>().map_err(|e| Usage(e.to_string()).into())
        };
        let (allow, retire) = (numbers(allow)?, numbers(retire)?);
        let now = alliance.term.suites(&genesis);
        let kept = now.allowed.iter().copied().filter(|suite| !retire.contains(suite));
        let next = now.followed_by(&kept.chain(allow).collect::<Vec<_>>());
        let change = Change { step: Step::Suites(next.allowed), policy: None };
        self.say(acting, Governance::Propose(change)).await
    }

    async fn leave(&self, acting: &Acting) -> anyhow::Result<()> {
        let own = own_of(self.common, self.texts, &acting.who)?;
        let alliance = value(&client_of(self.common, self.texts, &own)?.alliance().await?)?;
        let step = Step::Remove(own.institution.clone());
        // Nobody can change the policy alone: who is named by it needs the others' votes.
        let said = match self.policy(&alliance, &step, None)? {
            None => Governance::Leave,
            policy => Governance::Propose(Change { step, policy }),
        };
        self.say(acting, said).await
    }

    async fn invite(&self, options: &InviteOptions) -> anyhow::Result<()> {
        let own = own_of(self.common, self.texts, &options.acting.who)?;
        let client = client_of(self.common, self.texts, &own)?;
        let answer = client.alliance().await?;
        let alliance = value(&answer)?;
        let code = Code::new()?;
        let key = code.key(&own.ledger, &options.institution)?.public_key();
        let step = Step::Invite(Invite {
            institution: options.institution.clone(),
            role: options.role,
            name: LocalName { zh: options.name_zh.clone(), en: options.name_en.clone() },
            key: key.as_bytes().try_into().context("a key of 32 bytes")?,
        });
        let policy = self.policy(&alliance, &step, options.policy.as_deref())?;
        let file = own.file();
        let mut follow = vec![format!("http://{}", file.http)];
        follow
            .extend(self.common.url.iter().filter(|url| !follow.contains(url)).cloned().collect::<Vec<_>>());
        let mut peers = file.peers.clone();
        for member in &alliance.term.members {
            peers.extend(member.address.clone().map(|address| (member.institution.id.to_string(), address)));
        }
        let genesis = client.genesis().await?;
        let invitation = Invitation {
            institution: options.institution.to_string(),
            genesis: hex::encode(genesis),
            follow,
            peers,
        };
        let path =
            options.out.clone().unwrap_or_else(|| format!("{}.invitation", options.institution).into());
        // The file and the code before the statement: an invitation that is recorded can be used.
        invitation.write(&path)?;
        let values: [(&str, &dyn std::fmt::Display); 2] = [("file", &path.display()), ("code", &code.text())];
        println!("{}", self.texts.get("member-invited", &values));
        self.say(&options.acting, Governance::Propose(Change { step, policy })).await
    }

    async fn certify(&self, ca: &Path, request: &Path) -> anyhow::Result<()> {
        let (_, institution, keys) = requested(request)?;
        let own = Own::open(ca)?;
        let alliance = value(&client_of(self.common, self.texts, &own)?.alliance().await?)?;
        let member = alliance.term.member(&institution).map(|member| member.institution.name.clone());
        let invited = || {
            let open = alliance.invitations.iter().find(|one| one.institution == institution);
            open.map(|one| one.name.clone())
        };
        let Some(name) = member.or_else(invited) else {
            bail!(self.texts.get("member-not-known", &[("institution", &institution)]));
        };
        let (chain, validity) = certify(ca, request, &name, home::now())?;
        let time = TimestampMs(validity.not_after.saturating_mul(1000)).rfc3339();
        let key = hex::encode(keys.seal_key);
        let values: [(&str, &dyn std::fmt::Display); 4] =
            [("file", &chain.display()), ("institution", &institution), ("key", &key), ("time", &time)];
        println!("{}", self.texts.get("member-certified", &values));
        Ok(())
    }

    async fn join(&self, config: &Path, code: &str, address: Option<&str>) -> anyhow::Result<()> {
        let own = Own::open(config)?;
        let keys = own.keys()?;
        if !keys.is_certified {
            let request = own.request_path(false);
            bail!(Usage(self.texts.get("member-uncertified", &[("request", &request.display())])));
        }
        // Its own node takes nothing while it only follows.
        let urls = if self.common.url.is_empty() { &own.file().follow } else { &self.common.url };
        let client = home::client_at(urls, self.texts)?;
        let key = Code::parse(code)?.key(&own.ledger, &own.institution)?;
        let issuer = institution_account_id(&own.ledger, &own.institution);
        let said = Governance::Confirm(own.prove(&keys, address)?);
        self.send(&client, &own, issuer, &key, said, 30).await
    }

    async fn rotate(
        &self,
        acting: &Acting,
        address: Option<&str>,
        keep_keys: bool,
        seal_place: Option<&Place>,
    ) -> anyhow::Result<()> {
        let own = own_of(self.common, self.texts, &acting.who)?;
        if keep_keys {
            return self.say(acting, Governance::Rotate(own.prove(&own.keys()?, address)?)).await;
        }
        let Some(later) = own.next_keys()? else {
            let request = own.make_next_keys(seal_place)?;
            println!("{}", self.texts.get("member-keys-made", &[("request", &request.display())]));
            return Ok(());
        };
        let alliance = value(&client_of(self.common, self.texts, &own)?.alliance().await?)?;
        let has = |term: &xiezhi_evidence::Term| {
            let member = term.member(&own.institution);
            member
                .is_some_and(|member| member.institution.seal_key[..] == *later.seal.public_key().as_bytes())
        };
        if has(&alliance.term) {
            own.promote()?;
            println!("{}", self.texts.get("member-keys-in-use", &[]));
        } else if let Some(next) = alliance.next.as_ref().filter(|next| has(next)) {
            println!("{}", self.texts.get("member-keys-decided", &[("height", &next.from)]));
        } else if later.is_certified {
            self.say(acting, Governance::Rotate(own.prove(&later, address)?)).await?;
        } else {
            let request = own.request_path(true);
            bail!(Usage(self.texts.get("member-uncertified", &[("request", &request.display())])));
        }
        Ok(())
    }

    async fn list(&self, json: bool, terms: bool) -> anyhow::Result<Ending> {
        let client = home::client(self.common, self.texts)?;
        if terms {
            let terms = client.terms().await?;
            if json {
                println!("{}", serde_json::to_string_pretty(&terms)?);
            } else {
                terms.iter().for_each(|term| self.show_term("member-term", term));
            }
            return Ok(Ending::Done);
        }
        let alliance = client.alliance().await?;
        if json {
            println!("{}", serde_json::to_string_pretty(&alliance)?);
        } else {
            self.show_term("member-term", &alliance.term);
            self.show_open(&alliance);
        }
        Ok(Ending::Done)
    }

    fn show_term(&self, title: &str, term: &wire::Term) {
        let is_active = |member: &&wire::Member| member.status == "active";
        let active = term.members.iter().filter(is_active).count();
        let values: [(&str, &dyn std::fmt::Display); 5] = [
            ("number", &term.number),
            ("from", &term.from),
            ("members", &term.members.len()),
            ("active", &active),
            ("quorum", &term.quorum),
        ];
        println!("{}", self.texts.get(title, &values));
        for member in &term.members {
            let name = self.texts.pick(&member.name.zh, &member.name.en);
            let status = self.texts.get(&format!("member-{}", member.status), &[]);
            let address = member.address.as_deref().unwrap_or_default();
            println!("  {:<14} {:<10} {status:<10} {name}  {address}", member.id, member.role);
        }
        println!("  {}: {}", self.texts.get("member-policy", &[]), self.policy_text(&term.policy));
        println!("  {}: {}", self.texts.get("member-suites", &[]), term.suites.join(", "));
        if !term.retired_suites.is_empty() {
            println!("  {}: {}", self.texts.get("member-retired", &[]), term.retired_suites.join(", "));
        }
    }

    fn policy_text(&self, policy: &wire::Policy) -> String {
        fn text(group: &wire::Group) -> String {
            let member = |member: &wire::PolicyMember| match member {
                wire::PolicyMember::Institution(id) => id.clone(),
                wire::PolicyMember::Role(role) => format!("role:{role}"),
                wire::PolicyMember::Group(inner) => format!("({})", text(inner)),
            };
            let members: Vec<_> = group.members.iter().map(member).collect();
            format!("{}/{}: {}", group.threshold, members.len(), members.join(", "))
        }
        let stamps = self.texts.get("member-stamps", &[("count", &policy.timestamps)]);
        format!("{}; {stamps}", text(&policy.seals))
    }

    /// The next term, proposals, invitations.
    fn show_open(&self, alliance: &wire::Alliance) {
        if let Some(next) = &alliance.next {
            self.show_term("member-next-term", next);
        }
        for open in &alliance.proposals {
            let what = &open.change;
            let step = self.texts.get(&format!("member-step-{}", what.step), &[]);
            let (approved, refused) = (open.approved.join(", "), open.refused.join(", "));
            let values: [(&str, &dyn std::fmt::Display); 8] = [
                ("number", &open.number),
                ("proposer", &open.proposer),
                ("step", &step),
                ("institution", &what.institution.as_deref().unwrap_or_default()),
                ("approved", &approved),
                ("refused", &if refused.is_empty() { "-" } else { &refused }),
                ("quorum", &alliance.term.quorum),
                ("until", &open.until),
            ];
            println!("{}", self.texts.get("member-proposal", &values));
            if let Some(suites) = &what.suites {
                println!("  {}: {}", self.texts.get("member-suites", &[]), suites.join(", "));
            }
            if let Some(policy) = &what.policy {
                println!("  {}: {}", self.texts.get("member-policy", &[]), self.policy_text(policy));
            }
        }
        for open in &alliance.invitations {
            let name = self.texts.pick(&open.name.zh, &open.name.en);
            let values: [(&str, &dyn std::fmt::Display); 4] = [
                ("institution", &open.institution),
                ("role", &open.role),
                ("name", &name),
                ("until", &open.until),
            ];
            println!("{}", self.texts.get("member-invitation", &values));
        }
    }
}
