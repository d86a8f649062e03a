-- What the rules of the exclusion list ask of Ashby's people and applications.

-- Keyed hashes of a candidate's tags, company and e-mail domains: enough to tell whether a rule names one.
CREATE TABLE ashby_person (
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    candidate_id text NOT NULL,
    traits bytea[] NOT NULL,
    PRIMARY KEY (connection_id, candidate_id)
);

-- Null where it is not archived, or was not seen since this column is there.
ALTER TABLE ashby_application ADD COLUMN archived_at timestamptz;

-- The candidates are read once more, beside the work, for what was not kept of them so far.
UPDATE ashby_listing SET cursor = NULL, sync_token = NULL WHERE listing = 'candidates';
