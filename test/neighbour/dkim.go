package neighbour

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Signatures is an implementation of DKIM and ARC that is not ours. It asks no DNS: the keys are given to it.
type Signatures struct {
	t    testing.TB
	argv []string
	zone map[string]string
}

// Verified is what it says of one message.
type Verified struct {
	ARC, DKIM string // pass, fail, none
	Reason    string
}

var (
	//go:embed dkimpy.py
	dkimpy string
	//go:embed maildkim.pl
	mailDKIM string
)

// DKIMPy is Debian's python3-dkim. The zone has TXT records by name.
func DKIMPy(t testing.TB, zone map[string]string) *Signatures {
	t.Helper()
	return signatures(t, zone, "python3-dkim", []string{"/usr/bin/python3", "-c", "import dkim, nacl"}, []string{"/usr/bin/python3", "-c", dkimpy})
}

// MailDKIM is Debian's libmail-dkim-perl.
func MailDKIM(t testing.TB, zone map[string]string) *Signatures {
	t.Helper()
	return signatures(t, zone, "libmail-dkim-perl", []string{"/usr/bin/perl", "-MMail::DKIM::ARC::Verifier", "-e", "1"}, []string{"/usr/bin/perl", "-e", mailDKIM})
}

func signatures(t testing.TB, zone map[string]string, pkg string, probe, argv []string) *Signatures {
	t.Helper()
	if err := exec.Command(probe[0], probe[1:]...).Run(); err != nil {
		missing(t, "no neighbour "+pkg+" here: install Debian's "+pkg)
	}
	return &Signatures{t, argv, zone}
}

// Verify looks at messages, by name.
func (s *Signatures) Verify(messages map[string]string) map[string]Verified {
	s.t.Helper()
	dir := s.t.TempDir()
	files := map[string]string{}
	for name, message := range messages {
		files[name] = filepath.Join(dir, fmt.Sprintf("%d", len(files)))
		write(s.t, files[name], message, 0o600)
	}
	out := map[string]Verified{}
	s.run(map[string]any{"zone": s.zone, "verify": files}, &out)
	return out
}

// Seal returns a message with one more ARC set, signed with an RSA key in PEM. Its Authentication-Results of the server are what the set says.
func (s *Signatures) Seal(message, domain, selector, server, key string) string {
	s.t.Helper()
	dir := s.t.TempDir()
	file, keyFile := filepath.Join(dir, "message"), filepath.Join(dir, "key")
	write(s.t, file, message, 0o600)
	write(s.t, keyFile, key, 0o600)
	var set string
	s.run(map[string]any{"zone": s.zone, "seal": file, "domain": domain, "selector": selector, "server": server, "key": keyFile}, &set)
	return set + message
}

func (s *Signatures) run(ask, answer any) {
	s.t.Helper()
	text, err := json.Marshal(ask)
	if err != nil {
		s.t.Fatal(err)
	}
	file := filepath.Join(s.t.TempDir(), "ask")
	write(s.t, file, string(text), 0o600)
	cmd := exec.Command(s.argv[0], append(s.argv[1:len(s.argv):len(s.argv)], file)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, answer)
	}
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", s.argv[0], err, out)
	}
}
