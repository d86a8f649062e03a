-- Folding takes a delivery out of the queue: what was folded and is not decided yet is noted at its prospect. A delivery is
-- written to the queue and taken from it, and nothing of it is written in between. What waits lies in the order of whom it is
-- about, so that all that waits of one candidate is folded at once, and their prospect written once.
--
-- Processes of before can neither fold nor receive beside this: they are to be stopped first.

ALTER TABLE prospect
    -- Deliveries that were folded and wait to be decided, and since when the first of them does.
    ADD COLUMN waiting bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN waits_since timestamptz,
    ADD CONSTRAINT waiting_has_a_time CHECK ((waits_since IS NULL) = (waiting = '{}'));

CREATE OR REPLACE FUNCTION tally_prospects() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO tally AS t (connection_id, what, session, n)
        SELECT connection_id, what, pg_backend_pid(), sum(d)
        FROM (
            SELECT connection_id, prospect_tally_key(state, reason) AS what, 1 AS d FROM arrived
            UNION ALL
            SELECT connection_id, 'pending', cardinality(waiting) FROM arrived
        ) AS change GROUP BY 1, 2 HAVING sum(d) <> 0
        ON CONFLICT (connection_id, what, session) DO UPDATE SET n = t.n + excluded.n;
    ELSIF TG_OP = 'DELETE' THEN
        -- A connection that is being removed takes its tallies along.
        INSERT INTO tally AS t (connection_id, what, session, n)
        SELECT connection_id, what, pg_backend_pid(), -sum(d)
        FROM (
            SELECT connection_id, prospect_tally_key(state, reason) AS what, 1 AS d FROM departed
            UNION ALL
            SELECT connection_id, 'pending', cardinality(waiting) FROM departed
        ) AS change
        WHERE EXISTS (SELECT FROM connection WHERE connection.id = change.connection_id)
        GROUP BY 1, 2 HAVING sum(d) <> 0
        ON CONFLICT (connection_id, what, session) DO UPDATE SET n = t.n + excluded.n;
    ELSE
        INSERT INTO tally AS t (connection_id, what, session, n)
        SELECT connection_id, what, pg_backend_pid(), sum(d)
        FROM (
            SELECT connection_id, prospect_tally_key(state, reason) AS what, 1 AS d FROM arrived
            UNION ALL
            SELECT connection_id, prospect_tally_key(state, reason), -1 FROM departed
            UNION ALL
            SELECT connection_id, 'pending', cardinality(waiting) FROM arrived
            UNION ALL
            SELECT connection_id, 'pending', -cardinality(waiting) FROM departed
        ) AS change GROUP BY 1, 2 HAVING sum(d) <> 0
        ON CONFLICT (connection_id, what, session) DO UPDATE SET n = t.n + excluded.n;
    END IF;
    RETURN NULL;
END $$;

UPDATE prospect SET waiting = folded.waiting, waits_since = folded.since
FROM (SELECT prospect_id, array_agg(delivery_id ORDER BY delivery_id) AS waiting, min(received_at) AS since
      FROM pending WHERE prospect_id IS NOT NULL GROUP BY prospect_id) AS folded
WHERE prospect.id = folded.prospect_id;
DELETE FROM pending WHERE prospect_id IS NOT NULL;
CREATE INDEX prospect_waits ON prospect (connection_id, waits_since) WHERE waits_since IS NOT NULL;

-- Compared byte by byte: which order it is does not matter, and this one costs least.
ALTER TABLE pending ADD COLUMN dover_candidate_id text COLLATE "C";
UPDATE pending SET dover_candidate_id = delivery.dover_candidate_id FROM delivery WHERE delivery.id = pending.delivery_id;
-- Of nobody, or of a delivery that is gone: it could never be folded.
DELETE FROM pending WHERE dover_candidate_id IS NULL;
ALTER TABLE pending
    ALTER COLUMN dover_candidate_id SET NOT NULL,
    -- Its indexes go with it.
    DROP COLUMN prospect_id,
    DROP CONSTRAINT pending_pkey,
    ADD PRIMARY KEY (connection_id, dover_candidate_id, delivery_id);

CREATE OR REPLACE FUNCTION pending_goes_with_its_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM pending USING departed
    WHERE pending.connection_id = departed.connection_id AND pending.dover_candidate_id = departed.dover_candidate_id
      AND pending.delivery_id = departed.id;
    RETURN NULL;
END $$;
