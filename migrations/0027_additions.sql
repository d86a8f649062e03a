-- What is written to a record in Ashby beside its stage.

-- The tag that a candidate was given: given once.
ALTER TABLE prospect ADD COLUMN tagged_as text;

-- Whom Ashby knows by an e-mail address, under a keyed hash of it, so that a user is asked for once a day.
CREATE TABLE ashby_user (
    connection_id uuid        NOT NULL REFERENCES connection ON DELETE CASCADE,
    email_hash    bytea       NOT NULL,
    -- Null: nobody.
    user_id       text,
    looked_at     timestamptz NOT NULL,
    PRIMARY KEY (connection_id, email_hash)
);
