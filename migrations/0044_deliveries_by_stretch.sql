-- no-transaction
-- To take the place of one by candidate alone, in which each delivery was written to another page.
CREATE INDEX CONCURRENTLY delivery_about ON delivery (connection_id, stretch_of(id), dover_candidate_id, id);
