#!/bin/sh
# compare.sh [ITEMS [ROUND-TRIP-MS]]: copies so many events and as many contacts from one Radicale to another, with posthouse and with vdirsyncer, one after the other and each into servers of its own, then once more
# when nothing is new. Beside them stands what the PUTs alone take (puts.sh). Wants Debian's radicale, vdirsyncer and curl, and PEER_BIN: posthouse. LAB_ORDER: who comes when.
set -eu
items=${1:-2000} delay=${2:-0}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
pids=
end() {
	for pid in $pids; do kill "$pid" 2>/dev/null || true; done
	rm -rf "$work"
}
trap end EXIT
trap 'exit 1' INT TERM

# radicale NAME PORT: a server with the user anna; reached at PORT through the delay.
radicale_at() {
	mkdir -p "$work/$1"
	echo "anna:pass" >"$work/$1/users"
	printf '[server]\nhosts = 127.0.0.1:%s\nmax_connections = 50\n[auth]\ntype = htpasswd\nhtpasswd_filename = %s/users\nhtpasswd_encryption = plain\ndelay = 0\n[storage]\nfilesystem_folder = %s/collections\n[logging]\nlevel = error\n' \
		$(($2 + 1000)) "$work/$1" "$work/$1" >"$work/$1/config"
	radicale --config "$work/$1/config" >"$work/$1/log" 2>&1 &
	pids="$pids $!"
	python3 "$here/delay.py" "$2" $(($2 + 1000)) "$delay" &
	pids="$pids $!"
}

# fill NAME ITEMS: what lies there before.
fill() {
	python3 - "$work/$1/collections/collection-root/anna" "$2" <<'X'
import os, sys
root, n = sys.argv[1], int(sys.argv[2])
for name, props in (("default", '{"tag": "VCALENDAR"}'), ("contacts", '{"tag": "VADDRESSBOOK"}')):
    folder = os.path.join(root, name)
    os.makedirs(folder)
    open(os.path.join(folder, ".Radicale.props"), "w").write(props)
    for i in range(n):
        if name == "default":
            text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//lab//EN\r\nBEGIN:VEVENT\r\nUID:e{i}@lab.test\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:202601{i % 28 + 1:02d}T100000Z\r\nDTEND:202601{i % 28 + 1:02d}T110000Z\r\nSUMMARY:Event {i}\r\nDESCRIPTION:{'x' * (i % 200)}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
            open(os.path.join(folder, f"e{i}.ics"), "w", newline="").write(text)
        else:
            text = f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:c{i}@lab.test\r\nFN:Person {i}\r\nN:{i};Person;;;\r\nEMAIL:p{i}@lab.test\r\nNOTE:{'y' * (i % 200)}\r\nEND:VCARD\r\n"
            open(os.path.join(folder, f"c{i}.vcf"), "w", newline="").write(text)
X
}

waits() {
	for at in "$@"; do
		until python3 -c "import socket; socket.create_connection(('127.0.0.1', $at + 1000)); socket.create_connection(('127.0.0.1', $at))" 2>/dev/null; do sleep 0.2; done
	done
}

timed() {
	python3 - "$@" <<'X'
import resource, subprocess, sys, time
began = time.time()
code = subprocess.run(["/bin/sh", *sys.argv[2:]]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{sys.argv[1]:36} {time.time() - began:8.2f} s   of its own CPU {used.ru_utime + used.ru_stime:.2f} s   exit {code}", flush=True)
X
}

port=21000
export LAB_USER=anna
for peer in ${LAB_ORDER:-posthouse vdirsyncer puts}; do
	radicale_at "old-$peer" $port
	radicale_at "new-$peer" $((port + 1))
	fill "old-$peer" "$items"
	fill "new-$peer" 0
	waits $port $((port + 1))
	export LAB_SRC=$port LAB_DST=$((port + 1)) S="$work/$peer" LAB_FILES="$work/old-$peer/collections/collection-root/anna"
	mkdir -p "$S"
	timed "$peer, $items + $items, $delay ms" "$here/$peer.sh"
	timed "$peer, nothing new" "$here/$peer.sh"
	for pid in $pids; do ps -o cputimes=,args= -p "$pid"; done | awk '/radicale/ { print "  a server\047s CPU so far " $1 " s" }' | tail -2
	found=$(find "$work/new-$peer/collections/collection-root/anna" -name '*.ics' -o -name '*.vcf' | grep -vc Radicale.cache || true)
	[ "$found" = $((2 * items)) ] || echo "$peer left $found of $((2 * items))"
	port=$((port + 2))
done
