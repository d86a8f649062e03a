-- Deliveries are counted off in stretches of 262,144, in the order of their arrival. Where rows lie by stretch first, and by
-- candidate within it, what comes in is written close together, however many candidates there were before. Whoever asks for all
-- of a candidate looks into each stretch.

CREATE FUNCTION stretch_of(delivery_id bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT delivery_id >> 18
$$;

-- Those in which the deliveries of a connection lie.
CREATE FUNCTION stretches_of(whose uuid) RETURNS SETOF bigint LANGUAGE sql STABLE ROWS 100 AS $$
    SELECT stretch FROM generate_series(
        stretch_of((SELECT id FROM delivery WHERE connection_id = whose ORDER BY connection_id, id LIMIT 1)),
        stretch_of((SELECT id FROM delivery WHERE connection_id = whose ORDER BY connection_id DESC, id DESC LIMIT 1))
    ) AS stretch
$$;
