#!/bin/sh
# posthouse as a contestant of the mailbox lab: one pass over one mailbox, then exit; the ledger is kept between passes. PEER_BIN: posthouse
. "$LAB_DIR/imap/common.sh"
cat >"$S/posthouse.toml" <<X
state = "state"
domains = ["lab.test"]
[servers.legacy]
side = "legacy"
imap = "127.0.0.1:$LAB_SRC"
imap_tls = "none"
insecure_plaintext = true
[servers.cloud]
side = "cloud"
imap = "127.0.0.1:$LAB_DST"
imap_tls = "none"
insecure_plaintext = true
[log]
level = "warning"
X
{
	echo 'address,legacy_server,legacy_login,legacy_password,cloud_server,cloud_login,cloud_password'
	echo "$LAB_USER@lab.test,legacy,$LAB_USER,pass,cloud,$LAB_USER,pass"
} >"$S/mailboxes.csv"
chmod 600 "$S/mailboxes.csv"
exec "${PEER_BIN:?}" backfill --config "$S/posthouse.toml" --progress none --quiet
