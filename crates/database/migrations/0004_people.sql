-- People who log in, and which provider judged an application.
ALTER TABLE applications ADD COLUMN provider TEXT NOT NULL DEFAULT 'manual';
-- An assertion repeats what the login asked for, not what an application holds.
ALTER TABLE applications DROP COLUMN nonce;

CREATE TABLE passkeys (
    seq SEQUENCE,
    -- SHA-256 of the credential's id, in hexadecimal.
    credential TEXT NOT NULL UNIQUE,
    -- Whose: as `applications.owner`.
    principal TEXT NOT NULL,
    -- COSE.
    public_key BYTES NOT NULL,
    counter BIGINT NOT NULL,
    added_ms BIGINT NOT NULL
);
