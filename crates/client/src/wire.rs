//! The JSON objects of the API. 64-bit numbers are decimal strings, binary objects are standard base64, times are RFC 3339 in UTC.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A 64-bit number; a decimal string in JSON, because many JSON readers lose integers above 2^53.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct U64(pub u64);

impl fmt::Display for U64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for U64 {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl Serialize for U64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for U64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(|_| D::Error::custom("a 64-bit number is a string of decimal digits"))
    }
}

/// Bytes; standard base64 in JSON.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Base64(pub Vec<u8>);

impl fmt::Debug for Base64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Base64({} bytes)", self.0.len())
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        STANDARD
            .decode(text.as_ref())
            .map(Self)
            .map_err(|e| D::Error::custom(format!("not standard base64: {e}")))
    }
}

macro_rules! object {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
    };
}

object! {
    /// Something counted against what is needed.
    Progress {
        /// What is there.
        have: u32,
        /// What is needed.
        need: u32,
    }
}

object! {
    /// What a checkpoint still misses before certificates may rest on it.
    Missing {
        /// Institutions and roles of unmet groups that have not sealed.
        members: Vec<String>,
        /// Members of the policy's top group.
        seals: Progress,
        /// Time-stamp authorities.
        timestamps: Progress,
    }
}

object! {
    /// Where a record's parts are found.
    Links {
        /// The record.
        record: String,
        /// The statement, as COSE.
        statement: String,
        /// The certificate, once sealed.
        certificate: String,
        /// The institutions' receipts.
        receipts: String,
        /// What happens to it until it is sealed, as server-sent events.
        events: String,
    }
}

object! {
    /// Where a statement stands from the moment it is recorded.
    RecordStatus {
        /// The number that people read out.
        number: String,
        /// The statement's id, 64 hexadecimal digits.
        id: String,
        /// Its place in the log.
        index: U64,
        /// Height of the block that recorded it.
        height: U64,
        /// That block's time. It says that the statement existed then; nothing about any time before.
        time: String,
        /// How many items it has, when it is a batch.
        items: u32,
        /// Whether a certificate exists.
        sealed: bool,
        /// Institutions that have sealed its checkpoint.
        sealed_by: Vec<String>,
        /// How many time-stamp authorities have stamped it.
        timestamps: u32,
        /// What the sealing policy still misses.
        missing: Missing,
        /// Where its parts are found.
        links: Links,
    }
}

object! {
    /// A statement sent as JSON.
    DepositRequest {
        /// The COSE_Sign1.
        statement: Base64,
    }
}

object! {
    /// The answer to a deposit.
    Deposit {
        /// Where the statement stands.
        #[serde(flatten)]
        record: RecordStatus,
        /// The certificate, when it was waited for and the record is sealed.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        certificate: Option<Base64>,
    }
}

object! {
    /// What a statement says of itself.
    Statement {
        /// `deposit`, `batch`, `account` or `general`.
        kind: String,
        /// The payload's content type.
        content_type: String,
        /// The account that states, 64 hexadecimal digits.
        issuer: String,
        /// The account in whose name it states, where that is another one, 64 hexadecimal digits.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        grantor: Option<String>,
        /// The group it belongs to, 32 hexadecimal digits.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        group: Option<String>,
        /// Number of the phase within the group.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        phase: Option<u32>,
        /// When the depositor says it was signed. The depositor's word: the block's time is the ledger's.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        issued_at: Option<String>,
        /// Searchable digests, `sha256:` or `sm3:` and hexadecimal digits; those of the item, when an item was found.
        digests: Vec<String>,
    }
}

object! {
    /// A record, or an item of a batch.
    Record {
        /// The item's place in its batch, when an item was found.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        item: Option<u32>,
        /// Where it stands.
        #[serde(flatten)]
        status: RecordStatus,
        /// What the statement says.
        statement: Statement,
    }
}

object! {
    /// Some records, in rising order of their places.
    RecordPage {
        /// The records.
        records: Vec<Record>,
        /// Give this as `cursor` for those that follow; absent at the end.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        next: Option<String>,
    }
}

object! {
    /// An inclusion proof (RFC 9162, section 2.1.3).
    InclusionProof {
        /// `sha256` or `sm3`.
        tree: String,
        /// The record's place.
        index: U64,
        /// Size of the tree.
        size: U64,
        /// Hashes of 32 bytes, lowest first.
        path: Vec<Base64>,
    }
}

object! {
    /// A consistency proof (RFC 9162, section 2.1.4).
    ConsistencyProof {
        /// `sha256` or `sm3`.
        tree: String,
        /// Size of the older tree.
        old: U64,
        /// Size of the newer tree.
        new: U64,
        /// Hashes of 32 bytes.
        path: Vec<Base64>,
    }
}

object! {
    /// One institution's seal.
    Seal {
        /// Who sealed.
        institution: String,
        /// When, by its own clock.
        time: String,
        /// The seal's encoding.
        seal: Base64,
        /// The X.509 certificate of its key (DER), then intermediate ones.
        chain: Vec<Base64>,
    }
}

