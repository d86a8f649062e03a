-- The workers that are alive, so that connections are shared out evenly among them. A handful of narrow rows that are
-- written every two seconds or so; those of workers that are gone are removed by the others.

CREATE TABLE worker (
    id uuid PRIMARY KEY,
    -- When it last looked for what is due.
    seen_at timestamptz NOT NULL
) WITH (fillfactor = 50);
