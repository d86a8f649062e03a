-- A fold is written and read as a whole, and never looked into by the database but for what stands beside it from now on. As
-- jsonb, with a moment at each statement, it was parsed, compressed and put together again each time.
--
-- Writes every prospect anew. Lists of prospects wait for that; webhooks do not. Processes of before cannot fold beside this:
-- they are to be stopped first.

-- At once, so that no other transaction waits for what this waits for.
LOCK TABLE prospect IN ACCESS EXCLUSIVE MODE;
ALTER TABLE prospect
    -- What prospects are listed by, and by whose settings they are decided.
    ADD COLUMN fields jsonb,
    ADD COLUMN owner_email text;
UPDATE prospect SET fields = says #> '{contact,fields,value}', owner_email = says #>> '{contact,owner_email,value}'
WHERE says #> '{contact,fields,value}' IS NOT NULL OR says #>> '{contact,owner_email,value}' IS NOT NULL;
DROP INDEX prospect_by_field;
ALTER TABLE prospect ALTER COLUMN says TYPE text USING says::text;
CREATE INDEX prospect_by_field ON prospect USING gin (fields jsonb_path_ops) WHERE fields IS NOT NULL;
