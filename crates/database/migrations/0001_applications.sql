-- Applications for a real-name identity, what happened to them, and what was erased.
CREATE TABLE applications (
    seq SEQUENCE,
    id TEXT NOT NULL UNIQUE,
    -- Whose key seals the data.
    person TEXT NOT NULL,
    -- Who applied, and at which institution.
    owner TEXT NOT NULL,
    institution TEXT NOT NULL,
    kind TEXT NOT NULL,
    demonstration BIGINT NOT NULL,
    state TEXT NOT NULL,
    -- What an assertion about it must repeat.
    nonce TEXT NOT NULL,
    data BYTES NOT NULL,
    submitted_ms BIGINT NOT NULL
);
CREATE INDEX applications_of_person ON applications (person);
CREATE INDEX applications_of_owner ON applications (owner, seq);

CREATE TABLE events (
    seq SEQUENCE,
    application TEXT NOT NULL REFERENCES applications (id),
    at_ms BIGINT NOT NULL,
    actor TEXT NOT NULL,
    event TEXT NOT NULL,
    -- Sealed like the data: a reason can say much of a person.
    reason BYTES
);
CREATE INDEX events_of_application ON events (application, seq);

CREATE TABLE erasures (
    seq SEQUENCE,
    person TEXT NOT NULL UNIQUE,
    at_ms BIGINT NOT NULL,
    actor TEXT NOT NULL,
    basis TEXT NOT NULL,
    reference TEXT NOT NULL
);

CREATE TABLE idempotency (
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    application TEXT NOT NULL REFERENCES applications (id),
    -- Of the body, under the person's key: tells nothing once that is erased.
    mac BYTES NOT NULL,
    PRIMARY KEY (owner, name)
);
