package e2e

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"posthouse/test/neighbour"
)

const (
	manyPeople   = 200
	manyMessages = 500 // of each of them
	manyAtOnce   = 8
)

// BenchmarkManyMailboxes is the first copy of many mailboxes of one size, a few at a time, from Dovecot to Dovecot on this machine. It tells how many connections each server saw, how evenly those
// that were copied at one time went on, and how idle the machine was.
func BenchmarkManyMailboxes(bench *testing.B) {
	var people []string
	for i := range manyPeople {
		people = append(people, fmt.Sprintf("person%03d", i))
	}
	legacy := neighbour.StartDovecot(bench, neighbour.DovecotConfig{Name: "legacy", Users: logins(people), Format: "mdbox"})
	cloud := neighbour.StartDovecot(bench, neighbour.DovecotConfig{Name: "cloud", Users: logins(people), Format: "mdbox"})
	b := newBetween(bench, side{addr: legacy.IMAP, separator: "/"}, side{addr: cloud.IMAP, separator: "/"}, people...)
	b.appendConfig(fmt.Sprintf("parallel_mailboxes = %d\n", manyAtOnce))
	b.fillAlike(manyMessages)
	for bench.Loop() {
		crowd := newCrowd(b)
		busy := busyTime(bench)
		began := time.Now()
		b.daemon.start()
		neighbour.Wait(bench, time.Hour, "everybody to be copied", func() bool { return crowd.look() })
		took := time.Since(began)
		bench.ReportMetric(float64(manyPeople*manyMessages)/took.Seconds(), "msg/s")
		bench.ReportMetric(100*(busyTime(bench)-busy).Seconds()/took.Seconds()/float64(runtime.NumCPU()), "%busy")
		crowd.report(bench)
		b.daemon.stop()
	}
}

// appendConfig adds lines to the last table of the configuration, which is [bridge].
func (b *between) appendConfig(lines string) {
	b.t.Helper()
	text, err := os.ReadFile(b.daemon.config)
	if err != nil {
		b.t.Fatal(err)
	}
	b.daemon.write(filepath.Base(b.daemon.config), string(text)+lines)
}

// fillAlike gives everybody as many messages, most of them in INBOX.
func (b *between) fillAlike(messages int) {
	b.t.Helper()
	for _, person := range b.people {
		var all []neighbour.Upload
		for n := range messages {
			all = append(all, neighbour.Upload{Bytes: letter(fmt.Sprintf("%s.%d", person, n), 1000+n*7%6000), Date: time.Unix(1_700_000_000+int64(n), 0)})
		}
		m := b.open(b.legacy, person)
		m.Create("Archive")
		m.Append("INBOX", all[messages/5:]...)
		m.Append("Archive", all[:messages/5]...)
		m.Close()
	}
}

// crowd watches many mailboxes being copied.
type crowd struct {
	b             *between
	began, ended  map[string]time.Time
	legacy, cloud int // most connections
	active        int // most mailboxes at one time
}

func newCrowd(b *between) *crowd {
	return &crowd{b: b, began: map[string]time.Time{}, ended: map[string]time.Time{}}
}

// look notes how everybody is, and reports whether all are done.
func (c *crowd) look() bool {
	s := c.b.daemon.status()
	now, active := time.Now(), 0
	for _, m := range s.Mailboxes {
		if m.Done > 0 && c.began[m.Address].IsZero() {
			c.began[m.Address] = now
		}
		if !m.Caught.IsZero() && c.ended[m.Address].IsZero() {
			c.ended[m.Address] = now
		}
		if m.State == "copying" {
			active++
		}
	}
	c.active = max(c.active, active)
	c.legacy = max(c.legacy, connections(c.b.t, c.b.legacy.addr))
	c.cloud = max(c.cloud, connections(c.b.t, c.b.cloud.addr))
	return len(c.ended) == len(c.b.people)
}

// report tells how long mailboxes took, from their first message to their last.
func (c *crowd) report(bench *testing.B) {
	var took []time.Duration
	for who, end := range c.ended {
		took = append(took, end.Sub(c.began[who]))
	}
	slices.Sort(took)
	bench.ReportMetric(took[len(took)/2].Seconds(), "s/mailbox")
	bench.ReportMetric(took[len(took)*95/100].Seconds(), "s/mailbox-p95")
	bench.ReportMetric(took[len(took)-1].Seconds(), "s/mailbox-max")
	bench.ReportMetric(float64(c.active), "at-once")
	bench.ReportMetric(float64(c.legacy), "legacy-conns")
	bench.ReportMetric(float64(c.cloud), "cloud-conns")
}

// connections counts those that are established with a server of this machine, by /proc/net/tcp: one line for either end, of which the client's has the server's address third.
func connections(t testing.TB, addr string) (n int) {
	t.Helper()
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	ip := at.Addr().As4()
	slices.Reverse(ip[:])
	want := fmt.Sprintf("%s:%04X", strings.ToUpper(hex.EncodeToString(ip[:])), at.Port())
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); len(f) > 3 && f[2] == want && f[3] == "01" {
			n++
		}
	}
	return n
}

// busyTime is how long all cores together have not been idle since the machine was started.
func busyTime(t testing.TB) time.Duration {
	t.Helper()
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		t.Fatal(err)
	}
	var name string
	var user, nice, system int64
	if _, err := fmt.Sscan(string(stat), &name, &user, &nice, &system); err != nil {
		t.Fatal(err)
	}
	return time.Duration(user+nice+system) * 10 * time.Millisecond // USER_HZ is 100 everywhere
}
