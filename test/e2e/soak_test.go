//go:build soak

package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"posthouse/internal/testserver"
	"posthouse/test/neighbour"
)

const (
	soakPeople   = 12
	soakMessages = 400 // of each of them in the beginning
	// soakSockets is what the daemon may have open: bridge's budget for each of the two servers, and a few for whoever asks for its status.
	soakSockets = 2*16 + 4
	soakFiles   = 100
)

// TestSoak is TestUsersMoveMessages with everything that goes wrong in a night: the daemon is killed, both servers are started again, lines are cut, folders get another UIDVALIDITY. In the end
// nothing is missing and nothing is there twice; memory, files and connections stayed within bounds all the time. SOAK is how long it takes: an hour if not set.
func TestSoak(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil {
		length = time.Hour
	}
	s := newSoak(t, seed(t))
	s.b.daemon.launch()
	began := time.Now()
	for minute := 1; time.Since(began) < length; {
		s.disturb()
		if time.Since(began) >= time.Duration(minute)*time.Minute {
			t.Logf("%d min: %s", minute, s.now)
			minute++
		}
	}
	s.legacyLine.Set(testserver.ProxyFaults{})
	s.cloudLine.Set(testserver.ProxyFaults{})
	s.b.daemon.kill()
	s.b.caughtUp()
	s.b.wantEqual(patience)
	s.measure()
	before := s.b.uids()
	s.b.daemon.stop()
	s.b.caughtUp()
	s.b.verified()
	s.measure()
	s.b.daemon.stop()
	if after := s.b.uids(); !slices.Equal(before, after) {
		t.Errorf("a second pass changed the cloud from %d messages to %d", len(before), len(after))
	}
	s.report(len(before))
}

// soak is a night.
type soak struct {
	t                     testing.TB
	random                *rand.Rand
	b                     *between
	users                 []*user
	legacy, cloud         *neighbour.Dovecot
	legacyLine, cloudLine *testserver.Proxy
	did                   map[string]int
	now, most             use
}

func newSoak(t testing.TB, seed uint64) *soak {
	t.Helper()
	s := &soak{t: t, random: rand.New(rand.NewPCG(seed, 4)), did: map[string]int{}}
	var people []string
	for i := range soakPeople {
		people = append(people, fmt.Sprintf("person%d", i+1))
	}
	s.legacy = neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "legacy", Users: logins(people), Special: oldUses, Separator: ".", Format: "sdbox"})
	s.cloud = neighbour.StartDovecot(t, neighbour.DovecotConfig{
		Name: "cloud", Users: logins(people), Format: "mdbox", Special: cloudUses, Create: []string{"Sent", "Drafts", "Trash", "Junk", "Archive"},
	})
	s.legacyLine, s.cloudLine = line(t, s.legacy.IMAP), line(t, s.cloud.IMAP)
	s.b = newBetween(t, side{addr: s.legacy.IMAP, via: s.legacyLine.Addr(), separator: "."}, side{addr: s.cloud.IMAP, via: s.cloudLine.Addr(), separator: "/"}, people...)
	for i, person := range people {
		s.b.fill(seed+uint64(i), person, []string{"de", "en", "ja"}[i%3], soakMessages, func(string) bool { return true })
		s.users = append(s.users, newUser(t, person, s.b.open(s.b.legacy, person), s.random))
	}
	return s
}

// line is what the daemon's connections to a server go through.
func line(t testing.TB, to string) *testserver.Proxy {
	t.Helper()
	p := testserver.NewProxy(to)
	if err := p.Start(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// disturb lets everybody work for some seconds, and then something happens.
func (s *soak) disturb() {
	s.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 5 + s.random.IntN(60) {
		<-tick.C
		pick(s.random, s.users).act()
		s.measure()
	}
	events := []struct {
		name string
		odds int
		do   func()
	}{
		{"kill", 8, s.kill}, {"cut", 4, s.cut}, {"short lines", 2, s.shortLines}, {"good lines", 4, s.goodLines},
		{"legacy restarted", 1, s.restartLegacy}, {"cloud restarted", 1, s.restartCloud}, {"new UIDVALIDITY", 2, s.renew},
	}
	sum := 0
	for _, e := range events {
		sum += e.odds
	}
	turn := s.random.IntN(sum)
	for _, e := range events {
		if turn -= e.odds; turn < 0 {
			e.do()
			s.did[e.name]++
			return
		}
	}
}

func (s *soak) kill() {
	s.b.daemon.kill()
	s.b.daemon.launch()
}

func (s *soak) cut() { pick(s.random, []*testserver.Proxy{s.legacyLine, s.cloudLine}).CutAll() }

// shortLines break each new connection after some octets.
func (s *soak) shortLines() {
	faults := testserver.ProxyFaults{CutToServer: 1 + s.random.Int64N(200<<10), CutToClient: 1 + s.random.Int64N(200<<10)}
	pick(s.random, []*testserver.Proxy{s.legacyLine, s.cloudLine}).Set(faults)
	s.cut()
}

func (s *soak) goodLines() {
	s.legacyLine.Set(testserver.ProxyFaults{})
	s.cloudLine.Set(testserver.ProxyFaults{})
}

func (s *soak) restartLegacy() {
	s.legacy.Stop()
	s.legacy.Start()
	for _, u := range s.users {
		u.m = s.b.open(s.b.legacy, u.name)
	}
}

func (s *soak) restartCloud() {
	s.cloud.Stop()
	s.cloud.Start()
}

func (s *soak) renew() { s.legacy.Renew(pick(s.random, s.users).name, "INBOX") }

// use is what the daemon uses of the machine.
type use struct{ resident, files, sockets int }

func (u use) String() string {
	return fmt.Sprintf("%d MiB resident, %d files open, %d of them connections", u.resident>>20, u.files, u.sockets)
}

// measure looks at the daemon's process; one that has just ended or begun has nothing.
func (s *soak) measure() {
	s.t.Helper()
	dir := fmt.Sprintf("/proc/%d", s.b.daemon.cmd.Process.Pid)
	s.now = use{resident: resident(s.t, filepath.Join(dir, "statm"))}
	files, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Fatal(err)
	}
	for _, f := range files {
		s.now.files++
		if to, err := os.Readlink(filepath.Join(dir, "fd", f.Name())); err == nil && strings.HasPrefix(to, "socket:") {
			s.now.sockets++
		}
	}
	s.most = use{max(s.most.resident, s.now.resident), max(s.most.files, s.now.files), max(s.most.sockets, s.now.sockets)}
}

func resident(t testing.TB, statm string) int {
	t.Helper()
	data, err := os.ReadFile(statm)
	if err != nil {
		t.Fatal(err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(data), &size, &pages); err != nil {
		t.Fatalf("%s: %q", statm, data)
	}
	return pages * os.Getpagesize()
}

// report prints the numbers, and holds the daemon to its bounds.
func (s *soak) report(messages int) {
	s.t.Helper()
	acts := map[string]int{}
	for _, u := range s.users {
		for what, times := range u.did {
			acts[what] += times
		}
	}
	s.t.Logf("users did %v; what happened: %v", acts, s.did)
	s.t.Logf("%d messages in %d mailboxes; at the most %s", messages, len(s.users), s.most)
	if s.most.sockets > soakSockets || s.most.files > soakFiles {
		s.t.Errorf("more than %d files or %d connections", soakFiles, soakSockets)
	}
}
