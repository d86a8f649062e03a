-- The custom fields of an employer's Ashby, as last read.
CREATE TABLE field_catalogue (
    connection_id uuid PRIMARY KEY REFERENCES connection ON DELETE CASCADE,
    fields jsonb NOT NULL,
    read_at timestamptz NOT NULL,
    -- Counts up as the fields change; and the one that a flush last decided by. Whoever waits for a field is let go where
    -- they differ.
    version bigint NOT NULL DEFAULT 1,
    taken_in bigint NOT NULL DEFAULT 0
);

-- What was decided last of each field of a candidate or an application in Ashby: keyed digests, no values.
CREATE TABLE field_written (
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    -- The id in Ashby of the candidate or application.
    object_id text NOT NULL,
    -- The field; of one that takes several addresses, one address.
    slot text NOT NULL,
    variable text NOT NULL,
    policy text NOT NULL CONSTRAINT field_policy_is_known CHECK (policy IN ('always', 'if_blank', 'never')),
    digest bytea NOT NULL,
    -- When Dover said so, and the order of arrival of what it said at the same time.
    said_at timestamptz NOT NULL,
    arrival bigint NOT NULL,
    -- Whether the value was written or found to be there, and not left as somebody else had it.
    is_ours boolean NOT NULL,
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (connection_id, object_id, slot)
);
