-- What keeps a flush from doing too much: jobs in shadow, the brake, and undoing what a flush did.

-- 'shadow': decided and recorded, and nothing written to Ashby.
ALTER TABLE job ADD COLUMN mode text NOT NULL DEFAULT 'live'
    CONSTRAINT mode_is_known CHECK (mode IN ('live', 'shadow'));

-- An undo runs as a flush of its own.
ALTER TABLE flush DROP CONSTRAINT trigger_is_known;
ALTER TABLE flush ADD CONSTRAINT trigger_is_known CHECK (trigger IN ('schedule', 'manual', 'undo'));
-- Which flush an undo puts back.
ALTER TABLE flush ADD COLUMN undoes uuid REFERENCES flush ON DELETE SET NULL;
CREATE INDEX flush_undoes ON flush (undoes) WHERE undoes IS NOT NULL;
CREATE INDEX flush_by_start ON flush (connection_id, started_at);

-- Who made it, and what Ashby held before: a crash between the call and its record loses neither.
ALTER TABLE intent ADD COLUMN flush_id uuid;
ALTER TABLE intent ADD COLUMN before jsonb;

-- What a flush changed in Ashby, as it was before and as it was left. Goes with its flush.
CREATE TABLE flush_change (
    flush_id uuid NOT NULL REFERENCES flush ON DELETE CASCADE,
    prospect_id uuid NOT NULL REFERENCES prospect ON DELETE CASCADE,
    action text NOT NULL CONSTRAINT change_action_is_known CHECK (action IN ('create', 'move', 'archive')),
    changed_at timestamptz NOT NULL,
    -- Let go on by an admin: it does not count against the limits.
    approved boolean NOT NULL DEFAULT false,
    candidate_id text NOT NULL,
    -- Null where only the candidate was created.
    application_id text,
    -- Stage, status, archive reason and source. Nothing was there before a creation.
    before jsonb,
    after jsonb,
    -- The undo that put it back.
    undone_by uuid REFERENCES flush ON DELETE SET NULL,
    PRIMARY KEY (flush_id, prospect_id),
    CONSTRAINT created_from_nothing CHECK ((action = 'create') = (before IS NULL)),
    CONSTRAINT what_was_there_was_left_somehow CHECK (action = 'create' OR (application_id IS NOT NULL AND after IS NOT NULL))
);
CREATE INDEX flush_change_of_prospect ON flush_change (prospect_id);
CREATE INDEX flush_change_undone_by ON flush_change (undone_by) WHERE undone_by IS NOT NULL;

-- A job's part of a flush that was stopped, and what became of it. One a flush and job.
CREATE TABLE brake_question (
    flush_id uuid NOT NULL REFERENCES flush ON DELETE CASCADE,
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    dover_job_id text NOT NULL,
    title text NOT NULL,
    -- What the job's part would have done.
    creates integer NOT NULL,
    moves integer NOT NULL,
    archives integer NOT NULL,
    -- The job's active applications then.
    active integer NOT NULL,
    -- The setting that was exceeded, and its value.
    exceeded text NOT NULL CONSTRAINT limit_is_known
        CHECK (exceeded IN ('brake.max_archives', 'brake.max_archive_share', 'brake.max_moves')),
    exceeded_limit double precision NOT NULL,
    asked_at timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'waiting' CONSTRAINT brake_status_is_known
        CHECK (status IN ('waiting', 'approved', 'refused', 'withdrawn')),
    decided_at timestamptz,
    decided_by text,
    PRIMARY KEY (flush_id, dover_job_id),
    CONSTRAINT decided_when_not_waiting CHECK ((status = 'waiting') = (decided_at IS NULL))
);
CREATE INDEX brake_waiting ON brake_question (connection_id, dover_job_id) WHERE status = 'waiting';

-- Who is held by it: what would be done, so that an answer covers that and nothing else. Gone once they were decided
-- again.
CREATE TABLE brake_hold (
    prospect_id uuid PRIMARY KEY REFERENCES prospect ON DELETE CASCADE,
    flush_id uuid NOT NULL,
    dover_job_id text NOT NULL,
    action text NOT NULL CONSTRAINT hold_action_is_known CHECK (action IN ('create', 'move', 'archive')),
    deed text NOT NULL,
    said_at timestamptz NOT NULL,
    FOREIGN KEY (flush_id, dover_job_id) REFERENCES brake_question ON DELETE CASCADE
);
CREATE INDEX brake_hold_of_question ON brake_hold (flush_id, dover_job_id);

CREATE INDEX decision_held ON decision (flush_id, id) WHERE reason = 'held-by-brake';
-- The applications that a share is taken of.
CREATE INDEX ashby_application_in_play ON ashby_application (connection_id, job_id)
    WHERE status IN ('Lead', 'Active') AND NOT gone;
