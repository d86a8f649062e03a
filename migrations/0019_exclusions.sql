-- People who are to be left alone: lists that an admin imports, and rules over what Ashby holds.

CREATE TABLE exclusion_import (
    id uuid PRIMARY KEY,
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    name text NOT NULL CONSTRAINT exclusion_import_name_length CHECK (length(name) BETWEEN 1 AND 200),
    -- The only job that it counts for; null where it counts for all. Not a reference: the job may be registered later.
    dover_job_id text,
    -- Whether it takes the place of the lists of the same job, or of those for all jobs, once it counts.
    replaces boolean NOT NULL,
    status text NOT NULL CONSTRAINT exclusion_import_status_is_known CHECK (status IN ('reading', 'ready', 'in-force', 'removed')),
    rows bigint NOT NULL DEFAULT 0,
    people bigint NOT NULL DEFAULT 0,
    refused bigint NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    -- What each recognised column was taken for.
    columns jsonb NOT NULL DEFAULT '[]',
    -- The first rows that were refused: line and reason.
    refusals jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    -- When it last came on.
    read_at timestamptz NOT NULL,
    in_force_at timestamptz,
    CONSTRAINT in_force_has_a_time CHECK (status <> 'in-force' OR in_force_at IS NOT NULL)
);
CREATE INDEX exclusion_import_in_order ON exclusion_import (connection_id, id);
-- What has to be swept up after a removal, or an upload that broke off.
CREATE INDEX exclusion_import_unfinished ON exclusion_import (read_at) WHERE status IN ('reading', 'removed');

-- A person as the file had them: what an export gives out again.
CREATE TABLE exclusion_row (
    import_id uuid NOT NULL REFERENCES exclusion_import ON DELETE CASCADE,
    line bigint NOT NULL,
    name text NOT NULL,
    emails text[] NOT NULL,
    linkedin text,
    PRIMARY KEY (import_id, line)
);

-- By what they are found: keyed hashes of the SHA-256 of each address and profile.
CREATE TABLE exclusion_key (
    import_id uuid NOT NULL REFERENCES exclusion_import ON DELETE CASCADE,
    key_hash bytea NOT NULL,
    line bigint NOT NULL,
    PRIMARY KEY (import_id, key_hash)
);

CREATE TABLE exclusion_rules (
    connection_id uuid PRIMARY KEY REFERENCES connection ON DELETE CASCADE,
    rules jsonb NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL
);
