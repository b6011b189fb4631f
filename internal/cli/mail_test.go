package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/internal/control"
	"posthouse/internal/records"
	"posthouse/ledger"
	"posthouse/ledger/sqlite"
)

// writeMail keeps mail in a ledger: held for anna, just being sent to bob, and delivered to carla with a copy for the old server.
func writeMail(ctx context.Context, l *sqlite.Ledger, now time.Time) error {
	to := func(name string, d ledger.Delivery) ledger.Delivery {
		d.Recipient, d.Original = cutover.Address(name+"@example.com"), cutover.Address(name+"@example.com")
		d.Mailbox, d.Since, d.Required = cutover.MailboxID(d.Recipient), now.Add(-time.Hour), d.Destination != "legacy:smtp"
		return d
	}
	for id, deliveries := range map[string][]ledger.Delivery{
		"01JD9E0M5C0000000000000000": {to("anna", ledger.Delivery{Destination: "cloud:smtp", State: ledger.Held, Attempts: 1, Reply: "552 5.3.4 too big", Reason: "cloud:smtp declined it: 552 5.3.4 too big", Class: "too-large"})},
		"01JD9FT2XA0000000000000000": {to("bob", ledger.Delivery{Destination: "cloud:smtp", State: ledger.Sending})},
		"01JD9AAAAA0000000000000000": {
			to("carla", ledger.Delivery{Destination: "cloud:smtp", State: ledger.Settled, Attempts: 1, Reply: "250 ok", Seen: "INBOX UID 7"}),
			to("carla", ledger.Delivery{Destination: "legacy:smtp", State: ledger.Due, Next: now.Add(time.Minute)}),
		},
	} {
		if err := keepMail(ctx, l, now, id, deliveries); err != nil {
			return err
		}
	}
	return nil
}

func keepMail(ctx context.Context, l *sqlite.Ledger, now time.Time, id string, deliveries []ledger.Delivery) error {
	b, err := l.NewBody(ctx)
	if err != nil {
		return err
	}
	defer b.Abort()
	n, err := io.WriteString(b, "Message-ID: <"+id+"@partner.example>\r\n\r\n"+strings.Repeat("hello\r\n", 20<<10)) // more than is kept in the database
	if err != nil {
		return err
	}
	c := ledger.Capture{
		ID: cutover.CaptureID(id), At: now.Add(-2 * time.Hour), Route: cutover.Arriving, Listener: "mx", Client: ledger.Client{Addr: "192.0.2.7", Name: "mx.partner.example"}, Size: int64(n),
		Envelope: ledger.Envelope{From: "cad@partner.example"}, Prefix: []byte("Received: by us\r\n"), MessageID: "<" + id + "@partner.example>",
	}
	for _, d := range deliveries {
		c.Envelope.Recipients = append(c.Envelope.Recipients, ledger.Recipient{Address: d.Original})
	}
	_, err = b.Commit(ctx, c, deliveries, evidence.Observation{})
	return err
}

// clerk answers from records as the running service does.
type clerk struct{ *records.Records }

func (clerk) Act(context.Context, string, control.Deed, func(control.Acted) error) error {
	return errors.New("not here")
}

