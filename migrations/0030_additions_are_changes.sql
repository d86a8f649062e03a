-- What a flush wrote beside the stage is named by its undo, which cannot take it back.
ALTER TABLE flush_change DROP CONSTRAINT change_action_is_known;
ALTER TABLE flush_change ADD CONSTRAINT change_action_is_known CHECK (action IN ('create', 'move', 'archive', 'update'));
