use super::*;

pub(crate) const TODAY: Date = (2026, 11, 28);

pub(crate) fn person() -> Applicant {
    Applicant {
        kind: ApplicantKind::Person,
        number_kind: "resident-id".to_owned(),
        number: "11010519491231002X".to_owned(),
        name: "张三".to_owned(),
        legal_representative: None,
        agent: None,
    }
}

pub(crate) fn enterprise() -> Applicant {
    Applicant {
        kind: ApplicantKind::Enterprise,
        number_kind: "credit-code".to_owned(),
        number: "91350100M000100Y43".to_owned(),
        name: "福州示例有限公司".to_owned(),
        legal_representative: Some(Individual {
            name: "李四".to_owned(),
            number_kind: "resident-id".to_owned(),
            number: "11010519491231002X".to_owned(),
        }),
        agent: None,
    }
}

fn agent() -> Agent {
    Agent {
        name: "王五".to_owned(),
        number_kind: "resident-id".to_owned(),
        number: "440524188001010014".to_owned(),
        authority: Authority {
            reference: "授权 2026-7".to_owned(),
            sha256: "ab".repeat(32),
            until: "2026-11-28".to_owned(),
        },
    }
}

fn broken(applicant: &Applicant) -> Vec<(String, &'static str)> {
    let refused = applicant.check(TODAY).err().unwrap_or_default();
    refused.into_iter().map(|one| (one.field, one.rule)).collect()
}

fn check_person(change: impl FnOnce(&mut Applicant), expected: &[(&str, &'static str)]) {
    let mut applicant = person();
    change(&mut applicant);
    assert_eq!(broken(&applicant), expected.iter().map(|(f, r)| ((*f).to_owned(), *r)).collect::<Vec<_>>());
}

fn check_enterprise(change: impl FnOnce(&mut Applicant), expected: &[(&str, &'static str)]) {
    let mut applicant = enterprise();
    applicant.agent = Some(agent());
    change(&mut applicant);
    assert_eq!(broken(&applicant), expected.iter().map(|(f, r)| ((*f).to_owned(), *r)).collect::<Vec<_>>());
}

#[test]
fn a_person_is_refused_by_the_rule_that_failed() {
    check_person(|_| {}, &[]);
    check_person(|a| a.name = "Ann O'Hara-Zhang".to_owned(), &[]);
    check_person(|a| a.number.replace_range(17.., "1"), &[("number", "check")]);
    check_person(|a| a.number = "110105".to_owned(), &[("number", "length")]);
    check_person(|a| a.number = "11010519491331002X".to_owned(), &[("number", "birth")]);
    check_person(|a| a.number_kind = "credit-code".to_owned(), &[("number_kind", "number-kind-person")]);
    check_person(|a| a.number_kind = "passport".to_owned(), &[("number_kind", "number-kind-unknown")]);
    check_person(|a| a.name = String::new(), &[("name", "name-empty")]);
    check_person(|a| a.name = " 张三".to_owned(), &[("name", "name-character")]);
    check_person(|a| a.name = "张\u{0}三".to_owned(), &[("name", "name-character")]);
    check_person(|a| a.name = "张3".to_owned(), &[("name", "name-character")]);
    check_person(|a| a.name = "张".repeat(101), &[("name", "name-length")]);
    check_person(
        |a| a.legal_representative = enterprise().legal_representative,
        &[("legal_representative", "representative-unexpected")],
    );
    check_person(|a| a.agent = Some(agent()), &[("agent", "agent-unexpected")]);
    check_person(
        |a| {
            a.number.clear();
            a.name.clear();
        },
        &[("number", "length"), ("name", "name-empty")],
    );
}

#[test]
fn an_enterprise_is_refused_by_the_rule_that_failed() {
    check_enterprise(|_| {}, &[]);
    check_enterprise(|a| a.agent = None, &[]);
    check_enterprise(|a| a.name = "3721 网络公司".to_owned(), &[]);
    let lei = |a: &mut Applicant| {
        a.number_kind = "lei".to_owned();
        a.number = "529900T8BM49AURSDO55".to_owned();
    };
    check_enterprise(lei, &[]);
    check_enterprise(|a| a.number.replace_range(17.., "4"), &[("number", "check")]);
    check_enterprise(
        |a| a.number_kind = "resident-id".to_owned(),
        &[("number_kind", "number-kind-enterprise")],
    );
    check_enterprise(
        |a| a.legal_representative = None,
        &[("legal_representative", "representative-missing")],
    );
    let representative = |a: &mut Applicant, change: fn(&mut Individual)| {
        a.legal_representative.as_mut().map(change);
    };
    check_enterprise(
        |a| representative(a, |one| one.number.replace_range(17.., "1")),
        &[("legal_representative.number", "check")],
    );
    check_enterprise(
        |a| representative(a, |one| one.name.clear()),
        &[("legal_representative.name", "name-empty")],
    );
    check_enterprise(
        |a| representative(a, |one| one.number_kind = "lei".to_owned()),
        &[("legal_representative.number_kind", "number-kind-person")],
    );
}

#[test]
fn an_agent_is_refused_by_the_rule_that_failed() {
    fn with(change: fn(&mut Agent)) -> impl FnOnce(&mut Applicant) {
        move |applicant| {
            applicant.agent.as_mut().map(change);
        }
    }
    check_enterprise(with(|agent| agent.name.clear()), &[("agent.name", "name-empty")]);
    check_enterprise(with(|agent| agent.number.clear()), &[("agent.number", "length")]);
    let same = |agent: &mut Agent| agent.number = "11010519491231002X".to_owned();
    check_enterprise(with(same), &[("agent", "agent-is-representative")]);
    for reference in ["", "a\n"] {
        check_enterprise(
            |a| a.agent.as_mut().unwrap().authority.reference = reference.to_owned(),
            &[("agent.authority.reference", "authority-reference")],
        );
    }
    for sha256 in ["", &"AB".repeat(32), &"ab".repeat(31), &"zz".repeat(32)] {
        check_enterprise(
            |a| a.agent.as_mut().unwrap().authority.sha256 = sha256.to_owned(),
            &[("agent.authority.sha256", "authority-digest")],
        );
    }
    for until in ["", "2026-13-01", "2026-11-31", "2026-11-28T00:00:00Z", "28.11.2026"] {
        check_enterprise(
            |a| a.agent.as_mut().unwrap().authority.until = until.to_owned(),
            &[("agent.authority.until", "authority-date")],
        );
    }
    let expired = |agent: &mut Agent| agent.authority.until = "2026-11-27".to_owned();
    check_enterprise(with(expired), &[("agent.authority.until", "authority-expired")]);
}

#[test]
fn the_json_form_is_strict_and_stable() {
    let text = serde_json::to_string(&Applicant { agent: Some(agent()), ..enterprise() }).unwrap();
    assert_eq!(serde_json::from_str::<Applicant>(&text).unwrap().agent, Some(agent()));
    assert!(text.contains(r#""agent":{"name":"王五","number_kind":"resident-id""#), "{text}");
    let more = text.replace(r#""kind":"enterprise""#, r#""kind":"enterprise","surprise":1"#);
    assert!(serde_json::from_str::<Applicant>(&more).is_err());
    assert!(serde_json::from_str::<Applicant>(r#"{"kind":"robot"}"#).is_err());
}

#[test]
fn a_day_is_that_of_utc() {
    let at = xiezhi_types::TimestampMs::parse_rfc3339("2026-11-28T23:59:59.999Z").unwrap();
    assert_eq!(day_of(at), TODAY);
}
