//! Transactions of the evidence service: a list, one as a timeline of its phases, a new one, one more entry, the pack that closes it.
//!
//! Whoever logged in at the office as a person sees those of the client for which he acts, or else his own. What changes something comes from
//! these pages only. A file's digests are made in the browser; the file stays there.

use std::{collections::HashMap, sync::Arc};

use askama::Template;
use axum::{
    Form,
    extract::{FromRequestParts, Path, Query},
    response::{IntoResponse as _, Redirect, Response},
};
use http::{StatusCode, header, request::Parts};
use xiezhi_office::policy::Role;
use xiezhi_service::{
    Content, Customer, Entry, EntryView, Filter, LegState, LegView, OVERVIEW_MAX, Opening, Overview,
    PACK_PHASE, Service, ServiceError, TransactionView,
};
use xiezhi_template::{Format, Phase, Property, Template as Kind};
use xiezhi_types::Refusal;

use crate::{
    app::App,
    office::Member,
    page::{Page, Trouble, rendered},
    show,
};

/// Most bytes of a form: a text of 64 KiB, every byte escaped, and the elements.
pub(crate) const FORM_BYTES_MAX: usize = 512 << 10;
/// From so many characters on an element is written in an area.
const AREA_FROM: usize = 500;
const STATES: [&str; 2] = ["open", "closed"];
const CUSTOMER: [&str; 2] = ["customer.name", "customer.number"];
/// The kinds of a customer's number, each with the kind of the customer.
const NUMBERS: [(&str, &str); 3] =
    [("resident-id", "person"), ("credit-code", "enterprise"), ("lei", "enterprise")];

type Values = HashMap<String, String>;

/// Somebody with transactions.
pub(crate) struct Party {
    service: Arc<Service>,
    owner: String,
}

impl FromRequestParts<Arc<App>> for Party {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let service = app.evidence.clone().ok_or_else(|| Trouble::NotFound.into_response())?;
        let session = Member::from_request_parts(parts, app).await?.visitor.session;
        if session.role != Role::Person {
            return Err(Trouble::Denied.into_response());
        }
        Ok(Self { owner: service.owner(&session.principal), service })
    }
}

impl From<ServiceError> for Trouble {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::NotFound(_) => Self::NotFound,
            ServiceError::Incomplete { .. } => Self::NotSealed,
            ServiceError::Closed | ServiceError::Reused | ServiceError::Raced | ServiceError::Refused(_) => {
                Self::Changed
            }
            error => {
                tracing::warn!(%error, "the evidence service");
                Self::Broken
            }
        }
    }
}

/// What was written, as it was; browsers end lines of areas with two characters.
fn written_text(values: &Values, name: &str) -> String {
    values.get(name).map(|value| value.replace("\r\n", "\n")).unwrap_or_default()
}

fn text(values: &Values, name: &str) -> String {
    written_text(values, name).trim().to_owned()
}

#[derive(Template)]
#[template(path = "transactions.html")]
struct ListPage {
    page: Page,
    owner: String,
    filter: Filter,
    found: Vec<Overview>,
}

impl ListPage {
    fn templates(&self) -> Vec<&'static Kind> {
        newest()
    }

    fn label(&self, one: &Overview) -> String {
        label(&self.page, &one.template, one.version)
    }

    /// The last of a full list, after which there may be more.
    fn last(&self) -> Option<&str> {
        self.found.last().filter(|_| self.found.len() == OVERVIEW_MAX).map(|one| one.id.as_str())
    }
}

fn label(page: &Page, template: &str, version: u32) -> String {
    let found = xiezhi_template::find(template, Some(version));
    found.map_or_else(|| template.to_owned(), |found| page.t.label(&found.label).to_owned())
}

/// The newest version of every template.
fn newest() -> Vec<&'static Kind> {
    let is_newest = |one: &&Kind| xiezhi_template::find(&one.id, None) == Some(*one);
    xiezhi_template::all().iter().filter(is_newest).collect()
}

pub(crate) async fn show_transactions(
    page: Page,
    party: Party,
    Query(filter): Query<Filter>,
) -> Result<Response, Trouble> {
    let found = party.service.book().overview(&party.owner, &filter).await?;
    rendered(&ListPage { page, owner: party.owner, filter, found })
}

#[derive(Template)]
#[template(path = "transaction-new.html")]
struct NewPage {
    page: Page,
    request: String,
    values: Values,
    refusals: Vec<Refusal>,
}

