-- Accounts bound to identities: written before the statement is sent, so that its salts are never lost.
CREATE TABLE bindings (
    seq SEQUENCE,
    application TEXT NOT NULL REFERENCES applications (id),
    account TEXT NOT NULL,
    -- Sealed under the person's key: the fields and their salts.
    manifest BYTES NOT NULL,
    statement BYTES NOT NULL,
    -- Without the manifest; there once the statement is sealed.
    certificate BYTES,
    UNIQUE (application, account)
);
