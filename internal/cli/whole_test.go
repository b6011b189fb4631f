package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"posthouse/internal/control"
	"posthouse/internal/testserver"
	"posthouse/internal/testserver/corpus"
)

// servers are an old server with mail and a new one without.
func servers(t *testing.T, messages int, names ...string) (legacy, cloud *testserver.IMAP) {
	t.Helper()
	legacy, cloud = testserver.NewIMAP(testserver.IMAPConfig{}), testserver.NewIMAP(testserver.IMAPConfig{})
	for i, name := range names {
		legacy.AddUser(name, "secret")
		cloud.AddUser(name, "secret")
		if err := legacy.Fill(name, corpus.New(uint64(i)).Mailbox(messages)); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []*testserver.IMAP{legacy, cloud} {
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Stop)
	}
	return legacy, cloud
}

func cutoverConfig(t *testing.T, legacy, cloud *testserver.IMAP, names ...string) string {
	t.Helper()
	t.Setenv("SECRET", "secret")
	dir := t.TempDir()
	boxes := "address,legacy_server,legacy_login,legacy_password,cloud_server,cloud_login,cloud_password\n"
	for _, name := range names {
		boxes += fmt.Sprintf("%[1]s@example.com,legacy,%[1]s,env:SECRET,cloud,%[1]s,env:SECRET\n", name)
	}
	text := fmt.Sprintf(`
domains = ["example.com"]
state = "state"
[servers.legacy]
side = "legacy"
imap = %q
imap_tls = "none"
insecure_plaintext = true
[servers.cloud]
side = "cloud"
imap = %q
imap_tls = "none"
insecure_plaintext = true
`, legacy.Addr(), cloud.Addr())
	for name, text := range map[string]string{"posthouse.toml": text, "mailboxes.csv": boxes} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "posthouse.toml")
}

// lines waits for lines that are written to it.
type lines struct {
	*bufio.Scanner
	w *io.PipeWriter
	// read is all that was waited for, for messages.
	read []string
	rest sync.WaitGroup
}

func newLines(t *testing.T) *lines {
	r, w := io.Pipe()
	l := &lines{Scanner: bufio.NewScanner(r), w: w}
	l.Buffer(nil, 1<<20)
	t.Cleanup(func() { w.Close(); l.rest.Wait() })
	return l
}

// until reads up to the line that want likes; what comes later is thrown away.
func (l *lines) until(t *testing.T, want func(string) bool) {
	t.Helper()
	for l.Scan() {
		l.read = append(l.read, l.Text())
		if want(l.Text()) {
			l.rest.Go(func() {
				for l.Scan() {
				}
			})
			return
		}
	}
	t.Fatalf("it never came; there was\n%s", strings.Join(l.read, "\n"))
}

// A whole run: the service copies, `status --watch` sees it done, `verify` finds both sides equal, and then what was taken away.
func TestRunCopyWatchVerify(t *testing.T) {
	names := []string{"anna", "bob"}
	legacy, cloud := servers(t, 150, names...)
	path := cutoverConfig(t, legacy, cloud, names...)

	run, log, stopped := runs(t, path)
	log.until(t, func(s string) bool { return strings.Contains(s, "posthouse is running") })

	watchCopied(t, path)
	all := newTrial()
	if code := all.main(t.Context(), []string{"verify", "--config", path}); code != exitDone || all.stdout.String() != "✓ 2 mailboxes equal   300 items on both sides   40 bodies compared\n" {
		t.Errorf("verify: exit code %d\n%s%s", code, all.stdout.String(), all.stderr.String())
	}
	id := removeOne(t, cloud, "anna")
	one := newTrial()
	if code := one.main(t.Context(), []string{"verify", "anna@", "--config", path}); code != exitSome || !strings.Contains(one.stdout.String(), id) {
		t.Errorf("verify with %s missing: exit code %d\n%s%s", id, code, one.stdout.String(), one.stderr.String())
	}

	run.end(t, stopped)
}

// runs begins `run`. Its exit code comes on stopped.
func runs(t *testing.T, path string) (run *trial, log *lines, stopped <-chan int) {
	t.Helper()
	run, log = newTrial(), newLines(t)
	run.talk = printerOn(log.w)
	code := make(chan int, 1)
	go func() {
		defer log.w.Close()
		code <- run.main(context.Background(), []string{"run", "--config", path})
	}()
	return run, log, code
}

// end stops what runs began.
func (r *trial) end(t *testing.T, stopped <-chan int) {
	t.Helper()
	r.told <- syscall.SIGTERM
	if code := <-stopped; code != exitDone {
		t.Errorf("run: exit code %d", code)
	}
}

// total counts the messages of a user.
func total(t *testing.T, s *testserver.IMAP, user string) (n int) {
	t.Helper()
	folders, err := s.Dump(user)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		n += len(f.Messages)
	}
	return n
}

// watchCopied returns when the status says that every mailbox was caught up with.
func watchCopied(t *testing.T, path string) {
	t.Helper()
	watch, objects := newTrial(), newLines(t)
	watch.out = printerOn(objects.w)
	var watching sync.WaitGroup
	watching.Go(func() {
		defer objects.w.Close()
		watch.main(context.Background(), []string{"status", "--watch", "--json", "--config", path})
	})
	objects.until(t, func(text string) bool {
		var s control.Status
		return json.Unmarshal([]byte(text), &s) == nil && s.Copy.Mailboxes > 0 && s.Copy.Caught == s.Copy.Mailboxes
	})
	watch.told <- syscall.SIGINT
	watching.Wait()
}

// removeOne takes a message with a Message-ID out of a user's INBOX.
func removeOne(t *testing.T, s *testserver.IMAP, user string) (id string) {
	t.Helper()
	folders, err := s.Dump(user)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range folders[0].Messages {
		data, err := s.Bytes(user, folders[0].Path, m.UID)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(data), "\r\nMessage-ID: <")
		id, _, ok := strings.Cut(rest, ">\r\n")
		if !ok || strings.Contains(id, "\n") {
			continue
		}
		if err := s.Remove(user, folders[0].Path, m.UID); err != nil {
			t.Fatal(err)
		}
		return id
	}
	t.Fatal("no message with a Message-ID")
	return ""
}