impl NewPage {
    fn templates(&self) -> Vec<&'static Kind> {
        newest()
    }

    fn value(&self, field: &str) -> &str {
        self.values.get(field).map_or("", String::as_str)
    }

    fn wrong(&self, field: &str) -> Option<&str> {
        self.page.wrong(&self.refusals, field)
    }

    fn label(&self, field: &str) -> String {
        self.page.t.word("field", &field.replace('.', "-"))
    }

    fn is_chosen(&self, field: &str, value: &str) -> bool {
        self.value(field) == value
    }
}

pub(crate) async fn show_new(page: Page, party: Party) -> Result<Response, Trouble> {
    let request = party.service.fresh_request()?;
    rendered(&NewPage { page, request, values: Values::new(), refusals: Vec::new() })
}

pub(crate) async fn open(page: Page, party: Party, Form(values): Form<Values>) -> Result<Response, Trouble> {
    let number_kind = text(&values, "number_kind");
    let kind = NUMBERS.iter().find(|(known, _)| *known == number_kind).map_or("", |(_, kind)| kind);
    let [name, number] = CUSTOMER.map(|field| text(&values, field));
    let customer = (!name.is_empty() || !number.is_empty()).then(|| Customer {
        kind: kind.to_owned(),
        name,
        number_kind,
        number,
    });
    let template = text(&values, "template");
    let opening = Opening { template, version: None, customer, sinks: Vec::new() };
    let request = text(&values, "request");
    let book = party.service.book();
    match book.begin(&party.owner, &opening, Some(&request), party.service.now()).await {
        Err(ServiceError::Refused(refusals)) => {
            let form = rendered(&NewPage { page, request, values, refusals })?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, form).into_response())
        }
        opened => Ok(Redirect::to(&format!("/office/transactions/{}", opened?.id)).into_response()),
    }
}

/// An entry with what it says, by the labels of its phase.
struct Shown {
    view: EntryView,
    fields: Vec<(String, String)>,
}

/// A phase with its entries.
struct Step {
    number: u32,
    label: String,
    is_required: bool,
    is_missing: bool,
    can_add: bool,
    entries: Vec<Shown>,
}

#[derive(Template)]
#[template(path = "timeline.html")]
struct Timeline {
    page: Page,
    id: String,
    steps: Vec<Step>,
    pack: Option<Shown>,
    /// The sink that is the ledger of these pages.
    own_sink: String,
}

impl Timeline {
    async fn of(page: Page, party: &Party, view: &TransactionView) -> Result<Self, Trouble> {
        let book = party.service.book();
        let template = xiezhi_template::find(&view.template, Some(view.version)).ok_or(Trouble::Broken)?;
        let mut pack = None;
        let mut shown: HashMap<u32, Vec<Shown>> = HashMap::new();
        for entry in &view.entries {
            let manifest = book.recorded(&party.owner, &view.id, entry.entry).await?;
            let phase = template.phase(entry.phase);
            let mut shown_fields: Vec<_> = manifest.fields().collect();
            shown_fields.sort_by_key(|field| rank(&field.name));
            let fields = shown_fields
                .into_iter()
                .filter_map(|field| Some((named(&page, phase, &field.name)?, said(&field.value))));
            let one = Shown { fields: fields.collect(), view: entry.clone() };
            match entry.phase {
                PACK_PHASE => pack = Some(one),
                phase => shown.entry(phase).or_default().push(one),
            }
        }
        let done: Vec<_> = view.entries.iter().map(|entry| entry.phase).collect();
        let step = |phase: &Phase| Step {
            number: phase.number,
            label: page.t.label(&phase.label).to_owned(),
            is_required: phase.required,
            is_missing: view.missing.contains(&phase.number),
            can_add: view.state == "open" && template.admit(&done, phase.number).is_ok(),
            entries: shown.remove(&phase.number).unwrap_or_default(),
        };
        let steps = template.phases.iter().map(step).collect();
        let own = page.ledger.as_ref().map(|ledger| format!("ledger:{ledger}"));
        let own_sink = book.sinks().find(|(_, listed)| Some(listed) == own.as_ref());
        let own_sink = own_sink.map(|(name, _)| name).unwrap_or_default();
        Ok(Self { page, id: view.id.clone(), steps, pack, own_sink })
    }

    /// Whether something is still on its way.
    fn has_more(&self) -> bool {
        let all = self.steps.iter().flat_map(|step| &step.entries).chain(&self.pack);
        all.into_iter().any(|one| !one.view.complete)
    }

    fn is_linked(&self, leg: &LegView) -> bool {
        leg.sink == self.own_sink && leg.record.is_some()
    }

    fn is_tried_again(&self, leg: &LegView) -> bool {
        leg.state == LegState::Failed
    }

