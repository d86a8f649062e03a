-- A delivery is named by its connection and its number. Each was an index of its own, and every delivery was written to both;
-- the number alone is nothing that anybody asks for.
--
-- Processes of before find a delivery by its number alone, which is slow beside this: they are to be stopped first.

ALTER TABLE ashby_delivery DROP CONSTRAINT ashby_delivery_delivery_id_fkey;
ALTER TABLE ashby_news DROP CONSTRAINT ashby_news_delivery_id_fkey;
ALTER TABLE delivery DROP CONSTRAINT delivery_pkey;
ALTER TABLE delivery ADD CONSTRAINT delivery_pkey PRIMARY KEY USING INDEX delivery_by_connection;
DROP INDEX delivery_in_order;
-- Not valid: they held until this moment.
ALTER TABLE ashby_delivery ADD CONSTRAINT ashby_delivery_delivery_id_fkey
    FOREIGN KEY (connection_id, delivery_id) REFERENCES delivery ON DELETE CASCADE NOT VALID;
ALTER TABLE ashby_news ADD CONSTRAINT ashby_news_delivery_id_fkey
    FOREIGN KEY (connection_id, delivery_id) REFERENCES delivery ON DELETE CASCADE NOT VALID;
