package e2e

import (
	"compress/gzip"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"posthouse/test/neighbour"
)

// mailLog is an old server that writes its log, in whatever pieces, and has it rotated.
type mailLog struct {
	t       *testing.T
	path    string
	ways    []func(*mailLog) // of rotation
	luck    *rand.Rand
	written atomic.Int64 // messages
	file    *os.File
}

// write goes on until quit is closed.
func (l *mailLog) write(quit <-chan struct{}) {
	pace := time.NewTicker(2 * time.Millisecond)
	defer pace.Stop()
	defer func() { l.file.Close() }()
	for {
		select {
		case <-quit:
			return
		case <-pace.C:
		}
		l.message(l.written.Load() + 1)
		l.written.Add(1)
		if l.luck.IntN(75) == 0 {
			l.rotate(l.ways[l.luck.IntN(len(l.ways))])
		}
	}
}

// message writes the lines of one, from outside to a mailbox.
func (l *mailLog) message(n int64) {
	queue, at := fmt.Sprintf("%010X", n), time.Now().UTC().Format("Jan _2 15:04:05")
	var text string
	for _, line := range []string{
		"smtpd[7]: %[1]s: client=mail%[3]d.partner.example[198.51.100.%[3]d]",
		"cleanup[8]: %[1]s: message-id=<%[2]d@partner.example>",
		"qmgr[9]: %[1]s: from=<orders@partner.example>, size=5360, nrcpt=1 (queue active)",
		"lmtp[10]: %[1]s: to=<anna@example.com>, relay=mx[private/dovecot-lmtp], delay=0.3, delays=0.2/0/0/0.1, dsn=2.0.0, status=sent (250 2.0.0 Saved)",
		"qmgr[9]: %[1]s: removed",
	} {
		text += at + " mx postfix/" + fmt.Sprintf(line, queue, n, n%5+1) + "\n"
	}
	for text != "" {
		piece := min(len(text), 1+l.luck.IntN(200))
		l.must(io.WriteString(l.file, text[:piece]))
		text = text[piece:]
	}
}

func (l *mailLog) must(_ any, err error) {
	if err != nil {
		l.t.Errorf("writing the log: %v", err)
	}
}

// predecessors are kept for as long as a test lasts.
const predecessors = 500

// rotate gives each predecessor the next name, compresses one, and has the log itself follow them.
func (l *mailLog) rotate(way func(*mailLog)) {
	name := func(i int, suffix string) string { return fmt.Sprintf("%s.%d%s", l.path, i, suffix) }
	for i := predecessors; i > 0; i-- {
		for _, suffix := range []string{"", ".gz"} {
			_ = os.Rename(name(i, suffix), name(i+1, suffix)) // most do not exist
		}
	}
	if info, err := os.Stat(name(2, "")); err == nil {
		l.pack(name(2, ""), info.ModTime())
	}
	way(l)
}

// pack compresses a file as gzip and logrotate do, which keep its time.
func (l *mailLog) pack(path string, at time.Time) {
	raw, err := os.ReadFile(path)
	l.must(nil, err)
	packed, err := os.Create(path + ".gz")
	l.must(nil, err)
	w := gzip.NewWriter(packed)
	l.must(w.Write(raw))
	l.must(nil, w.Close())
	l.must(nil, packed.Close())
	l.must(nil, os.Chtimes(path+".gz", at, at))
	l.must(nil, os.Remove(path))
}

func (l *mailLog) rename() {
	l.must(nil, os.Rename(l.path, l.path+".1"))
	l.must(nil, l.file.Close())
	l.open()
}

func (l *mailLog) copyAndCut() {
	raw, err := os.ReadFile(l.path)
	l.must(nil, err)
	l.must(nil, os.WriteFile(l.path+".1", raw, 0o600))
	l.must(nil, l.file.Truncate(0))
}

func (l *mailLog) open() {
	var err error
	l.file, err = os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	l.must(nil, err)
}

// TestKillsWhileALogIsRead: a log is written and rotated, and the service killed again and again while it reads. What the log tells of each message is in the ledger once.
func TestKillsWhileALogIsRead(t *testing.T) {
	t.Parallel()
	for name, ways := range map[string][]func(*mailLog){
		"renamed":        {(*mailLog).rename},
		"copied and cut": {(*mailLog).copyAndCut},
		"both":           {(*mailLog).rename, (*mailLog).copyAndCut},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killsWhileALogIsRead(t, ways)
		})
	}
}

func killsWhileALogIsRead(t *testing.T, ways []func(*mailLog)) {
	dir, start := folder(t), seed(t)
	l := &mailLog{t: t, path: filepath.Join(dir, "mail.log"), ways: ways, luck: rand.New(rand.NewPCG(start, 2))}
	l.open()
	o := newOffice(t, dir, small+fmt.Sprintf("\n[evidence.maillog]\nkind = \"postfix\"\nfile = %q\ntimezone = \"UTC\"\n", l.path), nil)
	told := func(table, of string) map[string]int { return countMessages(t, dir, table, of) }
	o.daemon.start()
	l.message(l.written.Add(1))
	neighbour.Wait(t, patience, "the log to be followed", func() bool { return len(told("local_deliveries", "true")) > 0 }) // what was delivered before is nobody's matter
	o.daemon.kill()
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() { defer close(ended); l.write(quit) }()
	t.Cleanup(func() { <-ended })
	stop := func() { close(quit); <-ended }
	luck := rand.New(rand.NewPCG(start, 3))
	further := func(n int) {
		for from := l.written.Load(); l.written.Load() < from+int64(n); {
			select {
			case <-t.Context().Done():
				return
			case <-time.After(time.Millisecond):
			}
		}
	}
	for range 15 {
		o.daemon.start()
		further(luck.IntN(120))
		o.daemon.kill()
		further(luck.IntN(30))
	}
	o.daemon.start()
	stop()
	neighbour.Wait(t, patience, fmt.Sprintf("all of %d messages to be read", l.written.Load()), func() bool {
		return len(told("observations", "source = 'maillog'")) >= int(l.written.Load()) && len(told("local_deliveries", "true")) >= int(l.written.Load())
	})
	for what, times := range map[string]map[string]int{"use": told("observations", "source = 'maillog'"), "delivery": told("local_deliveries", "true")} {
		if len(times) != int(l.written.Load()) {
			t.Errorf("%s of %d messages, %d were written", what, len(times), l.written.Load())
		}
		for message, n := range times {
			if n != 1 {
				t.Errorf("%s of %s is there %d times", what, message, n)
			}
		}
	}
}

// countMessages tells how often the running daemon's ledger has each message in a table.
func countMessages(t *testing.T, dir, table, of string) map[string]int {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "state", "ledger.db")+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("SELECT message, count(*) FROM " + table + " WHERE " + of + " GROUP BY message")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	times := map[string]int{}
	for rows.Next() {
		var message string
		var n int
		if err := rows.Scan(&message, &n); err != nil {
			t.Fatal(err)
		}
		times[strings.Trim(message, "<>")] = n
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return times
}
