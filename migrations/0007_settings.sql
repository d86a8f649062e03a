-- What an admin has set for a connection, by key; what is not here has its default. A flat object, so that one key can be
-- changed without reading the others.
ALTER TABLE connection ADD COLUMN settings jsonb NOT NULL DEFAULT '{}'
    CONSTRAINT settings_are_an_object CHECK (jsonb_typeof(settings) = 'object');
