-- To take the place of one by candidate alone, in which each delivery was written to another page. Nobody receives meanwhile: those of
-- before are to be stopped for the next one in any case.
CREATE INDEX delivery_about ON delivery (connection_id, stretch_of(id), dover_candidate_id, id);
