//! Why something does not fit a template: the element, the rule, a sentence in both languages.

use xiezhi_types::Refusal;

use crate::{Label, Phase};

pub(crate) fn of_element(name: &str, label: &Label, rule: &'static str, en: &str, zh: &str) -> Refusal {
    let field = format!("fields.{name}");
    Refusal::new(field, rule, format!("{}: {en}", label.en), format!("{}:{zh}", label.zh))
}

pub(crate) fn phase_unknown(number: u32, last: u32) -> Refusal {
    let en = format!("there is no phase {number}; phases are numbered 1 to {last}");
    Refusal::new("phase", "phase-unknown", en, format!("没有阶段 {number},阶段编号为 1 至 {last}"))
}

fn named(phase: &Phase) -> (String, String) {
    let (number, label) = (phase.number, &phase.label);
    (format!("phase {number} ({})", label.en), format!("阶段 {number}({})", label.zh))
}

pub(crate) fn phase_repeated(phase: &Phase) -> Refusal {
    let (en, zh) = named(phase);
    Refusal::new("phase", "phase-repeated", format!("{en} is there already"), format!("{zh}已存在"))
}

pub(crate) fn phase_early(phase: &Phase, before: &Phase) -> Refusal {
    let ((en, zh), (en_before, zh_before)) = (named(phase), named(before));
    let en = format!("{en} comes after {en_before}, which is not there yet");
    Refusal::new("phase", "phase-early", en, format!("{zh}须在{zh_before}之后"))
}

pub(crate) fn phase_missing(phase: &Phase) -> Refusal {
    let (en, zh) = named(phase);
    Refusal::new(
        "phase",
        "phase-missing",
        format!("{en} is required and not there"),
        format!("缺少必需的{zh}"),
    )
}