    /// The entry in its place, for the part of the template that writes both phases' entries and the pack.
    fn entry(&self, one: &Shown) -> Result<String, askama::Error> {
        EntryPart { timeline: self, one }.render()
    }
}

#[derive(Template)]
#[template(path = "entry.html")]
struct EntryPart<'a> {
    timeline: &'a Timeline,
    one: &'a Shown,
}

/// What comes first: elements, then the content, then how it came into being, then whose it is.
fn rank(name: &str) -> usize {
    let groups = ["element.", "title", "content.", "size", "media-type", "digest.", "generation."];
    groups.iter().position(|group| name.starts_with(group)).unwrap_or(groups.len())
}

/// What a field of the manifest is called here; nothing for what the page shows elsewhere.
fn named(page: &Page, phase: Option<&Phase>, name: &str) -> Option<String> {
    if let Some(element) = name.strip_prefix("element.") {
        let property = phase.and_then(|phase| phase.schema.properties.get(element));
        return Some(property.map_or_else(|| element.to_owned(), |one| page.t.label(one.label()).to_owned()));
    }
    let is_elsewhere = ["transaction.", "sink.", "pack.entry."].iter().any(|group| name.starts_with(group));
    (!is_elsewhere).then(|| page.t.word("recorded", &name.replace('.', "-")))
}

fn said(value: &xiezhi_evidence::Value) -> String {
    use xiezhi_evidence::Value;
    match value {
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bytes(bytes) => hex::encode(bytes),
        Value::Digest(digest) => digest.to_string(),
    }
}

#[derive(Template)]
#[template(path = "transaction.html")]
struct TransactionPage {
    page: Page,
    view: TransactionView,
    label: String,
    missing: Vec<String>,
    timeline: String,
}

pub(crate) async fn show_transaction(
    page: Page,
    party: Party,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let view = party.service.book().show(&party.owner, &id).await?;
    let timeline = written(Timeline::of(page.clone(), &party, &view).await?)?;
    let label = label(&page, &view.template, view.version);
    let template = xiezhi_template::find(&view.template, Some(view.version)).ok_or(Trouble::Broken)?;
    let phase = |number: &u32| template.phase(*number).map(|phase| page.t.label(&phase.label).to_owned());
    let missing = view.missing.iter().filter_map(phase).collect();
    rendered(&TransactionPage { page, view, label, missing, timeline })
}

fn written(template: impl Template) -> Result<String, Trouble> {
    template.render().map_err(|error| {
        tracing::error!(%error, "a page cannot be written");
        Trouble::Broken
    })
}

/// The timeline alone, for the script that refreshes it.
pub(crate) async fn show_timeline(
    page: Page,
    party: Party,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let view = party.service.book().show(&party.owner, &id).await?;
    rendered(&Timeline::of(page, &party, &view).await?)
}

/// An element in a form.
struct Input {
    name: String,
    label: String,
    is_required: bool,
    is_area: bool,
    most: usize,
    /// What it looks like, as the stem of a text; empty where anything goes.
    format: &'static str,
    values: Vec<String>,
}

impl Input {
    fn of(page: &Page, phase: &Phase) -> Vec<Self> {
        let one = |(name, property): (&String, &Property)| {
            let (most, format, values) = match property {
                Property::String { max_length, format, values, .. } => {
                    let format = match format {
                        None => "",
                        Some(Format::Date) => "date",
                        Some(Format::DateTime) => "date-time",
                        Some(Format::Decimal) => "decimal",
                        Some(Format::Uri) => "uri",
                    };
                    (*max_length, format, values.clone())
                }
                Property::Integer { .. } => (20, "integer", Vec::new()),
            };
            Self {
                name: name.clone(),
                label: page.t.label(property.label()).to_owned(),
                is_required: phase.schema.required.contains(name),
                is_area: most >= AREA_FROM && format.is_empty() && values.is_empty(),
                most,
                format,
                values,
            }
        };
        let mut inputs: Vec<_> = phase.schema.properties.iter().map(one).collect();
        inputs.sort_by_key(|input| !input.is_required);
        inputs
    }
}

#[derive(Template)]
#[template(path = "entry-new.html")]
struct EntryPage {
    page: Page,
    id: String,
    phase: u32,
    label: String,
    needs_content: bool,
    inputs: Vec<Input>,
    request: String,
    values: Values,
    refusals: Vec<Refusal>,
}

