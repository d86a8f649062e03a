-- What we know of Ashby: ids, stages and times. People only as keyed hashes of their addresses.

CREATE TABLE ashby_listing (
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    listing text NOT NULL CONSTRAINT listing_is_known CHECK (listing IN ('candidates', 'applications')),
    -- Where the pass under way stands; both null between passes.
    cursor text,
    -- Names the moment up to which changes are known.
    sync_token text,
    -- The first pass got to its end once.
    learned boolean NOT NULL DEFAULT false,
    read bigint NOT NULL DEFAULT 0,
    looked_at timestamptz,
    PRIMARY KEY (connection_id, listing)
);

CREATE TABLE ashby_application (
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    id text NOT NULL,
    candidate_id text NOT NULL,
    job_id text NOT NULL,
    stage_id text NOT NULL,
    status text NOT NULL CONSTRAINT application_status_is_known CHECK (status IN ('Lead', 'Active', 'Hired', 'Archived')),
    archive_reason_id text,
    source_id text,
    updated_at timestamptz NOT NULL,
    -- The latest change that was not ours. Only ever grows; null where there was none.
    foreign_at timestamptz,
    looked_at timestamptz NOT NULL,
    gone boolean NOT NULL DEFAULT false,
    PRIMARY KEY (connection_id, id)
);
CREATE INDEX ashby_application_of_candidate ON ashby_application (connection_id, candidate_id, job_id);

CREATE TABLE ashby_identity (
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    key_hash bytea NOT NULL,
    candidate_id text NOT NULL,
    PRIMARY KEY (connection_id, key_hash, candidate_id)
);
CREATE INDEX ashby_identity_of_candidate ON ashby_identity (connection_id, candidate_id);
