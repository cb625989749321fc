-- Who is logged in, and which assertions were used.
CREATE TABLE sessions (
    -- SHA-256 of the token: who reads the table cannot use it.
    token BYTES PRIMARY KEY,
    principal TEXT NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX sessions_by_end ON sessions (expires_ms);

CREATE TABLE assertions_used (
    issuer TEXT NOT NULL,
    name TEXT NOT NULL,
    expires_ms BIGINT NOT NULL,
    PRIMARY KEY (issuer, name)
);
CREATE INDEX assertions_used_by_end ON assertions_used (expires_ms);
