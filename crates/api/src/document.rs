//! Parts of the OpenAPI document that are not any one handler's.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses, OpenApi,
    openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder},
};
use xiezhi_client::{PROBLEM, wire};
pub(crate) use xiezhi_problem::openapi::Binary;

/// Every route's answer when something is wrong.
pub(crate) struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = ResponseBuilder::new()
            .description("What is wrong (RFC 9457). Its `code` is stable; `retry_after_s` says when trying again can help.")
            .content(PROBLEM, content);
        BTreeMap::from([("default".to_owned(), response.build().into())])
    }
}

/// A SCITT route's answer when something is wrong.
pub(crate) struct ConciseProblems;

impl IntoResponses for ConciseProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Binary"))).build();
        let response = ResponseBuilder::new()
            .description("What is wrong (RFC 9290).")
            .content("application/concise-problem-details+cbor", content);
        BTreeMap::from([("default".to_owned(), response.build().into())])
    }
}

/// The document's head, and the parts that routes do not bring along.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Xiezhi node",
        description = "Records electronic data and hands out proofs that anybody can verify offline. A record proves that the \
            statement existed at its block's time and has not changed since; it proves nothing about any time before, \
            nor that what it says is true. 64-bit numbers are decimal strings; bytes in JSON are standard base64; times are RFC 3339 in UTC.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "deposits", description = "Recording statements"),
        (name = "records", description = "Records and their certificates"),
        (name = "log", description = "Proofs, checkpoints and tiles of the evidence log"),
        (name = "scitt", description = "The SCITT reference API (draft-ietf-scitt-scrapi)"),
        (name = "ledger", description = "The ledger, its accounts and this node"),
    ),
    components(schemas(wire::Problem, wire::RecordStatus, Binary, crate::deposits::WaitFor, crate::log::TreeName))
)]
pub(crate) struct Head;
