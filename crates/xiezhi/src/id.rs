//! `id check`: numbers by which persons and enterprises are known.

use xiezhi_identity::{Date, Kind, Rule, check};

use crate::{Ending, Usage, home, texts::Texts};

/// Checks a number by the rules of its standard; `-` reads it from standard input.
pub(crate) fn check_number(kind: Kind, number: &str, json: bool, texts: &Texts) -> anyhow::Result<Ending> {
    let number = match number {
        "-" => std::io::read_to_string(std::io::stdin())?.trim().to_owned(),
        given => given.to_owned(),
    };
    let judged = check(kind, &number, Some(today()?));
    if json {
        let rule = judged.err().map(Rule::code);
        println!("{}", serde_json::json!({"well_formed": judged.is_ok(), "rule": rule}));
    } else {
        match judged {
            Ok(()) => println!("{}", texts.get("id-well-formed", &[])),
            Err(rule) => println!(
                "{}",
                texts.get("id-breaks", &[("rule", &texts.pick(&rule.zh(), &rule.to_string()))])
            ),
        }
    }
    Ok(if judged.is_ok() { Ending::Done } else { Ending::Invalid })
}

/// Today, by this machine's clock, in UTC.
fn today() -> anyhow::Result<Date> {
    let now = home::now().rfc3339();
    let number = |range: std::ops::Range<usize>| now.get(range).and_then(|digits| digits.parse::<u16>().ok());
    let date =
        || Some((number(0..4)?, u8::try_from(number(5..7)?).ok()?, u8::try_from(number(8..10)?).ok()?));
    date().ok_or_else(|| Usage(format!("the clock says {now}")).into())
}
