-- Which records of the journal are not in the database yet: those that carry this number. It is another one after each time that the database took them in.

ALTER TABLE marker ADD COLUMN journal INTEGER NOT NULL DEFAULT 0;
