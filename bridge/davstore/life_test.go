package davstore_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"posthouse/cutover"
	"posthouse/internal/testserver"
)

var (
	firstLife = flag.Uint64("life", 0, "the first life of TestEverythingAtOnce")
	lives     = flag.Uint64("lives", 6, "how many lives of TestEverythingAtOnce there are")
)

// TestEverythingAtOnce lets owners change calendars on both sides while they are followed over lines that break after requests were carried out, with servers that forget tokens, and with processes that
// die, also in the middle of a look, and deletions follow or do not. In the end each item of the old side that nobody removed in the cloud lies there once, in its last version, or as its owner left it there, and what was
// deleted does not, unless its owner changed it there.
func TestEverythingAtOnce(t *testing.T) {
	for seed := *firstLife; seed < *firstLife+*lives; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { newLife(t, seed).run() })
	}
}

type life struct {
	*across
	random  *rand.Rand
	breaks  atomic.Int64 // every how many requests one breaks; 0 for none
	asked   atomic.Int64
	hooked  atomic.Int64
	want    map[string]string // by UID what the old side says last
	touched map[string]string // by UID what the cloud's owner made of it; empty: removed
	gone    map[string]bool   // by UID what was deleted on the old side
	next    int
}

func newLife(t *testing.T, seed uint64) *life {
	l := &life{random: rand.New(rand.NewPCG(seed, 7)), want: map[string]string{}, touched: map[string]string{}, gone: map[string]bool{}}
	cfg := testserver.DAVConfig{Schedules: seed%2 == 1, NoSync: seed%4 == 2, SyncLimit: int(seed%3) * 5, Drop: func(*http.Request) bool {
		every := l.breaks.Load()
		return every > 0 && l.asked.Add(1)%every == 0
	}, Hook: func(*http.Request) int { // whatever a server may say of the moment, never twice
		if n := l.asked.Load(); l.breaks.Load() > 0 && n%7 == 3 && l.hooked.Swap(n) != n {
			return []int{http.StatusLocked, http.StatusInternalServerError, http.StatusUnauthorized}[n%3]
		}
		return 0
	}}
	cloud := cfg
	if seed%4 == 3 {
		cloud.Rewrite = func(raw []byte) []byte { return bytes.Replace(raw, []byte("DTSTAMP:2026"), []byte("DTSTAMP:2027"), 1) }
	}
	l.across = newAcross(t, cfg, cloud)
	if seed%3 > 0 {
		l.deletions = 1000
		l.restart()
	}
	return l
}

func (l *life) run() {
	for range 6 {
		l.breaks.Store(int64(5 + l.random.IntN(20)))
		for range 3 {
			for range 8 {
				l.happen()
			}
			ctx, die := context.WithCancel(l.Context())
			if l.random.IntN(2) == 0 { // the process dies at some request from now
				n := l.random.Int64N(60)
				go func() {
					l.waitForRequests(ctx, n)
					die()
				}()
			}
			var meanwhile sync.WaitGroup
			meanwhile.Go(func() {
				for range l.random.IntN(4) { // as often as not between two of its requests
					l.waitForRequests(ctx, 1+l.random.Int64N(20))
					l.happen()
				}
			})
			_ = l.bridge.CatchUp(ctx, []cutover.MailboxID{anna}, func(cutover.MailboxID, error) {}) // whatever becomes of it
			die()
			meanwhile.Wait()
			if err := l.bridge.Stop(context.Background()); err != nil {
				l.Fatal(err)
			}
			l.restart()
		}
		l.breaks.Store(0)
		l.follow()
		l.check()
	}
}

// waitForRequests returns when so many more were asked, or the process is dead.
func (l *life) waitForRequests(ctx context.Context, n int64) {
	for at := l.asked.Load() + n; ctx.Err() == nil && l.asked.Load() < at; {
		runtime.Gosched()
	}
}

// happen is one thing that somebody does.
func (l *life) happen() {
	uids := slices.Sorted(maps.Keys(l.want))
	switch n := l.random.IntN(12); {
	case n < 4 || len(uids) == 0:
		l.next++
		l.write(fmt.Sprint("u", l.next))
	case n < 7:
		l.write(uids[l.random.IntN(len(uids))])
	case n == 7:
		l.old.ForgetTokens()
		l.new.ForgetTokens()
	case n < 10:
		l.touch(uids[l.random.IntN(len(uids))])
	case n == 10 && l.deletions > 0:
		uid := uids[l.random.IntN(len(uids))]
		l.old.Remove("anna", home, uid+".ics")
		delete(l.want, uid)
		l.gone[uid] = true
	default:
		for _, uid := range slices.Sorted(maps.Keys(l.gone)) {
			if _, touched := l.touched[uid]; !touched {
				l.write(uid)
				break
			}
		}
	}
}

func (l *life) write(uid string) {
	l.next++
	delete(l.gone, uid)
	l.want[uid] = fmt.Sprintf("SUMMARY:%s version %d", uid, l.next)
	lines := []string{l.want[uid]}
	if organised(uid) {
		lines = append(lines, "ORGANIZER:mailto:anna@example.com", "ATTENDEE:mailto:bob@example.com")
	}
	l.old.Put("anna", home, uid+".ics", meeting(uid, lines...))
}

// organised are the events with attendees.
func organised(uid string) bool { return len(uid)%2 == 0 }

// touch changes or removes an item in the cloud, if it lies there.
func (l *life) touch(uid string) {
	name, _ := l.cloud(home, "UID:"+uid+"\r")
	if name == "" {
		return
	}
	if l.random.IntN(2) == 0 {
		if !l.row(cutover.Ref(uid + ".ics")).Disposition.InCloud() {
			return // nobody could tell that it was ever put
		}
		l.touched[uid] = ""
		l.new.Remove("anna", home, name)
		return
	}
	l.next++
	l.touched[uid] = fmt.Sprintf("SUMMARY:%s by its owner %d", uid, l.next)
	l.new.Put("anna", home, name, meeting(uid, l.touched[uid]))
}

func (l *life) check() {
	l.Helper()
	for uid, want := range l.want {
		name, raw := l.cloud(home, "UID:"+uid+"\r") // which fails if there are two
		if own, touched := l.touched[uid]; touched {
			want = own
		}
		switch {
		case want == "" && name != "":
			l.Errorf("%s was removed in the cloud and is there again: %s", uid, raw)
		case want != "" && !bytes.Contains(raw, []byte(want+"\r")):
			l.Errorf("%s is %q, want %s; %+v", uid, raw, want, l.row(cutover.Ref(uid+".ics")))
		}
	}
	for uid := range l.gone {
		_, raw := l.cloud(home, "UID:"+uid+"\r")
		if own, touched := l.touched[uid]; touched && own != "" && !bytes.Contains(raw, []byte(own+"\r")) || touched && own == "" && raw != nil || !touched && !organised(uid) && raw != nil {
			l.Errorf("%s was deleted on the old side and is %q, by its owner %q; %+v", uid, raw, own, l.row(cutover.Ref(uid+".ics")))
		}
	}
	if sent := l.new.Messages(); len(sent) != 0 {
		l.Errorf("sent: %s", strings.Join(sent, ", "))
	}
	if l.Failed() {
		l.FailNow()
	}
}
