package delivery

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// Each file in testdata/dialog is a conversation in fake time over a pipe. Its
// sections: setup (keys below), dialog (see script), and any number of send,
// the envelope and body of one Send, each with its want: a line per recipient,
// the error's text after "error:", and "body" if the script must have got the
// message, byte for byte. "announces: next" tells the next hop of the send
// behind it, "announces: 26" with a size that it does not have.
func TestDialogs(t *testing.T) {
	files, err := filepath.Glob("testdata/dialog/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogs: %v", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			pki := testPKI(t)
			synctest.Test(t, func(t *testing.T) { converse(t, archive, pki) })
		})
	}
}

func converse(t *testing.T, archive *txtar.Archive, pki *pki) {
	sections := map[string][]string{}
	for _, f := range archive.Files {
		sections[f.Name] = append(sections[f.Name], string(f.Data))
	}
	conns := make(chan net.Conn, 8)
	client, err := New(setUp(t, strings.Join(sections["setup"], ""), pki, conns))
	if err != nil {
		t.Fatal(err)
	}
	s := &script{tls: pki.server, settle: synctest.Wait, accept: func() (net.Conn, error) {
		select {
		case c := <-conns:
			return c, nil
		case <-time.After(24 * time.Hour):
			return nil, errors.New("client made no connection")
		}
	}}
	played := make(chan error, 1)
	if dialog := sections["dialog"][0]; dialog == "" {
		played <- nil
	} else {
		go func() { played <- s.run(strings.Split(dialog, "\n")) }()
	}

	var delivered [][]byte
	for i, text := range sections["send"] {
		got, body := sendSection(t, client, text, following(sections["send"], i))
		want := sections["want"][i]
		if strings.HasPrefix(want, "body\n") {
			want = strings.TrimPrefix(want, "body\n")
			delivered = append(delivered, body)
		}
		if got != want {
			t.Errorf("send %d:\n%s\nwant:\n%s", i+1, got, want)
		}
	}
	client.Stop(t.Context())
	if err := <-played; err != nil {
		t.Error(err)
	}
	if len(s.bodies) != len(delivered) {
		t.Fatalf("%d messages arrived, want %d", len(s.bodies), len(delivered))
	}
	for i := range delivered {
		if string(s.bodies[i]) != string(delivered[i]) {
			t.Errorf("message %d arrived changed:\n%q\nwant:\n%q", i+1, s.bodies[i], delivered[i])
		}
	}
}

// setUp makes the configuration: tls: mode, protocol, ignore, user, mechanism,
// password, token, renewed, cleartext-login, trust: (ca, pin, wrong-pin, nobody), cert.
func setUp(t *testing.T, text string, pki *pki, conns chan<- net.Conn) Config {
	d := Destination{Name: "hop", Address: "mx.new.example:25", TLS: TLS{Mode: Plaintext, Roots: pki.roots}}
	for key, value := range pairs(text) {
		switch key {
		case "tls":
			d.TLS.Mode = TLSMode(value)
		case "protocol":
			d.Protocol = Protocol(value)
		case "ignore":
			d.Ignore = strings.Fields(value)
		case "user":
			d.Auth.Username = value
		case "mechanism":
			d.Auth.Mechanism = Mechanism(value)
		case "password":
			d.Auth.Password = func(context.Context) (string, error) { return value, nil }
		case "token":
			d.Auth.Token = func(context.Context, string) (string, error) { return value, nil }
		case "renewed":
			first := d.Auth.Token
			d.Auth.Token = func(ctx context.Context, refused string) (string, error) {
				if refused == "" {
					return first(ctx, refused)
				}
				return value, nil
			}
		case "no-token":
			d.Auth.Token = func(context.Context, string) (string, error) { return "", errors.New(value) }
		case "cleartext-login":
			d.Auth.WithoutTLS = true
		case "trust":
			pki.trust(&d.TLS, value)
		case "cert":
			d.TLS.ClientCertificate = pki.clientCertificate
			pki.server.ClientAuth = tls.RequireAndVerifyClientCert
		case "server-cert":
			pki.server.Certificates = pki.server.Certificates[:0]
			pki.server.Certificates = append(pki.server.Certificates, pki.issue(value))
		case "messages":
			d.MaxMessages, _ = strconv.Atoi(value)
		default:
			t.Fatalf("unknown setup %q", key)
		}
	}
	return Config{Destination: d, Hello: "gate.old.example", Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		conns <- theirs
		return ours, nil
	}}
}

