package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"posthouse/evidence"
	"posthouse/internal/control"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"posthouse": func() { os.Exit(Main(os.Args[1:], ThisBuild("v1.2.3"), os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs testdata/script/*.txtar. Beside testscript's own commands they have
//
//	exits CODE COMMAND …    the command ends with that exit code
//	serve STATUS [VERIFY [BACKFILL [PLAN [TAIL [DNS]]]]]   a service answers at state/control.sock from these files until the script ends
//	servemail STATUS QUEUE TRACE   the same, for captured mail
//	serveevidence STATUS EVIDENCE  the same, for evidence
//	servesenders STATUS SENDERS  the same, for the sender book
//	writeledger FOLDER      a service that captured mail ended there
//	lockfolder FOLDER       a service is just starting there until the script ends
//	signal TERM|HUP|INT     reaches everything that the script runs in the background
//	notified TEXT           waits until a process of the script told the service manager this (sd_notify)
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"), UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TZ", "UTC")
			e.Setenv("SECRET", "not shown")
			return listenAsManager(e)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "serve": serve, "servemail": serveMail, "serveevidence": serveEvidence, "servesenders": serveSenders, "writeledger": writeLedger, "lockfolder": lockFolder, "notified": notified, "signal": signalled},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// canned answers from files.
type canned struct {
	control.Mail
	proof    control.Evidence
	book     control.Senders
	exported evidence.Export
	status   control.Status
	verified []control.Verified
	copied   []control.Backfilled
	planned  []control.Planned
	events   []control.Event
	domains  []control.Domain
}

func (c canned) Status(context.Context) (control.Status, error) { return c.status, nil }

func (c canned) Export(context.Context) (evidence.Export, error) { return c.exported, nil }

func (c canned) Evidence(context.Context) (control.Evidence, error) { return c.proof, nil }

func (c canned) Accept(_ context.Context, who string, names []string, yield func(control.Missing) error) error {
	for _, m := range c.proof.Local.List {
		if !slices.Contains(names, m.Mailbox) {
			return fmt.Errorf("no missing message is named by %q", names[0])
		}
		m.State, m.Note = "accepted", m.Note+"; accepted by "+strings.TrimSpace(strings.Split(who, "(")[0])
		if err := yield(m); err != nil {
			return err
		}
	}
	return nil
}

func (c canned) Senders(context.Context) (control.Senders, error) { return c.book, nil }

func (c canned) AcceptSenders(_ context.Context, who string, names []string, undo bool, yield func(control.Accepted) error) error {
	for _, name := range names {
		if !slices.ContainsFunc(c.book.Senders, func(s evidence.Sender) bool { return s.Called(name) }) {
			return fmt.Errorf("nobody named %q is known", name)
		}
		if err := yield(control.Accepted{Schema: control.AcceptedSchema, Name: name, By: strings.TrimSpace(strings.Split(who, "(")[0]), Undone: undo}); err != nil {
			return err
		}
	}
	return nil
}

// serveSenders has a service tell of its sender book.
func serveSenders(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: servesenders STATUS SENDERS")
	}
	var c canned
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &c.status))
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &c.book))
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	te := evidence.Fold(evidence.Testimony{}, evidence.Observation{At: now.Add(-time.Hour), Channel: evidence.Login, Class: evidence.Wanted, Source: "dovecot", Sender: "anna"})
	te = te.Cover(evidence.Coverage{Source: "dovecot", Span: evidence.Span{From: now.Add(-100 * time.Hour), To: now}}).WithWork(evidence.OpenWork{At: now})
	c.exported = evidence.Export{Schema: evidence.ExportSchema, At: now, Policies: []evidence.Policy{evidence.MailboxServer([]string{"dovecot"}, nil)}, Testimony: te}
	listenCanned(ts, c)
}

// serveEvidence has a service tell of its evidence.
func serveEvidence(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: serveevidence STATUS EVIDENCE")
	}
	var c canned
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &c.status))
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &c.proof))
	listenCanned(ts, c)
}

func (c canned) Verify(_ context.Context, mailboxes []string, _ bool, yield func(control.Verified) error) error {
	for _, v := range c.verified {
		if len(mailboxes) > 0 && v.Mailbox != mailboxes[0] {
			continue
		}
		if err := yield(v); err != nil {
			return err
		}
	}
	return nil
}

func (c canned) Backfill(_ context.Context, mailboxes []string, yield func(control.Backfilled) error) error {
	for _, b := range c.copied {
		if !slices.Contains(mailboxes, b.Mailbox) {
			continue
		}
		if err := yield(b); err != nil {
			return err
		}
	}
	return nil
}

func (c canned) Tail(_ context.Context, begun func(), yield func(control.Event) error) error {
	begun()
	for _, e := range c.events {
		if err := yield(e); err != nil {
			return err
		}
	}
	return nil
}

func (c canned) DNS(_ context.Context, names []string, _ bool, yield func(control.Domain) error) error {
	for _, d := range c.domains {
		if len(names) > 0 && !slices.Contains(names, d.Domain) {
			continue
		}
		if err := yield(d); err != nil {
			return err
		}
	}
	return nil
}

func (c canned) Plan(_ context.Context, mailboxes []string, yield func(control.Planned) error) error {
	for _, p := range c.planned {
		if !slices.Contains(mailboxes, p.Mailbox) {
			continue
		}
		if err := yield(p); err != nil {
			return err
		}
	}
	return nil
}

func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: serve STATUS [VERIFY [BACKFILL [PLAN [TAIL [DNS]]]]]")
	}
	var c canned
	for i, into := range []any{&c.status, &c.verified, &c.copied, &c.planned, &c.events, &c.domains} {
		if i < len(args) {
			ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[i])), into))
		}
	}
	c.status.Config.File = ts.MkAbs("posthouse.toml")
	listenCanned(ts, c)
}

func listenCanned(ts *testscript.TestScript, c canned) {
	server, err := control.Listen(ts.MkAbs("state/control.sock"), control.Peers{}, c)
	ts.Check(err)
	ts.Defer(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		ts.Check(server.Stop(ctx))
	})
}

func signalled(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: signal NAME")
	}
	sig := unix.SignalNum("SIG" + args[0])
	for _, c := range ts.BackgroundCmds() {
		ts.Check(c.Process.Signal(sig))
	}
}

// managerKey finds the socket on which the test stands in for the service manager.
type managerKey struct{}

func listenAsManager(e *testscript.Env) error {
	path := filepath.Join(e.WorkDir, "notify.sock")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return err
	}
	e.Setenv("NOTIFY_SOCKET", path)
	e.Values[managerKey{}] = conn
	e.Defer(func() { conn.Close() })
	return nil
}

func notified(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: notified TEXT")
	}
	conn := ts.Value(managerKey{}).(*net.UnixConn)
	ts.Check(conn.SetReadDeadline(time.Now().Add(30 * time.Second)))
	for buf := make([]byte, 4096); ; {
		n, err := conn.Read(buf)
		if err != nil {
			ts.Fatalf("nobody said %q: %v", args[0], err)
		}
		if strings.Contains(string(buf[:n]), args[0]) {
			return
		}
	}
}
