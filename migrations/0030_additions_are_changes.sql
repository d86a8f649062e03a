-- What a flush wrote beside the stage is named by its undo, which cannot take it back: like a creation, it has no image.
ALTER TABLE flush_change
    DROP CONSTRAINT change_action_is_known,
    DROP CONSTRAINT created_from_nothing,
    DROP CONSTRAINT what_was_there_was_left_somehow;
ALTER TABLE flush_change
    ADD CONSTRAINT change_action_is_known CHECK (action IN ('create', 'move', 'archive', 'update')),
    ADD CONSTRAINT only_a_change_of_stage_has_a_before CHECK ((action IN ('create', 'update')) = (before IS NULL)),
    ADD CONSTRAINT what_was_there_was_left_somehow
        CHECK (action IN ('create', 'update') OR (application_id IS NOT NULL AND after IS NOT NULL));
