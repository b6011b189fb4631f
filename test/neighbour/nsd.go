package neighbour

import (
	"fmt"
	"net"
	"path/filepath"
	"testing"
)

// NSD is a running NSD, the authoritative server of one zone.
type NSD struct {
	*process
	Address string // host:port, UDP and TCP
	file    string
}

// StartNSD starts one with the text of a zone file.
func StartNSD(t testing.TB, zone, text string) *NSD {
	t.Helper()
	program := Require(t, "nsd")
	at := folder(t, "nsd")
	host := Address()
	n := &NSD{Address: net.JoinHostPort(host, "5353"), file: filepath.Join(at, "zone")}
	write(t, n.file, text, 0o600)
	conf := filepath.Join(at, "nsd.conf")
	write(t, conf, fmt.Sprintf(`server:
	ip-address: %s@5353
	username: ""
	database: ""
	logfile: ""
	pidfile: ""
	zonesdir: %q
	xfrdir: %q
	xfrdfile: %q
	zonelistfile: %q
	cookie-secret-file: ""
	server-count: 1
remote-control:
	control-enable: no
zone:
	name: %q
	zonefile: "zone"
`, host, at, at, filepath.Join(at, "xfrd.state"), filepath.Join(at, "zone.list"), zone), 0o600)
	n.process = newProcess(t, "nsd", program, "-d", "-c", conf)
	n.start(n.Address)
	return n
}

// Load replaces the zone. It does not answer meanwhile.
func (n *NSD) Load(text string) {
	n.t.Helper()
	write(n.t, n.file, text, 0o600)
	n.stop()
	n.start(n.Address)
}
