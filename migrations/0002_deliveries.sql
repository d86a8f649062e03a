-- What came in, and what of it waits to be decided.

CREATE TABLE delivery (
    -- The order of arrival, and the name of the delivery.
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    webhook_id text NOT NULL,
    body_hash bytea NOT NULL CONSTRAINT body_hash_is_sha256 CHECK (length(body_hash) = 32),
    received_at timestamptz NOT NULL,
    verdict text NOT NULL CONSTRAINT verdict_is_known CHECK (verdict IN ('accepted', 'rejected', 'id-reused')),
    type text,
    copies integer NOT NULL DEFAULT 1 CONSTRAINT copies_counts_the_first CHECK (copies >= 1),
    dover_candidate_id text,
    dover_job_id text,
    -- JSON as text: it is shown, never searched.
    headers text NOT NULL,
    body bytea NOT NULL,
    faults jsonb,
    CONSTRAINT rejected_says_why CHECK (verdict <> 'rejected' OR faults IS NOT NULL)
);
-- One delivery an id; what reused an id stands beside it, one of each body.
CREATE UNIQUE INDEX delivery_webhook_id ON delivery (connection_id, webhook_id) WHERE verdict <> 'id-reused';
CREATE UNIQUE INDEX delivery_reused_id ON delivery (connection_id, webhook_id, body_hash) WHERE verdict = 'id-reused';
CREATE INDEX delivery_in_order ON delivery (connection_id, id);
CREATE INDEX delivery_of_candidate ON delivery (connection_id, dover_candidate_id, id);
CREATE INDEX delivery_of_job ON delivery (connection_id, dover_job_id, id);
CREATE INDEX delivery_not_accepted ON delivery (connection_id, verdict, id) WHERE verdict <> 'accepted';

CREATE TABLE prospect (
    id uuid PRIMARY KEY,
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    dover_candidate_id text NOT NULL,
    dover_job_id text NOT NULL,
    -- The fold of all deliveries, and the columns of it that lists show and filter by.
    says jsonb NOT NULL,
    name text,
    stage text,
    status text,
    dover_updated_at timestamptz,
    -- Raised by whatever asks for another decision: a fold, a release, a resync.
    revision bigint NOT NULL DEFAULT 0,
    state text NOT NULL DEFAULT 'pending'
        CONSTRAINT state_is_known CHECK (state IN ('pending', 'synced', 'skipped', 'parked')),
    reason text,
    last_decision_id uuid,
    -- The Dover time that was last applied to Ashby.
    applied_at timestamptz,
    -- The link.
    candidate_id text,
    application_id text,
    created_at timestamptz NOT NULL,
    UNIQUE (connection_id, dover_candidate_id, dover_job_id),
    CONSTRAINT application_has_a_candidate CHECK (application_id IS NULL OR candidate_id IS NOT NULL),
    CONSTRAINT decided_has_a_reason CHECK (state = 'pending' OR reason IS NOT NULL)
);
CREATE INDEX prospect_in_order ON prospect (connection_id, id);
CREATE INDEX prospect_pending ON prospect (connection_id, id) WHERE state = 'pending';
CREATE INDEX prospect_parked ON prospect (connection_id, reason, id) WHERE state = 'parked';
CREATE INDEX prospect_of_job ON prospect (connection_id, dover_job_id, state, reason);
CREATE INDEX prospect_of_application ON prospect (connection_id, application_id) WHERE application_id IS NOT NULL;

-- Deliveries not yet decided: narrow, and emptied as they are, so that its cost never grows with history.
CREATE TABLE pending (
    delivery_id bigint PRIMARY KEY REFERENCES delivery ON DELETE CASCADE,
    connection_id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    -- Null until folded.
    prospect_id uuid REFERENCES prospect ON DELETE CASCADE
);
CREATE INDEX pending_unfolded ON pending (connection_id, delivery_id) WHERE prospect_id IS NULL;
CREATE INDEX pending_of_prospect ON pending (prospect_id, delivery_id) WHERE prospect_id IS NOT NULL;
CREATE INDEX pending_oldest ON pending (connection_id, received_at);