object! {
    /// A checkpoint and what has been collected for it.
    Checkpoint {
        /// Height of its block.
        height: U64,
        /// That block's time.
        time: String,
        /// Records in the log.
        size: U64,
        /// Root of the log under SHA-256, `sha256:` and hexadecimal digits.
        root_sha256: String,
        /// Root of the log's twin under SM3, `sm3:` and hexadecimal digits.
        root_sm3: String,
        /// Root of the state, `sha256:` and hexadecimal digits.
        state_root: String,
        /// The checkpoint's encoding.
        checkpoint: Base64,
        /// SHA-256 of it: what time stamps are over.
        digest: String,
        /// Whether the sealing policy is met.
        sealed: bool,
        /// Seals, sorted by institution.
        seals: Vec<Seal>,
        /// RFC 3161 time-stamp tokens (DER).
        timestamps: Vec<Base64>,
        /// What the policy misses.
        missing: Missing,
    }
}

object! {
    /// Some checkpoints, rising.
    CheckpointPage {
        /// The checkpoints.
        checkpoints: Vec<Checkpoint>,
        /// Give this as `after` for those that follow; absent at the end.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        next: Option<U64>,
    }
}

object! {
    /// One institution's COSE receipt (RFC 9942).
    Receipt {
        /// Who sealed.
        institution: String,
        /// The receipt.
        receipt: Base64,
    }
}

object! {
    /// Every receipt there is for a record.
    Receipts {
        /// The record's place.
        index: U64,
        /// Receipts, sorted by institution.
        receipts: Vec<Receipt>,
    }
}

object! {
    /// A name in both languages.
    Names {
        /// Chinese.
        zh: String,
        /// English.
        en: String,
    }
}

object! {
    /// A member of the alliance, as genesis names it.
    Institution {
        /// Short name.
        id: String,
        /// `court`, `notary`, `forensic`, `ca` or `technology`.
        role: String,
        /// Full name.
        name: Names,
        /// Ed25519 key with which it seals.
        seal_key: Base64,
    }
}

object! {
    /// Bounds that the ledger keeps to.
    Limits {
        /// Most bytes in a block.
        block_bytes_max: u32,
        /// Most bytes in a statement.
        statement_bytes_max: u32,
        /// Most items in a batch.
        batch_items_max: u32,
        /// How far a statement's `iat` may be from its block's time, in seconds.
        statement_window_s: u32,
    }
}

object! {
    /// What a verifier must trust, to be compared with a copy from elsewhere: a node's word for its own ledger is no proof.
    Anchor {
        /// The ledger's id: SHA-256 of its genesis, 64 hexadecimal digits.
        ledger: String,
        /// The id in groups of four digits, for people to compare.
        fingerprint: String,
        /// SM3 of the genesis.
        genesis_sm3: String,
        /// The ledger's names.
        name: Names,
        /// Origin line of the log's checkpoints.
        origin: String,
        /// Signature suites that accounts may use in the present term.
        suites: Vec<String>,
        /// Bounds.
        limits: Limits,
        /// The institutions of genesis.
        institutions: Vec<Institution>,
    }
}

object! {
    /// How an institution's node is seen from this one.
    Peer {
        /// Which institution.
        institution: String,
        /// What it is.
        role: String,
        /// Its names.
        name: Names,
        /// Whether it is suspended: it neither votes nor seals.
        suspended: bool,
        /// Whether it is this node.
        this: bool,
        /// Height of the last checkpoint of which this node has its seal.
        sealed_height: U64,
        /// When a message of it last arrived, if ever.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        heard: Option<String>,
    }
}

object! {
    /// How an observer's node, which has no vote, comes along.
    Following {
        /// The node from which it has its blocks.
        upstream: String,
        /// Records sealed to policy there, as far as is known.
        sealed_size: U64,
        /// The first record that is here: another one than 0 where the copy was begun with a snapshot.
        #[serde(default)]
        kept_from: U64,
        /// When an upstream last gave an answer that holds, by the observer's clock.
        answered: Option<String>,
        /// What was wrong with the last answer.
        problem: Option<String>,
    }
}

object! {
    /// A certificate or a revocation list that expires.
    Expiry {
        /// `seal-certificate`, `time-stamp-authority`, `root` or `revocation-list`.
        what: String,
        /// An institution's short name for its seal certificate, otherwise the name of the subject or issuer.
        name: String,
        /// Its last second.
        expires: String,
        /// Whole days left; negative when it has expired.
        days_left: i64,
        /// `good`, `soon` or `expired`. Certificates are announced 30 days before, revocation lists 7.
        standing: String,
    }
}

object! {
    /// What of the log is in the node's archive.
    Archive {
        /// Records before this one are there, with the tiles over them.
        records: U64,
        /// How many of the newest records stay; none where the node was not told where the archive is.
        keep: Option<U64>,
        /// Whether the archive is not known, or it did not do what it was last asked.
        failing: bool,
    }
}

