-- What prospects and decisions refer to is held statement by statement, as that of deliveries is: they are kept by the page, and
-- all rows of a page refer to one connection, and one flush.

-- The statement that makes prospects looks their connection up once and locks it.
ALTER TABLE prospect DROP CONSTRAINT prospect_connection_id_fkey;

CREATE FUNCTION prospects_go_with_their_connection() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM prospect WHERE connection_id = OLD.id;
    RETURN NULL;
END $$;

CREATE TRIGGER prospects_go AFTER DELETE ON connection
    FOR EACH ROW EXECUTE FUNCTION prospects_go_with_their_connection();

-- The statement that keeps decisions locks their prospects and their flush, and leaves out whose is gone. Their connection goes
-- with all its prospects.
ALTER TABLE decision
    DROP CONSTRAINT decision_connection_id_fkey,
    DROP CONSTRAINT decision_prospect_id_fkey,
    DROP CONSTRAINT decision_flush_id_fkey;

CREATE FUNCTION decisions_go_with_their_prospect() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Looked up one by one, whatever the planner thinks of how many there are: it is planned once a session.
    DELETE FROM decision WHERE prospect_id = ANY (ARRAY(SELECT id FROM departed));
    RETURN NULL;
END $$;

CREATE TRIGGER decisions_go AFTER DELETE ON prospect REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION decisions_go_with_their_prospect();

-- Nobody removes a flush that still has decisions: the sweep leaves it, and a connection's decisions go with its prospects.
