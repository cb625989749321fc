-- Possession, signed audits, and grants of more than one exhibit.

-- Root of the tree over the sealed segments.
ALTER TABLE vault_exhibits ADD COLUMN root BYTES;
-- The group of its record.
ALTER TABLE vault_exhibits ADD COLUMN group_id TEXT;

-- What a grant is of, where it is of more than one exhibit: all of an owner's, or those of a group.
ALTER TABLE vault_grants ADD COLUMN owner TEXT;
ALTER TABLE vault_grants ADD COLUMN group_id TEXT;

CREATE TABLE vault_audits (
    number BIGINT PRIMARY KEY,
    time_ms BIGINT NOT NULL,
    originals BIGINT NOT NULL,
    lost BIGINT NOT NULL,
    damaged BIGINT NOT NULL,
    -- A line for each exhibit, and the report over their root.
    lines BYTES NOT NULL,
    report BYTES NOT NULL,
    -- Of the report's record; none until it is sealed.
    certificate BYTES
);
