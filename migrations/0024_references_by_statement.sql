-- What a delivery refers to is held statement by statement: row by row the two checks were a third of what storing cost.

-- The statement that stores deliveries looks each connection up once and locks it, and leaves out whose is gone.
ALTER TABLE delivery DROP CONSTRAINT delivery_connection_id_fkey;
-- A row of it is made by the statement that stores the delivery, or with the delivery locked.
ALTER TABLE pending DROP CONSTRAINT pending_delivery_id_fkey;

CREATE FUNCTION deliveries_go_with_their_connection() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM delivery WHERE connection_id = OLD.id;
    RETURN NULL;
END $$;

-- Afterwards, as a reference would: who stores for the connection at this moment holds its row, and is waited for.
CREATE TRIGGER deliveries_go AFTER DELETE ON connection
    FOR EACH ROW EXECUTE FUNCTION deliveries_go_with_their_connection();

CREATE FUNCTION pending_goes_with_its_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM pending USING departed WHERE pending.delivery_id = departed.id;
    RETURN NULL;
END $$;

CREATE TRIGGER pending_goes AFTER DELETE ON delivery REFERENCING OLD TABLE AS departed
    FOR EACH STATEMENT EXECUTE FUNCTION pending_goes_with_its_delivery();
