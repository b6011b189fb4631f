package daemon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/config"
	"posthouse/internal/clock"
	"posthouse/internal/control"
	"posthouse/internal/daemon"
	"posthouse/internal/testserver"
)

// patience is how long a test waits for what must happen; it is only ever used up by a failure.
const patience = 60 * time.Second

// layout is what a test wants of the world. The zero value is three mailboxes at home in the cloud, and mail that goes there by SMTP.
type layout struct {
	mailboxes  string // lines of mailboxes.csv below the header: address,aliases,kind,home
	recipients string
	to         string // the route's ways out and its tee
	relay      string
	bridge     string
	verdict    string
	servers    string // further keys of both servers
	rest       string // further tables
	legacy     testserver.IMAPConfig
	cloud      testserver.IMAPConfig
	mx, old    testserver.SMTPConfig
	speed      float64
}

// bed is an old server, a cloud, and a daemon between them.
type bed struct {
	t             *testing.T
	layout        layout
	dir           string
	legacy, cloud *testserver.IMAP
	mx, old       *testserver.SMTP // the cloud's and the old server's; both deliver
	sender        testserver.Sender
	logged        *logs
	daemon        *daemon.Daemon
	clock         clock.Clock
}

const threePeople = "anna@example.com,a.smith@example.com,person,cloud\nbob@example.com,,person,cloud\ncarl@example.com,,person,cloud\n"

// newBed starts the servers, not the daemon.
func newBed(t *testing.T, l layout) *bed {
	t.Helper()
	if l.mailboxes == "" {
		l.mailboxes = threePeople
	}
	b := &bed{t: t, layout: l, dir: t.TempDir(), legacy: testserver.NewIMAP(l.legacy), cloud: testserver.NewIMAP(l.cloud), logged: &logs{}}
	b.sender = testserver.Sender{LocalAddr: "127.0.0.3"}
	deliver(&l.mx, b.cloud)
	deliver(&l.old, b.legacy)
	b.mx, b.old = testserver.NewSMTP(l.mx), testserver.NewSMTP(l.old)
	for _, s := range []interface {
		Start() error
		Stop()
	}{b.legacy, b.cloud, b.mx, b.old} {
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Stop)
	}
	for _, address := range b.addresses() {
		b.legacy.AddUser(address, "old secret")
		b.cloud.AddUser(address, "new secret")
		must(t, b.cloud.CreateFolder(address, "Junk", `\Junk`))
	}
	b.clock = clock.Real()
	if l.speed > 0 {
		b.clock = clock.FastSince(time.Now(), time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC), l.speed)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(b.logged)
		}
	})
	return b
}

func deliver(c *testserver.SMTPConfig, into *testserver.IMAP) {
	if c.Deliver == nil {
		c.Deliver = into.DeliverEnvelope
	}
}

func (b *bed) addresses() []string {
	var all []string
	for line := range strings.Lines(b.layout.mailboxes) {
		address, _, _ := strings.Cut(line, ",")
		all = append(all, address)
	}
	return all
}

// config is the configuration as the layout says.
func (b *bed) config() *config.Config {
	b.t.Helper()
	l := b.layout
	text := fmt.Sprintf(`organisation = "Example Ltd"
state = "state"
domains = ["example.com"]
[recipients]
complete = true
%s
[servers.legacy]
side = "legacy"
imap = %q
imap_tls = "none"
smtp = %q
smtp_tls = "none"
%s
[servers.cloud]
side = "cloud"
imap = %q
imap_tls = "none"
smtp = %q
smtp_tls = "none"
%s
[listeners.mx]
role = "mx"
legacy_addresses = ["127.0.0.9"]
address = "127.0.0.1:0"
hostname = "mail.example.com"
[routes.arriving]
%s
[relay]
disk_reserve = "1MB"
%s
[bridge]
%s
[verdict]
%s
%s
`, l.recipients, b.legacy.Addr(), b.old.Addr(), l.servers, b.cloud.Addr(), b.mx.Addr(), l.servers, or(l.to, `to = ["home:smtp"]`),
		or(l.relay, "retry = [\"1s\"]\nsettle_time = \"1s\""), or(l.bridge, "poll_interval = \"1s\"\nsettle_time = \"500ms\""), l.verdict, l.rest)
	csv := "address,aliases,kind,home,legacy_password,cloud_password\n"
	for line := range strings.Lines(l.mailboxes) {
		csv += strings.TrimSpace(line) + ",old secret,new secret\n"
	}
	must(b.t, os.WriteFile(filepath.Join(b.dir, "mailboxes.csv"), []byte(csv), 0o600))
	cfg, err := config.Parse(filepath.Join(b.dir, "posthouse.toml"), []byte(text))
	if err != nil {
		b.t.Fatalf("%v in\n%s", err, text)
	}
	return cfg
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bed) new() *daemon.Daemon {
	b.t.Helper()
	return b.newWith(b.config())
}

func (b *bed) newWith(cfg *config.Config, changes ...func(*daemon.Options)) *daemon.Daemon {
	log := logrus.New()
	log.SetOutput(b.logged)
	log.SetLevel(logrus.DebugLevel)
	o := daemon.Options{Config: cfg, Version: "test", Log: log, Clock: b.clock, Speed: max(b.layout.speed, 1), DNS: zone{}}
	for _, change := range changes {
		change(&o)
	}
	return daemon.New(o)
}

