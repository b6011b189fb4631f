package logtail

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"posthouse/test/neighbour"
)

// fakeJournal is a program that answers as journalctl does: from a file of entries, one a line, those from the cursor on.
const fakeJournal = `#!/bin/sh
cursor=
for arg; do
	case $arg in
	--cursor=*) cursor=${arg#--cursor=} ;;
	esac
done
cd "$(dirname "$0")"
if [ -e broken ]; then
	echo "No journal files were opened due to insufficient permissions." >&2
	exit 1
fi
echo "$@" > asked
[ -e entries ] || exit 0
if [ -z "$cursor" ] || ! grep -q "\"__CURSOR\":\"$cursor\"" entries; then
	exec cat entries
fi
exec sed -n "/\"__CURSOR\":\"$cursor\"/,\$p" entries
`

// journalBench is a bench that reads a journal.
func journalBench(t *testing.T) *bench {
	folder := t.TempDir()
	program := filepath.Join(folder, "journalctl")
	if err := os.WriteFile(program, []byte(fakeJournal), 0o700); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, func(o *Options) {
		o.Path, o.Journal = "", &Journal{Program: program, Units: []string{"dovecot", "postfix@*"}}
	})
	b.path = filepath.Join(folder, "entries")
	return b
}

// entry is what the journal says of a login, so many minutes after noon.
func loginEntry(minutes float64, user string) string {
	line := login(minutes, user)
	_, message, _ := strings.Cut(strings.TrimSpace(line), "dovecot: ")
	at := noon.Add(time.Duration(minutes * float64(time.Minute)))
	return fmt.Sprintf(`{"__CURSOR":"s=%s","__REALTIME_TIMESTAMP":"%d","_HOSTNAME":"mx","SYSLOG_IDENTIFIER":"dovecot","MESSAGE":%q}`+"\n", user, at.UnixMicro(), message)
}

// The journal is read on from its cursor, over restarts and over a ledger that is full; what is read is durable with the cursor, and the pause is covered.
func TestJournal(t *testing.T) {
	b := journalBench(t)
	b.write(b.path, loginEntry(-10, "anna"))
	b.poll()
	b.want("anna", span(-10, 0))
	if asked, _ := os.ReadFile(filepath.Join(filepath.Dir(b.path), "asked")); !strings.Contains(string(asked), "--unit=dovecot --unit=postfix@*") {
		t.Errorf("asked %q", asked)
	}
	b.at(1)
	b.write(b.path, loginEntry(0.5, "bob"))
	b.memory.failure = errors.New("full")
	if err := b.f.Poll(t.Context()); err == nil {
		t.Fatal("the ledger was full")
	}
	b.memory.failure = nil
	b.poll()
	b.at(60)
	b.restart()
	b.write(b.path, loginEntry(30, "carol"))
	b.poll()
	b.poll()
	b.want("anna bob carol", span(-10, 60))
	if s := b.f.Status(); s.File != "journal of dovecot, postfix@*" || s.Blind != "" {
		t.Errorf("%+v", s)
	}
}

// Where the cursor's entry is gone nobody knows what came between: coverage begins anew.
func TestJournalPlaceLost(t *testing.T) {
	b := journalBench(t)
	b.write(b.path, loginEntry(-10, "anna"))
	b.poll()
	if err := os.Remove(b.path); err != nil {
		t.Fatal(err)
	}
	b.at(5)
	b.poll()
	if s := b.f.Status(); !strings.Contains(s.Blind, "does not hold the place any more") {
		t.Errorf("blind because of %q", s.Blind)
	}
	b.at(20)
	b.write(b.path, loginEntry(15, "bob"))
	b.poll()
	b.want("anna bob", span(-10, 0), span(15, 20))
}

// A journalctl that fails makes blind, with its words; what is written meanwhile is covered once it can be read.
func TestJournalThatCannotBeRead(t *testing.T) {
	b := journalBench(t)
	b.write(b.path, loginEntry(-10, "anna"))
	b.poll()
	broken := filepath.Join(filepath.Dir(b.path), "broken")
	b.write(broken, "x")
	b.at(5)
	b.poll()
	if s := b.f.Status(); !strings.Contains(s.Blind, "insufficient permissions") {
		t.Errorf("blind because of %q", s.Blind)
	}
	b.want("anna", span(-10, 0))
	if err := os.Remove(broken); err != nil {
		t.Fatal(err)
	}
	b.at(6)
	b.poll()
	b.want("anna", span(-10, 6))
	b.o.Journal.Program = "/nonexistent/journalctl"
	b.restart()
	b.at(7)
	b.poll()
	if s := b.f.Status(); !strings.Contains(s.Blind, "no such file") {
		t.Errorf("blind because of %q", s.Blind)
	}
}

