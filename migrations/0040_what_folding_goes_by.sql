-- What was read of a delivery when it came, as far as folding goes by it: of many deliveries of one prospect only those are read
-- again that say what no later one says. Where it is not known, as of all that waits now, the body is read.
ALTER TABLE delivery
    -- The moment that counts; the statements that it makes, a bit each (plan::outline); by which payload paths it was read.
    ADD COLUMN said_at timestamptz,
    ADD COLUMN statements integer,
    ADD COLUMN read_by integer;
ALTER TABLE pending
    ADD COLUMN dover_job_id text COLLATE "C",
    ADD COLUMN said_at timestamptz,
    ADD COLUMN statements integer,
    ADD COLUMN read_by integer,
    -- The length of the body.
    ADD COLUMN octets integer;

-- Held by the two statements that store a delivery, which write no other verdict or sender, no hash of another length, and
-- faults with what is rejected: the database read all six anew with each statement, at the price of three more indexes.
ALTER TABLE delivery
    DROP CONSTRAINT body_hash_is_sha256,
    DROP CONSTRAINT copies_counts_the_first,
    DROP CONSTRAINT erased_is_empty,
    DROP CONSTRAINT rejected_says_why,
    DROP CONSTRAINT sender_is_known,
    DROP CONSTRAINT verdict_is_known;
