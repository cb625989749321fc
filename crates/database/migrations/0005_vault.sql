-- Originals in the vault, grants to read them, and the log of what happened to them.
CREATE TABLE vault_exhibits (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    -- Whose key, in the file of keys, seals what follows: it is erased with the exhibit.
    person TEXT NOT NULL,
    -- uploading, whole, going (erased or refused, files still to be deleted), erased
    state TEXT NOT NULL,
    size BIGINT NOT NULL,
    -- Whole segments on the disk, and the beginning of the next, sealed.
    segments BIGINT NOT NULL,
    tail BYTES,
    wrapped BYTES,
    certificate BYTES,
    begun_ms BIGINT NOT NULL
);
CREATE INDEX vault_exhibits_of_state ON vault_exhibits (state);

CREATE TABLE vault_grants (
    id TEXT PRIMARY KEY,
    exhibit TEXT NOT NULL,
    grantee TEXT NOT NULL,
    expires_ms BIGINT NOT NULL,
    revoked_ms BIGINT,
    -- Purpose and case number, sealed under the exhibit's key.
    detail BYTES NOT NULL
);
CREATE INDEX vault_grants_of_exhibit ON vault_grants (exhibit, grantee);

CREATE TABLE vault_entries (
    position BIGINT PRIMARY KEY,
    exhibit TEXT NOT NULL,
    entry BYTES NOT NULL,
    -- Salt and text, sealed under the exhibit's key.
    detail BYTES NOT NULL
);
CREATE INDEX vault_entries_of_exhibit ON vault_entries (exhibit, position);

-- Heads of the log on the ledger.
CREATE TABLE vault_heads (
    size BIGINT PRIMARY KEY,
    head BYTES NOT NULL,
    certificate BYTES NOT NULL
);
