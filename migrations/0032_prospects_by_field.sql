-- no-transaction
-- Prospects are listed by what Dover knows of them beside contact details. Few have any, so this is small.
CREATE INDEX CONCURRENTLY prospect_by_field ON prospect USING gin ((says #> '{contact,fields,value}') jsonb_path_ops);