// TestOfflineSaysWhatTheServiceSays: whoever reads the JSON need not know whether the service runs.
func TestOfflineSaysWhatTheServiceSays(t *testing.T) {
	now := time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)
	path := writeConfig(t, "domains = [\"example.com\"]\nstate = \"state\"\n")
	state := filepath.Join(filepath.Dir(path), "state")
	l, err := sqlite.Open(t.Context(), state, sqlite.Options{})
	must(t, err)
	must(t, writeMail(t.Context(), l, now))
	server, err := control.Listen(filepath.Join(state, "control.sock"), control.Peers{}, canned{
		Mail:   clerk{&records.Records{Ledger: l, Now: func() time.Time { return now }, Organisation: func() string { return "" }}},
		status: control.Status{Schema: control.StatusSchema, At: now, Domains: []string{"example.com"}},
	})
	must(t, err)
	ask := func(folder string, args ...string) string {
		var stdout, stderr bytes.Buffer
		a := newApp(Build{}, strings.NewReader(""), &stdout, &stderr)
		a.now, a.zone = func() time.Time { return now }, time.UTC
		code := a.main(t.Context(), append(args, "--config", path))
		answer := fmt.Sprintf("%d\n%s", code, &stdout)
		files, err := filepath.Glob(filepath.Join(folder, "*.eml"))
		must(t, err)
		for _, name := range files {
			octets, err := os.ReadFile(name)
			must(t, err)
			answer += filepath.Base(name) + "\n" + string(octets)
		}
		return strings.ReplaceAll(answer, folder, "FOLDER")
	}
	questions := [][]string{
		{"queue", "--json"}, {"queue"}, {"queue", "list", "01JD9A", "--json"}, {"queue", "list", "--reason", "doubt"}, {"queue", "--older", "3h"},
		{"queue", "show", "01JD9F", "--json"}, {"queue", "show", "01JD9F", "01JD9E"}, {"queue", "show", "01JD9E", "nothing"},
		{"trace", "bob@", "--json"}, {"trace", "cad@partner.example"}, {"trace", "<01JD9AAAAA0000000000000000@partner.example>"}, {"trace", "nobody@", "--json"}, {"trace", "nobody@"},
		{"queue", "export", "01JD9E", "--json", "-o"}, {"queue", "export", "--all", "-o"}, {"queue", "export", "01JD9F", "-o", "-"},
	}
	asked := func() (answers []string) {
		for _, q := range questions {
			folder := t.TempDir()
			if q[len(q)-1] == "-o" {
				q = append(q, folder)
			}
			answers = append(answers, ask(folder, q...))
		}
		return answers
	}
	running := asked()
	must(t, server.Stop(t.Context()))
	must(t, l.Close())
	for i, alone := range asked() {
		if alone != running[i] || strings.HasPrefix(alone, "69") {
			t.Errorf("posthouse %s\nwhile it runs:\n%.2000s\nwhile it does not:\n%.2000s", strings.Join(questions[i], " "), running[i], alone)
		}
	}
}

// writeLedger keeps mail in the ledger of a folder, as of now.
func writeLedger(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: writeledger FOLDER")
	}
	l, err := sqlite.Open(context.Background(), ts.MkAbs(args[0]), sqlite.Options{})
	ts.Check(err)
	ts.Check(writeMail(context.Background(), l, time.Now()))
	ts.Check(l.Close())
}

// lockFolder takes a folder as a service does that is starting, until the script ends.
func lockFolder(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: lockfolder FOLDER")
	}
	lock, err := sqlite.Lock(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Defer(func() { ts.Check(lock.Close()) })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestAServiceCanStartWhileSomebodyReads: an answer may stand in a pager for hours.
func TestAServiceCanStartWhileSomebodyReads(t *testing.T) {
	path := writeConfig(t, "state = \"state\"\n")
	state := filepath.Join(filepath.Dir(path), "state")
	l, err := sqlite.Open(t.Context(), state, sqlite.Options{})
	must(t, err)
	must(t, writeMail(t.Context(), l, time.Now()))
	must(t, l.Close())
	for _, args := range [][]string{{"queue"}, {"queue", "--json"}, {"queue", "show", "01JD9E"}, {"queue", "show", "01JD9E", "--json"}, {"trace", "01JD9E"}, {"trace", "01JD9E", "--json"}} {
		p := &pager{folder: state}
		if code := newApp(Build{}, strings.NewReader(""), p, io.Discard).main(t.Context(), append(args, "--config", path)); code != exitDone || !p.shown || p.err != nil {
			t.Errorf("%v: exit code %d, shown %v, %v", args, code, p.shown, p.err)
		}
	}
}

// pager takes the lock of a folder when something is shown.
type pager struct {
	folder string
	shown  bool
	err    error
}

func (p *pager) Write(text []byte) (int, error) {
	p.shown = true
	lock, err := sqlite.Lock(p.folder)
	if err == nil {
		err = lock.Close()
	}
	p.err = errors.Join(p.err, err)
	return len(text), nil
}
