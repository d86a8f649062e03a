-- What others do in Ashby: its own webhooks, applications that it shows in a state we do not know, and whose identity is
-- ambiguous.

-- Who sent a delivery. Rows of before have the default, so nothing needs to be looked through.
ALTER TABLE delivery ADD COLUMN sender text NOT NULL DEFAULT 'dover';
ALTER TABLE delivery ADD CONSTRAINT sender_is_known CHECK (sender IN ('dover', 'ashby')) NOT VALID;

-- The deliveries of Ashby's, to be listed by themselves and found by the person they are about.
CREATE TABLE ashby_delivery (
    delivery_id bigint PRIMARY KEY REFERENCES delivery ON DELETE CASCADE,
    connection_id uuid NOT NULL,
    candidate_id text
);
CREATE INDEX ashby_delivery_in_order ON ashby_delivery (connection_id, delivery_id);
CREATE INDEX ashby_delivery_of_candidate ON ashby_delivery (connection_id, candidate_id) WHERE candidate_id IS NOT NULL;

-- What Ashby's webhooks have told and no flush has taken in: the latest of each subject, so that a storm of them costs
-- no more than the things that they are about.
CREATE TABLE ashby_news (
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    -- 'application:…', 'candidate:…' or 'job:…'.
    subject text NOT NULL,
    -- When the subject had changed, as far as the webhook says.
    at timestamptz NOT NULL,
    delivery_id bigint NOT NULL REFERENCES delivery ON DELETE CASCADE,
    PRIMARY KEY (connection_id, subject)
);
CREATE INDEX ashby_news_of_delivery ON ashby_news (delivery_id);

-- A webhook secret is for one sender.
ALTER TABLE webhook_secret ADD COLUMN sender text NOT NULL DEFAULT 'dover'
    CONSTRAINT secret_sender_is_known CHECK (sender IN ('dover', 'ashby'));

-- An application that Ashby shows without a stage, or in a status that we do not know, is there all the same.
ALTER TABLE ashby_application DROP CONSTRAINT application_status_is_known;
ALTER TABLE ashby_application ADD CONSTRAINT application_status_is_known
    CHECK (status IN ('Lead', 'Active', 'Hired', 'Archived', 'Unclear')) NOT VALID;
ALTER TABLE ashby_application ALTER COLUMN stage_id DROP NOT NULL;
ALTER TABLE ashby_application ADD CONSTRAINT only_unclear_has_no_stage
    CHECK (stage_id IS NOT NULL OR status = 'Unclear') NOT VALID;

-- Whom a prospect of ambiguous identity might be: looked over a few at a time, for Ashby tells nobody of a deletion.
CREATE TABLE choice (
    prospect_id uuid NOT NULL REFERENCES prospect ON DELETE CASCADE,
    connection_id uuid NOT NULL,
    candidate_id text NOT NULL,
    -- When Ashby last had the candidate.
    looked_at timestamptz NOT NULL,
    PRIMARY KEY (prospect_id, candidate_id)
);
CREATE INDEX choice_of_candidate ON choice (connection_id, candidate_id);
CREATE INDEX choice_by_age ON choice (connection_id, looked_at);

INSERT INTO choice (prospect_id, connection_id, candidate_id, looked_at)
SELECT DISTINCT p.id, p.connection_id, c.id, d.decided_at
FROM prospect p JOIN decision d ON d.id = p.last_decision_id
CROSS JOIN LATERAL jsonb_array_elements_text(d.ashby->'choices') AS c (id)
WHERE p.state = 'parked' AND p.reason = 'ambiguous-identity';