// following is the section behind section i, or that one itself where it is the last: what is announced need not come.
func following(sections []string, i int) string { return sections[min(i+1, len(sections)-1)] }

// sendSection sends what a section says and renders what came of it. It may announce what follows it.
func sendSection(t *testing.T, client *Client, text, next string) (got string, body []byte) {
	env, b, timeout, pause := parseSend(t, text)
	if env.Next != nil {
		told, wrong := env.Next()
		env.Next = func() (Next, bool) {
			env, b, _, _ := parseSend(t, next)
			if !wrong {
				told.Size = b.Size()
			}
			told.Envelope = env
			return told, true
		}
	}
	<-time.After(pause)
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	outs, err := client.Send(ctx, env, b)
	var s strings.Builder
	for i, o := range outs {
		fmt.Fprintf(&s, "%s: %s", env.Recipients[i].Address, o.Kind)
		if o.Reply.Code != 0 {
			fmt.Fprintf(&s, ", %s", o.Reply)
		}
		if o.Throttled {
			s.WriteString(", throttled")
		}
		if o.Backoff != 0 {
			fmt.Fprintf(&s, ", %s", o.Backoff)
		}
		if (o.Err != nil) != (o.Kind == Unsent || o.Kind == InDoubt || o.Kind == NotFit) {
			t.Errorf("%s with error %v", o.Kind, o.Err)
		}
		s.WriteString("\n")
	}
	if err != nil {
		fmt.Fprintf(&s, "error: %s\n", err)
	}
	return s.String(), b.bytes
}

func parseSend(t *testing.T, text string) (env Envelope, body *testBody, timeout, pause time.Duration) {
	timeout = 24 * time.Hour
	head, raw, _ := strings.Cut(text, "\n\n")
	body = &testBody{bytes: []byte(strings.ReplaceAll(raw, "\n", "\r\n")), claim: -1}
	for key, value := range pairs(head) {
		switch key {
		case "from":
			env.From = value
		case "to":
			env.Recipients = append(env.Recipients, parseRecipient(value))
		case "to-many":
			n, _ := strconv.Atoi(value)
			for i := range n {
				env.Recipients = append(env.Recipients, Recipient{Address: fmt.Sprintf("u%d@new.example", i)})
			}
		case "8bit":
			env.EightBit = true
		case "utf8":
			env.UTF8 = true
		case "requiretls":
			env.RequireTLS = true
		case "bare":
			env.BareNewline = true
			body.bytes, _ = unquote(value)
		case "raw":
			body.bytes, _ = unquote(value)
		case "times":
			n, _ := strconv.Atoi(value)
			body.bytes = []byte(strings.Repeat(string(body.bytes), n))
		case "late":
			more, _ := unquote(value)
			body.bytes = append(body.bytes, more...)
		case "claim":
			body.claim, _ = strconv.ParseInt(value, 10, 64)
		case "broken":
			body.fail = errors.New(value)
		case "ret":
			env.Ret = value
		case "client":
			addr, helo, _ := strings.Cut(value, " ")
			env.Origin = &Origin{Addr: addr, Helo: helo, ID: "01JD"}
		case "id":
			env.ID = value
		case "announces":
			n, err := strconv.ParseInt(value, 10, 64)
			env.Next = func() (Next, bool) { return Next{Size: n}, err == nil }
		case "envid":
			env.EnvID = value
		case "timeout":
			timeout, _ = time.ParseDuration(value)
		case "pause":
			pause, _ = time.ParseDuration(value)
		default:
			t.Fatalf("unknown key %q", key)
		}
	}
	return env, body, timeout, pause
}

func parseRecipient(value string) Recipient {
	words := strings.Fields(value)
	r := Recipient{Address: words[0]}
	for _, w := range words[1:] {
		if v, ok := strings.CutPrefix(w, "notify="); ok {
			r.Notify = strings.Split(v, ",")
		}
		if v, ok := strings.CutPrefix(w, "orcpt="); ok {
			r.ORcpt = v
		}
	}
	return r
}

func unquote(s string) ([]byte, error) {
	s, err := strconv.Unquote(`"` + s + `"`)
	return []byte(s), err
}

// pairs yields "key: value" lines in order.
func pairs(text string) func(func(key, value string) bool) {
	return func(yield func(string, string) bool) {
		for line := range strings.Lines(text) {
			key, value, ok := strings.Cut(strings.TrimSpace(line), ":")
			if ok && !yield(key, strings.TrimSpace(value)) {
				return
			}
		}
	}
}
