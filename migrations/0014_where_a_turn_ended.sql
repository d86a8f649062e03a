-- A backlog is carried off in turns. The next one goes on behind the last prospect of the one before, so that those which
-- Ashby does not answer about are not tried again and again while others wait.
ALTER TABLE connection ADD COLUMN turn_ended_at uuid;