// start starts the daemon; the test's end stops it.
func (b *bed) start() {
	b.t.Helper()
	d := b.new()
	must(b.t, d.Start(b.t.Context()))
	b.daemon = d
	b.t.Cleanup(b.stop)
}

// stop stops the daemon in order, and nothing of it goes on.
func (b *bed) stop() {
	b.t.Helper()
	if b.daemon == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.daemon.Stop(ctx); err != nil {
		b.t.Errorf("Stop: %v", err)
	}
	b.daemon = nil
	b.nothingRuns()
}

// ours are the packages whose goroutines must end with the daemon.
var ours = []string{"posthouse/internal/daemon.", "posthouse/internal/destination.", "posthouse/internal/control.", "posthouse/bridge.", "posthouse/bridge/", "posthouse/relay.", "posthouse/relay/", "posthouse/ledger/", "posthouse/evidence/"}

func (b *bed) nothingRuns() {
	b.t.Helper()
	left := ""
	for range b.ticks(patience) {
		if left = running(); left == "" {
			return
		}
	}
	b.t.Errorf("after Stop there still run\n%s", left)
}

func running() string {
	stacks := make([]byte, 4<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	var left []string
	for _, one := range strings.Split(string(stacks), "\n\n") {
		if !strings.Contains(one, "testing.tRunner") && slices.ContainsFunc(ours, func(p string) bool { return strings.Contains(one, "\n"+p) || strings.Contains(one, "created by "+p) }) {
			left = append(left, one)
		}
	}
	return strings.Join(left, "\n\n")
}

// ticks comes round every few milliseconds, at once the first time, until the time is over.
func (b *bed) ticks(within time.Duration) func(func() bool) {
	return func(yield func() bool) {
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for end := time.After(within); ; {
			if !yield() {
				return
			}
			select {
			case <-ticker.C:
			case <-end:
				return
			}
		}
	}
}

func (b *bed) status() control.Status {
	b.t.Helper()
	s, err := b.daemon.Status(b.t.Context())
	must(b.t, err)
	return s
}

// await reads until ok, and returns what it read then.
func await[T any](b *bed, what string, read func() T, ok func(T) bool) (last T) {
	b.t.Helper()
	for range b.ticks(patience) {
		if last = read(); ok(last) {
			return last
		}
	}
	text, _ := json.MarshalIndent(last, "", " ")
	b.t.Fatalf("waited in vain: %s; the last answer is\n%s", what, text)
	return last
}

// until returns the first status of which ok is true.
func (b *bed) until(what string, ok func(control.Status) bool) control.Status {
	b.t.Helper()
	return await(b, what, b.status, ok)
}

// eventually waits for something that no status shows.
func (b *bed) eventually(what string, ok func() bool) {
	b.t.Helper()
	for range b.ticks(patience) {
		if ok() {
			return
		}
	}
	b.t.Fatalf("waited in vain: %s", what)
}

// copied is true once every mailbox has caught up with everything.
func copied(s control.Status) bool {
	return s.Copy.Caught == s.Copy.Mailboxes && s.Copy.Following == s.Copy.Mailboxes && s.Copy.Messages == s.Copy.Total
}

// caughtAfter is true once every mailbox was looked at after that instant.
func caughtAfter(at time.Time) func(control.Status) bool {
	return func(s control.Status) bool {
		return copied(s) && !slices.ContainsFunc(s.Mailboxes, func(m control.Mailbox) bool { return !m.Caught.After(at) })
	}
}

// again waits until every mailbox was looked at after now.
func (b *bed) again() control.Status {
	b.t.Helper()
	return b.until("another look at every mailbox", caughtAfter(b.status().At))
}

func (b *bed) listener() string { return b.daemon.Addrs("mx")[0].String() }

// send gives the daemon a message and demands a 250.
func (b *bed) send(subject, from string, to ...string) []byte {
	b.t.Helper()
	msg := message(subject, from, to[0])
	result, err := b.sender.Send(b.t.Context(), b.listener(), from, to, msg)
	if err != nil || !result.Final.OK() {
		b.t.Fatalf("sending %s: %v, %v", subject, result, err)
	}
	return msg
}

func message(subject, from, to string) []byte {
	return fmt.Appendf(nil, "From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\nMessage-ID: <%s@%s>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\nThis is %s.\r\n",
		from, to, subject, strings.ReplaceAll(subject, " ", "-"), "sender.example", subject)
}

// bodies are all messages of a mailbox that end with what is given, as folder:UID.
func (b *bed) holding(server *testserver.IMAP, user string, end []byte) []string {
	b.t.Helper()
	folders, err := server.Dump(user)
	must(b.t, err)
	var found []string
	for _, f := range folders {
		for _, m := range f.Messages {
			data, err := server.Bytes(user, f.Path, m.UID)
			must(b.t, err)
			if bytes.HasSuffix(data, end) {
				found = append(found, fmt.Sprintf("%s:%d", f.Path, m.UID))
			}
		}
	}
	return found
}

// verify compares mailboxes and returns the results by address.
func (b *bed) verify(names ...string) map[string]control.Verified {
	b.t.Helper()
	found := map[string]control.Verified{}
	err := b.daemon.Verify(b.t.Context(), names, false, func(v control.Verified) error { found[v.Mailbox] = v; return nil })
	must(b.t, err)
	return found
}

// logs is a log that can be read while it is written.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

var _ io.Writer = (*logs)(nil)

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
