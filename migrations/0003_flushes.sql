-- What was done, and why.

CREATE TABLE flush (
    id uuid PRIMARY KEY,
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    status text NOT NULL DEFAULT 'running'
        CONSTRAINT flush_status_is_known CHECK (status IN ('running', 'done', 'stopped', 'failed')),
    trigger text NOT NULL CONSTRAINT trigger_is_known CHECK (trigger IN ('schedule', 'manual')),
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    prospects integer NOT NULL DEFAULT 0,
    created integer NOT NULL DEFAULT 0,
    moved integer NOT NULL DEFAULT 0,
    archived integer NOT NULL DEFAULT 0,
    unchanged integer NOT NULL DEFAULT 0,
    skipped integer NOT NULL DEFAULT 0,
    parked integer NOT NULL DEFAULT 0,
    failed integer NOT NULL DEFAULT 0,
    calls_read integer NOT NULL DEFAULT 0,
    calls_write integer NOT NULL DEFAULT 0,
    -- Why it stopped or failed, and what to do.
    detail text,
    CONSTRAINT finished_when_not_running CHECK ((status = 'running') = (finished_at IS NULL))
);
CREATE INDEX flush_in_order ON flush (connection_id, id);
CREATE UNIQUE INDEX one_flush_a_connection ON flush (connection_id) WHERE status = 'running';

CREATE TABLE decision (
    id uuid PRIMARY KEY,
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    prospect_id uuid NOT NULL REFERENCES prospect ON DELETE CASCADE,
    flush_id uuid NOT NULL REFERENCES flush ON DELETE CASCADE,
    decided_at timestamptz NOT NULL,
    action text NOT NULL CONSTRAINT action_is_known CHECK (action IN ('create', 'move', 'archive', 'update', 'none')),
    reason text NOT NULL,
    sentence text NOT NULL,
    rule smallint NOT NULL,
    -- What Dover said, what Ashby held, and the calls that were made.
    dover jsonb NOT NULL,
    ashby jsonb NOT NULL,
    calls jsonb NOT NULL
);
CREATE INDEX decision_of_prospect ON decision (prospect_id, id);
CREATE INDEX decision_of_flush ON decision (flush_id, id);

-- A write that is about to be made, or whose outcome is not known. At most one a prospect.
CREATE TABLE intent (
    prospect_id uuid PRIMARY KEY REFERENCES prospect ON DELETE CASCADE,
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    step jsonb NOT NULL,
    dover_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX intent_of_connection ON intent (connection_id);
