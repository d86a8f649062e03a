-- The hash key survives a rotation of MASTER_KEY; people are erased on request and not made again.

-- Keys the hashes of addresses and the fingerprints of variables. Sealed with MASTER_KEY; null until the first process of
-- this version starts, which keeps the one that hashes were made with so far.
ALTER TABLE installation ADD COLUMN hash_key bytea;

-- A person was erased. What is left of them is what it takes to know them again.
CREATE TABLE erasure (
    id uuid PRIMARY KEY,
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    erased_at timestamptz NOT NULL,
    -- Who they are in Ashby, by id, for the person who anonymises them there.
    ashby_candidates text[] NOT NULL DEFAULT '{}'
);
CREATE INDEX erasure_in_order ON erasure (connection_id, id);

-- Keyed hashes of their Dover ids, e-mail addresses and LinkedIn profile.
CREATE TABLE erased_key (
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    key_hash bytea NOT NULL,
    erasure_id uuid NOT NULL REFERENCES erasure ON DELETE CASCADE,
    PRIMARY KEY (connection_id, key_hash)
);
CREATE INDEX erased_key_of_erasure ON erased_key (erasure_id);

ALTER TABLE prospect ADD COLUMN erasure_id uuid REFERENCES erasure ON DELETE SET NULL;
CREATE INDEX prospect_of_erasure ON prospect (erasure_id) WHERE erasure_id IS NOT NULL;

-- When the body and the headers were emptied.
ALTER TABLE delivery ADD COLUMN erased_at timestamptz;
-- Not valid: no row has it yet, and nobody should wait while all of them are read.
ALTER TABLE delivery ADD CONSTRAINT erased_is_empty
    CHECK (erased_at IS NULL OR (length(body) = 0 AND headers = '{}')) NOT VALID;
