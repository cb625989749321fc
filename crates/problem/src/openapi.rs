//! What the OpenAPI documents of all services have in common: problems with their codes, sessions, bytes.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write as _};

use axum::response::{IntoResponse, Response as HttpResponse};
use http::header;
use utoipa::{
    IntoResponses, PartialSchema, ToSchema,
    openapi::{
        ArrayBuilder, Components, ContentBuilder, InfoBuilder, KnownFormat, LicenseBuilder, ObjectBuilder,
        OpenApi, Ref, RefOr, Response, ResponseBuilder, Schema, SchemaFormat,
        schema::Type,
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use crate::{Kind, PROBLEM};

/// Bytes as they are.
#[derive(Debug)]
pub struct Binary;

impl PartialSchema for Binary {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl ToSchema for Binary {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Binary")
    }
}

/// Every route's answer when something is wrong.
#[derive(Debug)]
pub struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = ResponseBuilder::new()
            .description("What is wrong (RFC 9457). Its `code` is stable; the header `Retry-After` says when trying again can help.")
            .content(PROBLEM, content);
        BTreeMap::from([("default".to_owned(), response.build().into())])
    }
}

/// The head of the document of a service whose problems are of `kinds` and of those of the edge.
///
/// Every route needs a session but those that say `security(())`.
#[must_use]
pub fn head(title: &str, description: &str, kinds: &[&[&'static Kind]]) -> OpenApi {
    let license = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title(title)
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(description))
        .license(Some(license))
        .build();
    let session = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
        "A token of `POST /v1/token`, which takes an assertion signed by a key that the service knows (RFC 7523).",
    ));
    let mut components = Components::new();
    components.add_security_scheme("session", SecurityScheme::Http(session.build()));
    components.schemas.insert("Problem".to_owned(), problem(kinds).into());
    let mut document = OpenApi::new(info, utoipa::openapi::Paths::new());
    document.components = Some(components);
    document.security = Some(vec![SecurityRequirement::new("session", Vec::<String>::new())]);
    document
}

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description))
}

/// The schema of a problem document whose codes are those of `kinds`.
fn problem(kinds: &[&[&'static Kind]]) -> Schema {
    let mut all: Vec<_> = kinds.iter().copied().chain([crate::kinds::ALL]).flatten().copied().collect();
    all.sort_by_key(|kind| kind.code);
    let mut table = "Stable code for programs.\n\n| code | status | meaning |\n|---|---|---|\n".to_owned();
    for kind in &all {
        let _ = writeln!(table, "| `{}` | {} | {} |", kind.code, kind.status.as_u16(), kind.en);
    }
    let refusal = ObjectBuilder::new()
        .property("field", text("The field, by its path in the request."))
        .property("rule", text("Stable code of the rule."))
        .property("reason", text("A sentence in the language asked for."))
        .required("field")
        .required("rule")
        .required("reason");
    let refusals = ArrayBuilder::new().items(refusal).description(Some("Rules that failed."));
    ObjectBuilder::new()
        .description(Some("A problem (RFC 9457)."))
        .property("type", text("`urn:xiezhi:problem:` and the code."))
        .property("title", text("What is wrong, for people, in the language asked for."))
        .property(
            "status",
            ObjectBuilder::new().schema_type(Type::Integer).description(Some("The HTTP status.")),
        )
        .property("detail", text("What is wrong with this very request, technical, in English."))
        .property("code", text(&table).enum_values(Some(all.iter().map(|kind| kind.code))))
        .property("field", text("The field or parameter that is wrong, where it is one."))
        .property("refusals", refusals)
        .required("type")
        .required("title")
        .required("status")
        .required("detail")
        .required("code")
        .into()
}

/// The answer to who asks for `document`.
///
/// # Panics
/// For a document that is no JSON; none is.
#[must_use]
pub fn serve(document: &OpenApi) -> HttpResponse {
    let text = document.to_json().expect("a document is JSON");
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// Compares `document` with the committed file at `path`, or writes it there when `XIEZHI_WRITE_GOLDEN` is set; and checks that every operation
/// says what it does and how it fails, those at the addresses `without_problems` apart, and every reference leads somewhere: for tests. Gives how many
/// operations there are.
///
/// # Panics
/// When something is not as it must be.
pub fn check_document(document: &OpenApi, path: &std::path::Path, without_problems: &[&str]) -> usize {
    const WRITE: &str = "XIEZHI_WRITE_GOLDEN";
    let generated = document.to_pretty_json().expect("a document is JSON") + "\n";
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(path, &generated).expect("the document can be written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let name = path.display();
    assert!(
        committed == generated,
        "{name} is stale: run the test with {WRITE}=1 and look at the difference"
    );
    let document: serde_json::Value = serde_json::from_str(&generated).expect("it was made");
    check_references(&document, &document);
    let mut names = std::collections::BTreeSet::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            assert!(operation["summary"].is_string() && operation["tags"].is_array(), "{method} {path}");
            assert!(
                names.insert(operation["operationId"].to_string()),
                "{method} {path}: the id is used twice"
            );
            let own = without_problems.contains(&path.as_str());
            assert!(own || operation["responses"]["default"].is_object(), "{method} {path}: no problems");
        }
    }
    names.len()
}

fn check_references(value: &serde_json::Value, document: &serde_json::Value) {
    match value {
        serde_json::Value::Object(map) => {
            if let Some(target) = map.get("$ref").and_then(|target| target.as_str()) {
                assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
            }
            map.values().for_each(|inner| check_references(inner, document));
        }
        serde_json::Value::Array(all) => all.iter().for_each(|inner| check_references(inner, document)),
        _ => {}
    }
}
