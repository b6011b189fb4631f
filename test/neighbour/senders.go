package neighbour

import (
	_ "embed"
	"fmt"
	"path/filepath"
	"testing"
)

// Senders is an implementation of SPF, DKIM and DMARC that is not ours. It asks no DNS: the TXT records are given to it, by name.
type Senders struct {
	python *Signatures
	zone   map[string][]string
}

// Sent is a message and whom it came from.
type Sent struct{ Client, Helo, From, Message string }

// Judged is what it says of one.
type Judged struct{ SPF, DKIM, DMARC string }

//go:embed authheaders.py
var authHeaders string

// AuthHeaders is Debian's python3-authheaders, with python3-spf.
func AuthHeaders(t testing.TB, zone map[string][]string) *Senders {
	t.Helper()
	python := signatures(t, nil, "python3-authheaders", []string{"/usr/bin/python3", "-c", "import authheaders, spf, nacl"}, []string{"/usr/bin/python3", "-W", "ignore", "-c", authHeaders})
	return &Senders{python, zone}
}

// Judge looks at messages, by name.
func (s *Senders) Judge(all map[string]Sent) map[string]Judged {
	t := s.python.t
	t.Helper()
	dir := t.TempDir()
	asked := map[string]map[string]string{}
	for name, m := range all {
		file := filepath.Join(dir, fmt.Sprint(len(asked)))
		write(t, file, m.Message, 0o600)
		asked[name] = map[string]string{"Client": m.Client, "Helo": m.Helo, "From": m.From, "File": file}
	}
	out := map[string]Judged{}
	s.python.run(map[string]any{"zone": s.zone, "sent": asked}, &out)
	return out
}
