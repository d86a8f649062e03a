-- What was set, by layer and key, with the last change of each. What went back has no value and keeps its row: the change
-- is what explains why it is as it is.
CREATE TABLE setting (
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    layer text NOT NULL CONSTRAINT setting_layer_is_known CHECK (layer IN ('connection', 'job', 'user')),
    -- Whose: nothing for the connection, Dover's id of a job, the e-mail address of a user in lower case.
    subject text NOT NULL,
    key text NOT NULL,
    value jsonb,
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL,
    -- A registration that is taken back takes its settings along.
    dover_job_id text GENERATED ALWAYS AS (CASE WHEN layer = 'job' THEN subject END) STORED,
    PRIMARY KEY (connection_id, layer, subject, key),
    FOREIGN KEY (connection_id, dover_job_id) REFERENCES job (connection_id, dover_job_id) ON DELETE CASCADE,
    CONSTRAINT only_the_connection_has_no_subject CHECK ((layer = 'connection') = (subject = ''))
);

-- What is for admins alone: a key, or a group of keys.
CREATE TABLE setting_lock (
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    name text NOT NULL,
    PRIMARY KEY (connection_id, name)
);

-- Every change of a setting or a lock. Never changed, but that a flush notes which it has taken in.
CREATE TABLE setting_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    what text NOT NULL CONSTRAINT change_is_known CHECK (what IN ('value', 'lock')),
    layer text NOT NULL CONSTRAINT change_layer_is_known CHECK (layer IN ('connection', 'job', 'user')),
    subject text NOT NULL,
    key text NOT NULL,
    before jsonb,
    after jsonb,
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL,
    -- Whoever a flush decided by what was in force before is decided again by the next one.
    taken_in boolean NOT NULL DEFAULT false
);
CREATE INDEX setting_change_in_order ON setting_change (connection_id, id);
CREATE INDEX setting_change_fresh ON setting_change (connection_id) WHERE NOT taken_in;

INSERT INTO setting (connection_id, layer, subject, key, value, changed_at, changed_by)
SELECT c.id, 'connection', '', s.key, s.value, now(), 'admin' FROM connection c, jsonb_each(c.settings) s;

-- What was set for a connection as a whole, as `connection.settings` was before. That column is read no longer.
CREATE FUNCTION settings_of(connection uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM setting
    WHERE connection_id = connection AND layer = 'connection' AND value IS NOT NULL
$$;
