-- Notes that are owed to people in Ashby, and those that were written. Ids, words and times alone: what a note says is read
-- from the delivery that told it when it is written.

CREATE TABLE note (
    prospect_id uuid NOT NULL REFERENCES prospect ON DELETE CASCADE,
    -- What the note is upon, by Dover's id of the activity or by when a write of ours was intended: each has one note.
    event text NOT NULL,
    connection_id uuid NOT NULL,
    kind text NOT NULL CONSTRAINT note_kind_is_known CHECK (kind IN (
        'email_sent', 'email_replied', 'linkedin_message', 'call', 'note', 'stage_changed', 'archived', 'created'
    )),
    happened_at timestamptz NOT NULL,
    -- Of an activity: the delivery that tells it, and the Dover time of that. The later telling counts.
    delivery_id bigint,
    said_at timestamptz,
    -- Of a write of ours: the stages and the archive reason, by id.
    deed jsonb,
    noted_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'owed'
        CONSTRAINT note_state_is_known CHECK (state IN ('owed', 'intended', 'written', 'dropped')),
    -- Of one that is about to be written or of unknown outcome: since when, and what it will be known again by.
    intended_at timestamptz,
    content_hash text,
    -- Since when its outcome has been looked for, and how often it was taken not to have been written.
    looked_for_since timestamptz,
    given_up smallint NOT NULL DEFAULT 0 CONSTRAINT note_given_up_counts CHECK (given_up >= 0),
    -- Whether somebody is asked what became of it.
    undecided boolean NOT NULL DEFAULT false,
    note_id text,
    dropped_because text,
    PRIMARY KEY (prospect_id, event),
    CONSTRAINT note_is_told_or_done CHECK ((delivery_id IS NULL) <> (deed IS NULL)),
    CONSTRAINT note_told_is_dated CHECK ((delivery_id IS NULL) = (said_at IS NULL)),
    CONSTRAINT note_intended_is_known_again
        CHECK ((state = 'intended') = (intended_at IS NOT NULL AND content_hash IS NOT NULL)),
    CONSTRAINT note_written_has_an_id CHECK ((state = 'written') = (note_id IS NOT NULL)),
    CONSTRAINT note_dropped_says_why CHECK ((state = 'dropped') = (dropped_because IS NOT NULL)),
    CONSTRAINT note_undecided_is_intended CHECK (NOT undecided OR state = 'intended')
);
-- What is to be done, however long the history.
CREATE INDEX note_open ON note (prospect_id, happened_at, event) WHERE state IN ('owed', 'intended');
-- What retention removes.
CREATE INDEX note_passing ON note (connection_id, noted_at) WHERE state IN ('owed', 'dropped');
-- A note in Ashby is upon one event.
CREATE UNIQUE INDEX note_in_ashby ON note (connection_id, note_id) WHERE note_id IS NOT NULL;

-- When the service made the application; null where it was in Ashby before. What happened earlier is history.
ALTER TABLE prospect ADD COLUMN application_made_at timestamptz;
