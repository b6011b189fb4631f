#!/bin/sh
# posthouse as a contestant of the relay lab: one mailbox at home in the cloud, whose SMTP is the lab's sink. PEER_BIN: posthouse
. "$LAB_DIR/peers/common.sh"
conf() {
	cat >"$S/posthouse.toml" <<X
state = "state"
domains = ["dest.test"]
[servers.cloud]
side = "cloud"
smtp = "127.0.0.1:$LAB_SINK_PORT"
smtp_tls = "none"
max_connections = 64
[listeners.mx]
role = "mx"
address = "127.0.0.1:$LAB_PORT"
hostname = "posthouse.test"
max_connections = 1000
max_connections_per_client = 1000
[routes.arriving]
to = ["cloud:smtp"]
[relay]
disk_reserve = "0B"
workers = 20
X
	echo 'address,cloud_login,home' >"$S/mailboxes.csv"
	echo 'user@dest.test,user@dest.test,cloud' >>"$S/mailboxes.csv"
	chmod 600 "$S/mailboxes.csv"
}
case $1 in
start) conf; "${PEER_BIN:?}" run --config "$S/posthouse.toml" --progress none >"$S/log" 2>&1 & echo $! >"$S/pid"; wait ;;
stop) stop_pidfile "$S/pid" ;;
wipe) rm -rf "$S/state" ;;
kick) # one message that is tried now ends the pause of all
	id=$("${PEER_BIN:?}" status --config "$S/posthouse.toml" --json | grep -o '01[0-9A-Z]\{24\}' | head -1)
	"$PEER_BIN" queue retry --config "$S/posthouse.toml" --yes --quiet "$id" ;;
esac
