-- The outcome of a create may be unknown. How long it has been looked for counts from the first look, by when the call was
-- over; and how often it was given up tells whether to try once more or to ask somebody.
ALTER TABLE intent ADD COLUMN looked_for_since timestamptz;
ALTER TABLE prospect ADD COLUMN creates_given_up smallint NOT NULL DEFAULT 0 CHECK (creates_given_up >= 0);
