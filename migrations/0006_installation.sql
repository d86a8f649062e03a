-- Which MASTER_KEY this database was set up with, as a fingerprint. Under another one no secret would open and no person
-- be recognised: people would be created twice.

CREATE TABLE installation (
    only_one boolean PRIMARY KEY DEFAULT true CONSTRAINT there_is_one CHECK (only_one),
    master_key_fingerprint text NOT NULL
);