impl EntryPage {
    fn value(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    fn element(&self, input: &Input) -> &str {
        self.value(&format!("fields.{}", input.name))
    }

    fn is_chosen(&self, input: &Input, value: &str) -> bool {
        self.element(input) == value
    }

    fn wrong(&self, input: &Input) -> Option<&str> {
        self.page.wrong(&self.refusals, &format!("fields.{}", input.name))
    }
}

async fn entry_page(
    page: Page,
    party: &Party,
    (id, phase): (String, u32),
    (request, values, refusals): (String, Values, Vec<Refusal>),
) -> Result<Response, Trouble> {
    let view = party.service.book().show(&party.owner, &id).await?;
    let template = xiezhi_template::find(&view.template, Some(view.version)).ok_or(Trouble::Broken)?;
    let phase = template.phase(phase).ok_or(Trouble::NotFound)?;
    rendered(&EntryPage {
        id,
        phase: phase.number,
        label: page.t.label(&phase.label).to_owned(),
        needs_content: phase.content == xiezhi_template::Content::Required,
        inputs: Input::of(&page, phase),
        request,
        values,
        refusals,
        page,
    })
}

pub(crate) async fn show_entry_form(
    page: Page,
    party: Party,
    Path(place): Path<(String, u32)>,
) -> Result<Response, Trouble> {
    let request = party.service.fresh_request()?;
    entry_page(page, &party, place, (request, Values::new(), Vec::new())).await
}

/// The content that a form gives: a text, or a file's digests.
fn content(values: &Values) -> Result<Option<Content>, Refusal> {
    let (words, sha256) = (written_text(values, "text"), text(values, "sha256"));
    let given = |name: &str| Some(text(values, name)).filter(|value| !value.is_empty());
    match (words.trim().is_empty(), sha256.is_empty()) {
        (true, true) => Ok(None),
        (false, true) => Ok(Some(Content::Text { text: words })),
        (true, false) => Ok(Some(Content::Digest {
            sha256,
            sm3: given("sm3"),
            size: given("size").and_then(|size| size.parse().ok()),
            name: given("name"),
            media_type: given("media_type"),
        })),
        (false, false) => Err(Refusal::new(
            "content",
            "content-twice",
            "a text or a file, not both: the other is an entry of its own",
            "文本与文件只能选其一,另一项请另行添加",
        )),
    }
}

fn entry(values: &Values, phase: u32, inputs: &[Input]) -> Result<Entry, Refusal> {
    let mut fields = serde_json::Map::new();
    for input in inputs {
        let value = text(values, &format!("fields.{}", input.name));
        match (input.format, value.parse::<u64>()) {
            _ if value.is_empty() => continue,
            ("integer", Ok(number)) => fields.insert(input.name.clone(), number.into()),
            _ => fields.insert(input.name.clone(), value.into()),
        };
    }
    let content = content(values)?;
    let searchable = matches!(content, Some(Content::Digest { .. })) && text(values, "searchable") == "yes";
    Ok(Entry { phase, fields, content, searchable, ..Entry::default() })
}

pub(crate) async fn add(
    page: Page,
    party: Party,
    Path((id, phase)): Path<(String, u32)>,
    Form(values): Form<Values>,
) -> Result<Response, Trouble> {
    let book = party.service.book();
    let view = book.show(&party.owner, &id).await?;
    let template = xiezhi_template::find(&view.template, Some(view.version)).ok_or(Trouble::Broken)?;
    let inputs = Input::of(&page, template.phase(phase).ok_or(Trouble::NotFound)?);
    let request = text(&values, "request");
    let added = match entry(&values, phase, &inputs) {
        Ok(entry) => book.add(&party.owner, &id, &entry, Some(&request), party.service.now()).await,
        Err(refusal) => Err(ServiceError::Refused(vec![refusal])),
    };
    match added {
        Err(ServiceError::Refused(refusals)) => {
            let form = entry_page(page, &party, (id, phase), (request, values, refusals)).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, form).into_response())
        }
        added => {
            added?;
            Ok(Redirect::to(&format!("/office/transactions/{id}")).into_response())
        }
    }
}

pub(crate) async fn pack(party: Party, Path(id): Path<String>) -> Result<Response, Trouble> {
    party.service.book().pack(&party.owner, &id, party.service.now()).await?;
    Ok(Redirect::to(&format!("/office/transactions/{id}")).into_response())
}

pub(crate) async fn download_bundle(
    party: Party,
    Path((id, entry)): Path<(String, u32)>,
) -> Result<Response, Trouble> {
    let bytes = party.service.book().bundle(&party.owner, &id, entry).await?;
    let short: String = id.chars().take(8).collect();
    let named = format!("attachment; filename=\"{short}-{entry}.xze\"");
    let headers =
        [(header::CONTENT_TYPE, xiezhi_client::BUNDLE.to_owned()), (header::CONTENT_DISPOSITION, named)];
    Ok((headers, bytes).into_response())
}
