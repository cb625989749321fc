-- What the office puts on the ledger of what it did: revocations of bindings, erasures. Written with the deed, deposited afterwards.
CREATE TABLE office_records (
    seq SEQUENCE,
    -- revocation or erasure
    kind TEXT NOT NULL,
    -- What was bound; empty for an erasure.
    application TEXT NOT NULL,
    account TEXT NOT NULL,
    -- Who is erased before the record is made; empty for a revocation.
    person TEXT NOT NULL,
    demonstration BIGINT NOT NULL,
    -- Fields with their salts; they name nobody.
    manifest BYTES NOT NULL,
    statement BYTES,
    -- Without the manifest; there once the statement is sealed.
    certificate BYTES,
    UNIQUE (kind, application, account, person)
);

-- By which their holders know them apart.
ALTER TABLE passkeys ADD COLUMN name TEXT NOT NULL DEFAULT '';
