-- Who may ask what of the REST API: tokens with a role, and whether the bootstrap token opens.

CREATE TABLE access_token (
    id uuid PRIMARY KEY,
    name text NOT NULL CONSTRAINT token_name_length CHECK (length(name) BETWEEN 1 AND 100),
    role text NOT NULL CONSTRAINT token_role_is_known CHECK (role IN ('admin', 'member', 'monitor')),
    -- What it begins with: enough to tell it from others and to find it, not enough to guess it.
    prefix text NOT NULL,
    -- Of the whole token. It is random and long, so a plain hash cannot be turned back.
    token_hash bytea NOT NULL UNIQUE CONSTRAINT token_hash_length CHECK (length(token_hash) = 32),
    -- The only connection that it opens; null where it opens all.
    connection_id uuid REFERENCES connection ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    revoked_by text,
    last_used_at timestamptz,
    -- Health and metrics are of the whole installation.
    CONSTRAINT monitor_is_unbound CHECK (role <> 'monitor' OR connection_id IS NULL),
    CONSTRAINT revocation_is_whole CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE UNIQUE INDEX access_token_name ON access_token (name) WHERE revoked_at IS NULL;
CREATE INDEX access_token_by_prefix ON access_token (prefix);
CREATE INDEX access_token_of_connection ON access_token (connection_id) WHERE connection_id IS NOT NULL;

-- Since when the bootstrap token opens nothing; null while it does.
ALTER TABLE installation ADD COLUMN bootstrap_off_at timestamptz;
