-- Exact counts that cost the same whatever the backlog. Each database session keeps a row of its own, so that no two
-- transactions ever wait for each other's counting; a reader adds them up. Rows of sessions that are gone are gathered
-- into session 0 by upkeep.

CREATE TABLE tally (
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    -- 'pending' deliveries, or prospects as 'state' or 'parked:reason'.
    what text NOT NULL,
    session integer NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (connection_id, what, session)
) WITH (fillfactor = 50);

CREATE FUNCTION tally_pending_in() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tally AS t (connection_id, what, session, n)
    SELECT connection_id, 'pending', pg_backend_pid(), count(*) FROM arrived GROUP BY connection_id
    ON CONFLICT (connection_id, what, session) DO UPDATE SET n = t.n + excluded.n;
    RETURN NULL;
END $$;

CREATE FUNCTION tally_pending_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A connection that is being removed takes its tallies along.
    INSERT INTO tally AS t (connection_id, what, session, n)
    SELECT connection_id, 'pending', pg_backend_pid(), -count(*) FROM departed
    WHERE EXISTS (SELECT FROM connection WHERE connection.id = departed.connection_id) GROUP BY connection_id
    ON CONFLICT (connection_id, what, session) DO UPDATE SET n = t.n + excluded.n;
    RETURN NULL;
END $$;

CREATE TRIGGER tally_in AFTER INSERT ON pending REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tally_pending_in();
CREATE TRIGGER tally_out AFTER DELETE ON pending REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION tally_pending_out();

CREATE FUNCTION prospect_tally_key(state text, reason text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN state = 'parked' THEN 'parked:' || reason ELSE state || '-prospects' END
$$;

CREATE FUNCTION tally_prospects() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO tally AS t (connection_id, what, session, n)
        SELECT connection_id, prospect_tally_key(state, reason), pg_backend_pid(), count(*)
        FROM arrived GROUP BY 1, 2
        ON CONFLICT (connection_id, what, session) DO UPDATE SET n = t.n + excluded.n;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO tally AS t (connection_id, what, session, n)
        SELECT connection_id, prospect_tally_key(state, reason), pg_backend_pid(), -count(*)
        FROM departed
        WHERE EXISTS (SELECT FROM connection WHERE connection.id = departed.connection_id) GROUP BY 1, 2
        ON CONFLICT (connection_id, what, session) DO UPDATE SET n = t.n + excluded.n;
    ELSE
        INSERT INTO tally AS t (connection_id, what, session, n)
        SELECT connection_id, what, pg_backend_pid(), sum(d)
        FROM (
            SELECT connection_id, prospect_tally_key(state, reason) AS what, 1 AS d FROM arrived
            UNION ALL
            SELECT connection_id, prospect_tally_key(state, reason), -1 FROM departed
        ) AS change GROUP BY 1, 2 HAVING sum(d) <> 0
        ON CONFLICT (connection_id, what, session) DO UPDATE SET n = t.n + excluded.n;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER tally_in AFTER INSERT ON prospect REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tally_prospects();
CREATE TRIGGER tally_out AFTER DELETE ON prospect REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION tally_prospects();
CREATE TRIGGER tally_change AFTER UPDATE ON prospect REFERENCING NEW TABLE AS arrived OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION tally_prospects();
