-- What folding takes out of the queue, and whom it makes, is counted by the statements that do: for the triggers each row was
-- copied once more. Whatever else changes prospects is rare, or changes few, and stays with a trigger, that reads each copy once.
--
-- Processes of before would fold without counting, and those of after would count twice without this: the former are to be stopped
-- first, and the latter started after it.

DROP TRIGGER tally_out ON pending;
DROP FUNCTION tally_pending_out();
DROP TRIGGER tally_in ON prospect;

CREATE OR REPLACE FUNCTION pending_goes_with_its_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH gone AS (
        DELETE FROM pending USING departed
        WHERE pending.connection_id = departed.connection_id AND stretch_of(pending.delivery_id) = stretch_of(departed.id)
          AND pending.dover_candidate_id = departed.dover_candidate_id AND pending.delivery_id = departed.id
        RETURNING pending.connection_id
    )
    -- A connection that is being removed takes its tallies along.
    INSERT INTO tally AS t (connection_id, what, session, n)
    SELECT connection_id, 'pending', pg_backend_pid(), -count(*) FROM gone
    WHERE EXISTS (SELECT FROM connection WHERE connection.id = gone.connection_id) GROUP BY connection_id
    ON CONFLICT (connection_id, what, session) DO UPDATE SET n = t.n + excluded.n;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION tally_prospects() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        -- A connection that is being removed takes its tallies along.
        INSERT INTO tally AS t (connection_id, what, session, n)
        SELECT connection_id, counted.what, pg_backend_pid(), -sum(counted.n)
        FROM (
            SELECT connection_id, prospect_tally_key(state, reason) AS what, count(*) AS n, sum(cardinality(waiting)) AS waiting
            FROM departed GROUP BY 1, 2
        ) AS gone CROSS JOIN LATERAL (VALUES (gone.what, gone.n), ('pending', gone.waiting)) AS counted (what, n)
        WHERE EXISTS (SELECT FROM connection WHERE connection.id = gone.connection_id)
        GROUP BY 1, 2 HAVING sum(counted.n) <> 0
        ON CONFLICT (connection_id, what, session) DO UPDATE SET n = t.n + excluded.n;
    ELSE
        INSERT INTO tally AS t (connection_id, what, session, n)
        SELECT connection_id, counted.what, pg_backend_pid(), sum(counted.n)
        FROM (
            SELECT connection_id, prospect_tally_key(state, reason) AS what, count(*) AS n, sum(cardinality(waiting)) AS waiting
            FROM arrived GROUP BY 1, 2
            UNION ALL
            SELECT connection_id, prospect_tally_key(state, reason), -count(*), -sum(cardinality(waiting))
            FROM departed GROUP BY 1, 2
        ) AS change CROSS JOIN LATERAL (VALUES (change.what, change.n), ('pending', change.waiting)) AS counted (what, n)
        GROUP BY 1, 2 HAVING sum(counted.n) <> 0
        ON CONFLICT (connection_id, what, session) DO UPDATE SET n = t.n + excluded.n;
    END IF;
    RETURN NULL;
END $$;