func TestJournalEntries(t *testing.T) {
	b := journalBench(t)
	var octets []string
	for _, c := range []byte("imap-login: Login: user=<j\xfcrgen>, method=PLAIN, rip=203.0.113.5, session=<j>") {
		octets = append(octets, fmt.Sprint(c))
	}
	at := `"__REALTIME_TIMESTAMP":"` + fmt.Sprint(noon.Add(-time.Minute).UnixMicro()) + `"`
	b.write(b.path, loginEntry(-10, "anna"),
		`{"__CURSOR":"1",`+at+`,"_HOSTNAME":"mx","SYSLOG_IDENTIFIER":"dovecot","MESSAGE":[`+strings.Join(octets, ",")+"]}\n",
		`{"__CURSOR":"2",`+at+`,"MESSAGE":null}`+"\n",
		`{"__CURSOR":"3",`+at+`,"_COMM":"kernel thing","MESSAGE":["one","two"]}`+"\n",
		`{"__CURSOR":"4",`+at+`,"MESSAGE":"`+strings.Repeat("x", entryLimit)+`"}`+"\n",
		loginEntry(-0.5, "bob"))
	b.poll()
	b.want("anna jürgen bob", span(-10, 0))
}

// Many entries are made durable some at a time.
func TestJournalIsReadInParts(t *testing.T) {
	b := journalBench(t)
	var all []string
	for i := range 2*entriesAtOnce + 1 {
		all = append(all, loginEntry(-10, fmt.Sprint("u", i)))
	}
	b.write(b.path, all...)
	b.poll()
	if n := len(b.memory.observations); n != len(all) || b.memory.commits < 3 {
		t.Errorf("%d observations in %d commits", n, b.memory.commits)
	}
}

// The real journalctl, over a real journal file: from the beginning, from a cursor, and from one that is not there.
func TestRealJournal(t *testing.T) {
	neighbour.Require(t, "journalctl")
	maker := neighbour.Require(t, "systemd-journal-remote")
	folder := t.TempDir()
	made := 0
	record := func(entries ...string) {
		t.Helper()
		made++
		cmd := exec.Command(maker, "--output="+filepath.Join(folder, fmt.Sprintf("j%d.journal", made)), "-")
		cmd.Stdin = strings.NewReader(strings.Join(entries, ""))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	exported := func(minutes float64, unit, tag, message string) string {
		at := noon.Add(time.Duration(minutes * float64(time.Minute))).UnixMicro()
		return fmt.Sprintf("__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=3b1a2c3d4e5f60718293a4b5c6d7e8f9\nMESSAGE=%s\nSYSLOG_IDENTIFIER=%s\n_SYSTEMD_UNIT=%s\n_HOSTNAME=mx\n\n",
			at, at-noon.AddDate(0, 0, -1).UnixMicro(), message, tag, unit)
	}
	loggedIn := func(minutes float64, user string) string {
		_, message, _ := strings.Cut(strings.TrimSpace(login(minutes, user)), "dovecot: ")
		return exported(minutes, "dovecot.service", "dovecot", message)
	}
	record(loggedIn(-10, "anna"), exported(-9, "cron.service", "dovecot", "imap-login: Login: user=<nobody>, method=PLAIN, rip=203.0.113.5"),
		exported(-8, "postfix@-.service", "postfix/smtpd", "connect from unknown[203.0.113.4]"), loggedIn(-7, "bob"))
	b := newBench(t, func(o *Options) {
		o.Path, o.Journal = "", &Journal{Directory: folder, Units: []string{"dovecot.service", "postfix@*"}}
	})
	b.poll()
	b.want("anna bob", span(-10, 0))
	if heard := b.f.state.heard; heard[Postfix].IsZero() || heard[Dovecot].IsZero() {
		t.Errorf("heard %v", heard)
	}
	b.restart()
	b.at(5)
	record(loggedIn(4, "carol"))
	b.poll()
	b.poll()
	b.want("anna bob carol", span(-10, 5))
	if err := os.Remove(filepath.Join(folder, "j2.journal")); err != nil {
		t.Fatal(err)
	}
	b.at(20)
	record(loggedIn(15, "dora"))
	b.poll()
	b.want("anna bob carol dora", span(-10, 5), span(15, 20))
}
