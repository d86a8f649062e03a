-- The settings that a decision rested on, each with its layer and its last change, as they were then.
ALTER TABLE decision ADD COLUMN settings jsonb NOT NULL DEFAULT '[]';
