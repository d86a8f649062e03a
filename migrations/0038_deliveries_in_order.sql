-- no-transaction
-- To take the place of two: that of the numbers alone, and that of their order within a connection.
CREATE UNIQUE INDEX CONCURRENTLY delivery_by_connection ON delivery (connection_id, id);
