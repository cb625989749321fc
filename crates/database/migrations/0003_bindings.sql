-- Accounts bound to identities, and what the office puts on the ledger.
ALTER TABLE erasures ADD COLUMN keys_erased BIGINT NOT NULL DEFAULT 0;

CREATE TABLE challenges (
    id TEXT PRIMARY KEY,
    application TEXT NOT NULL REFERENCES applications (id),
    account TEXT NOT NULL,
    message TEXT NOT NULL,
    expires_ms BIGINT NOT NULL,
    -- The binding that it was used for: a challenge is good for one.
    binding TEXT
);

CREATE TABLE bindings (
    seq SEQUENCE,
    id TEXT NOT NULL UNIQUE,
    application TEXT NOT NULL REFERENCES applications (id),
    account TEXT NOT NULL,
    group_id TEXT NOT NULL,
    demonstration BIGINT NOT NULL,
    state TEXT NOT NULL,
    -- Sealed under the person's key: the fields and their salts.
    manifest BYTES NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX bindings_of_application ON bindings (application, seq);

-- Statements on their way to the ledger: written before they are sent, sent again until they are recorded.
CREATE TABLE records (
    seq SEQUENCE,
    id TEXT NOT NULL UNIQUE,
    what TEXT NOT NULL,
    -- The binding or the erased person that it is about.
    about TEXT NOT NULL,
    statement BYTES NOT NULL,
    -- The manifest of what names nobody; a binding's is with the binding.
    manifest BYTES,
    state TEXT NOT NULL,
    log_index BIGINT,
    number TEXT,
    certificate BYTES,
    refusal TEXT
);
CREATE INDEX records_by_state ON records (state, seq);
CREATE INDEX records_about ON records (about, seq);
