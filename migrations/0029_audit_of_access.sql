-- The audit keeps more than settings and locks: the exclusion list, and who may open what.
ALTER TABLE setting_change DROP CONSTRAINT change_is_known;
ALTER TABLE setting_change ADD CONSTRAINT change_is_known
    CHECK (what IN ('value', 'lock', 'exclusion-rule', 'exclusion-list', 'token', 'bootstrap-token'));

-- What concerns every connection, such as a token that opens all of them, belongs to none.
ALTER TABLE setting_change ALTER COLUMN connection_id DROP NOT NULL;
ALTER TABLE setting_change ADD CONSTRAINT settings_are_a_connections
    CHECK (connection_id IS NOT NULL OR what IN ('token', 'bootstrap-token'));
