-- no-transaction
-- Whether a candidate was given the tag with another of their jobs.
CREATE INDEX CONCURRENTLY prospect_tagged ON prospect (connection_id, candidate_id) WHERE tagged_as IS NOT NULL;
