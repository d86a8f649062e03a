-- Whether Ashby answered the last call that was made for a connection; null before the first.

ALTER TABLE connection ADD COLUMN ashby_answered boolean;
