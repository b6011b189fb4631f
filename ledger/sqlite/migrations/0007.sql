-- The sender demands TLS all the way (RFC 8689).

ALTER TABLE captures ADD COLUMN env_require_tls INTEGER NOT NULL DEFAULT 0;
