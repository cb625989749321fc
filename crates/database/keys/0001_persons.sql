-- One row for each person; a row that is gone is a person erased.
CREATE TABLE persons (
    id TEXT PRIMARY KEY,
    -- HMAC of what the person is known by, to find the same person again.
    mark BYTES NOT NULL UNIQUE,
    -- The person's key under the master key.
    wrapped BYTES NOT NULL
);
