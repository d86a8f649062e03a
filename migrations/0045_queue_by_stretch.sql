-- The queue lies by stretch, too. Its key is of an expression, so that a copy of this database elsewhere has to know each row as a
-- whole; that is written to the log only where it is copied.
--
-- Processes of before put back what they replay by the key that goes here: they are to be stopped first.

DROP INDEX delivery_of_candidate;

ALTER TABLE pending DROP CONSTRAINT pending_pkey;
CREATE UNIQUE INDEX pending_in_order ON pending (connection_id, stretch_of(delivery_id), dover_candidate_id, delivery_id);
ALTER TABLE pending REPLICA IDENTITY FULL;

CREATE OR REPLACE FUNCTION pending_goes_with_its_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM pending USING departed
    WHERE pending.connection_id = departed.connection_id AND stretch_of(pending.delivery_id) = stretch_of(departed.id)
      AND pending.dover_candidate_id = departed.dover_candidate_id AND pending.delivery_id = departed.id;
    RETURN NULL;
END $$;
