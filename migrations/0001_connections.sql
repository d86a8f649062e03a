-- Employers' links, their secrets and their registered jobs.

CREATE TABLE connection (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE CONSTRAINT connection_name_shape CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    -- Sealed with MASTER_KEY; never leaves the process.
    ashby_key bytea NOT NULL,
    -- Why nothing is sent until a check passes; null while all is well.
    attention text,
    paused_at timestamptz,
    -- Further signature schemes, each off until switched on.
    accepts_hex_hmac boolean NOT NULL DEFAULT false,
    bearer_token bytea,
    -- JSON Pointers that differ from those of the delivery contract.
    payload_paths jsonb NOT NULL DEFAULT '{}',
    -- Fingerprints of the environment variables that were last applied, so that a restart never undoes a rotation.
    ashby_key_from_environment text,
    webhook_secret_from_environment text,
    -- What Ashby's source and archive reasons are, and when they were read.
    setup jsonb,
    setup_read_at timestamptz,
    created_at timestamptz NOT NULL,
    next_flush_at timestamptz NOT NULL,
    lease_token uuid,
    lease_expires_at timestamptz,
    CONSTRAINT lease_is_whole CHECK ((lease_token IS NULL) = (lease_expires_at IS NULL))
);
CREATE INDEX connection_due ON connection (next_flush_at) WHERE paused_at IS NULL AND attention IS NULL;

CREATE TABLE webhook_secret (
    id uuid PRIMARY KEY,
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    secret bytea NOT NULL,
    created_at timestamptz NOT NULL,
    -- Set by a rotation: the old secret lives on until then.
    expires_at timestamptz
);
CREATE INDEX webhook_secret_of_connection ON webhook_secret (connection_id);

CREATE TABLE job (
    id uuid PRIMARY KEY,
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    dover_job_id text NOT NULL CONSTRAINT dover_job_id_length CHECK (length(dover_job_id) BETWEEN 1 AND 200),
    ashby_job_id text NOT NULL,
    title text NOT NULL,
    openness jsonb NOT NULL,
    interview_plan_id text,
    stages jsonb NOT NULL DEFAULT '[]',
    read_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (connection_id, dover_job_id),
    -- One application per candidate and job: two Dover jobs on one Ashby job would fight over it.
    UNIQUE (connection_id, ashby_job_id)
);
