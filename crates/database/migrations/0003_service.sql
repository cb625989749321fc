-- The evidence service: transactions of platforms' customers, their entries, and what became of each entry at each sink.
CREATE TABLE evidence_transactions (
    seq SEQUENCE,
    -- Also the group of its records on the ledger.
    id TEXT NOT NULL UNIQUE,
    -- Whose key seals what is said in it.
    person TEXT NOT NULL,
    owner TEXT NOT NULL,
    template TEXT NOT NULL,
    version BIGINT NOT NULL,
    -- Names, each followed by a line feed.
    sinks TEXT NOT NULL,
    -- Sealed.
    customer BYTES,
    entries BIGINT NOT NULL,
    state TEXT NOT NULL,
    opened_ms BIGINT NOT NULL,
    request TEXT,
    -- Of the request's body, under the person's key.
    mac BYTES NOT NULL,
    UNIQUE (owner, request)
);
CREATE INDEX evidence_transactions_of_owner ON evidence_transactions (owner, seq);

CREATE TABLE evidence_entries (
    seq SEQUENCE,
    transaction_id TEXT NOT NULL REFERENCES evidence_transactions (id),
    -- From 1.
    number BIGINT NOT NULL,
    -- 0 is the pack that closes the transaction.
    phase BIGINT NOT NULL,
    root BYTES NOT NULL,
    -- SHA-256 that was asked to be searchable on the ledger.
    searchable BYTES,
    -- Sealed: every field with its salt.
    manifest BYTES NOT NULL,
    added_ms BIGINT NOT NULL,
    request TEXT,
    mac BYTES NOT NULL,
    UNIQUE (transaction_id, number),
    UNIQUE (transaction_id, request)
);

-- The outbox: one leg for each entry and sink.
CREATE TABLE evidence_legs (
    seq SEQUENCE,
    transaction_id TEXT NOT NULL REFERENCES evidence_transactions (id),
    number BIGINT NOT NULL,
    sink TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_ms BIGINT NOT NULL,
    reason TEXT,
    -- Written before it is sent: sending it again makes no second record.
    statement BYTES,
    record TEXT,
    proof BYTES,
    -- Lists for a token, CBOR.
    revocations BYTES,
    UNIQUE (transaction_id, number, sink)
);
CREATE INDEX evidence_legs_due ON evidence_legs (state, next_ms);

-- What happened, for those who listen; nothing of any person.
CREATE TABLE evidence_events (
    seq SEQUENCE,
    owner TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    kind TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    sink TEXT NOT NULL,
    -- Whether the owner's address has it; 2 where the owner has none.
    delivered BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    next_ms BIGINT NOT NULL
);
CREATE INDEX evidence_events_of_owner ON evidence_events (owner, seq);
CREATE INDEX evidence_events_due ON evidence_events (delivered, next_ms);