object! {
    /// A node's state.
    Status {
        /// The ledger's id.
        ledger: String,
        /// The ledger's names.
        name: Names,
        /// Whose node this is.
        institution: String,
        /// How it follows, when it is an observer's and has no vote.
        following: Option<Following>,
        /// Last executed height.
        height: U64,
        /// Time of that block.
        time: String,
        /// Records in the log.
        size: U64,
        /// Records covered by a checkpoint that is sealed to policy.
        sealed_size: U64,
        /// What of the log is in the archive, if anything is or could be.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        archive: Option<Archive>,
        /// Statements that wait to be ordered.
        queued: U64,
        /// Whether blocks and seals come; false says that too few nodes are in reach.
        live: bool,
        /// Whether this node votes: an observer never does, a restored node not before it cannot contradict votes it has forgotten.
        voting: bool,
        /// When the first of the certificates behind this node's seals expires; an observer has none.
        seal_expires: Option<String>,
        /// All that expires, as far as this node knows.
        #[serde(default)]
        expiries: Vec<Expiry>,
        /// Why this institution's seal would not count now: nothing is sealed here then.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        sealing_problem: Option<String>,
        /// Checkpoints that wait for seals or time stamps.
        unsealed_checkpoints: U64,
        /// The alliance's term.
        term: U64,
        /// The next term, if one is decided.
        next_term: Option<NextTerm>,
        /// Every institution.
        institutions: Vec<Peer>,
    }
}

object! {
    /// A term that is decided.
    NextTerm {
        /// Its number.
        number: U64,
        /// Its first height.
        from: U64,
    }
}

object! {
    /// Whether a node is up, or ready to record.
    Health {
        /// `ok`, or `waiting` while the alliance has too few nodes in reach.
        status: String,
    }
}

object! {
    /// A certificate to be verified.
    VerifyRequest {
        /// The certificate file.
        certificate: Base64,
        /// Digests of the original, `sha256:` or `sm3:` and hexadecimal digits; empty when only the certificate is judged.
        #[serde(default)]
        digests: Vec<String>,
        /// Size of the original in bytes.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        size: Option<U64>,
        /// The time at which it is judged, RFC 3339 in UTC; now, when absent.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        declared_time: Option<String>,
        /// Whether no original is at hand, so that only the record is judged.
        #[serde(default)]
        record_only: bool,
    }
}

object! {
    /// A verdict, on this node's word.
    VerifyAnswer {
        /// The ledger whose genesis was trusted: this node's own.
        ledger: String,
        /// What this answer is worth.
        notice: Names,
        /// The verdict as the offline verifier writes it.
        #[cfg_attr(feature = "schema", schema(value_type = Object))]
        verdict: serde_json::Value,
    }
}

object! {
    /// A new seal or time stamp over a record's checkpoint, in the stream of its events.
    Progressed {
        /// The institution, when it is a seal.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        institution: Option<String>,
        /// How many time-stamp authorities have stamped it.
        timestamps: u32,
        /// What the sealing policy still misses.
        missing: Missing,
    }
}

object! {
    /// A problem (RFC 9457).
    Problem {
        /// `urn:xiezhi:problem:` and the code.
        #[serde(rename = "type")]
        kind: String,
        /// What is wrong, for people, in the language asked for.
        title: String,
        /// The HTTP status.
        status: u16,
        /// What is wrong with this very request, technical, in English.
        detail: String,
        /// Stable code for programs.
        code: String,
        /// The field or parameter that is wrong.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        field: Option<String>,
        /// After how many seconds trying again can help.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        retry_after_s: Option<u32>,
        /// Where the record stands, when it is not sealed yet.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        record: Option<Box<RecordStatus>>,
    }
}

#[cfg(feature = "schema")]
mod schema {
    use std::borrow::Cow;

    use utoipa::{
        PartialSchema, ToSchema,
        openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, schema::Type},
    };

    use super::{Base64, U64};

    impl PartialSchema for U64 {
        fn schema() -> RefOr<Schema> {
            let object = ObjectBuilder::new()
                .schema_type(Type::String)
                .pattern(Some("^[0-9]{1,20}$"))
                .description(Some("A 64-bit number as a decimal string."))
                .examples([serde_json::json!("12345")]);
            object.into()
        }
    }

    impl ToSchema for U64 {
        fn name() -> Cow<'static, str> {
            Cow::Borrowed("U64")
        }
    }

    impl PartialSchema for Base64 {
        fn schema() -> RefOr<Schema> {
            let object = ObjectBuilder::new()
                .schema_type(Type::String)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Byte)))
                .description(Some("Bytes in standard base64 with padding (RFC 4648, section 4)."));
            object.into()
        }
    }

    impl ToSchema for Base64 {
        fn name() -> Cow<'static, str> {
            Cow::Borrowed("Base64")
        }
    }
}

mod account;
mod terms;
pub use account::{Account, AccountKey, Delegation, Freezing, PublicKey, Reset};
pub use terms::{Alliance, Change, Group, Invitation, Member, Policy, PolicyMember, Proposal, Term, Terms};

#[cfg(test)]
mod tests;
