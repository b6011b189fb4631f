#!/bin/sh
# posthouse as a contestant of the calendar lab: one pass over one mailbox's calendars and address books, then exit; the ledger is kept between passes. PEER_BIN: posthouse
cat >"$S/posthouse.toml" <<X
state = "state"
domains = ["lab.test"]
[servers.legacy]
side = "legacy"
dav = "http://127.0.0.1:$LAB_SRC/"
[servers.cloud]
side = "cloud"
dav = "http://127.0.0.1:$LAB_DST/"
[log]
level = "warning"
X
{
	echo 'address,legacy_server,legacy_login,legacy_password,cloud_server,cloud_login,cloud_password'
	echo "$LAB_USER@lab.test,legacy,$LAB_USER,pass,cloud,$LAB_USER,pass"
} >"$S/mailboxes.csv"
chmod 600 "$S/mailboxes.csv"
exec "${PEER_BIN:?}" backfill --config "$S/posthouse.toml" --progress none --quiet
