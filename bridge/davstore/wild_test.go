package davstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"posthouse/bridge/storetest"
	"posthouse/cutover"
	"posthouse/internal/testserver"
)

// TestEverythingOddAtOnce lets owners, their programs and the servers themselves do to collections and objects whatever they may do: rename, exchange, move, copy and remake them, change UIDs, share and lack them, give
// other versions without a change, write anew what they get and put it elsewhere, forget and refuse; over lines that fail, with processes that die after any write into the ledger. In the end each item of the old side lies
// in the cloud once, in its last version, or as its owner left it there, or in a file that is named; what was deleted does not; and a comparison says just that.
func TestEverythingOddAtOnce(t *testing.T) {
	for seed := *firstLife; seed < *firstLife+*lives; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { newWild(t, seed).run() })
	}
}

// wild is one such life.
type wild struct {
	*across
	mu      sync.Mutex // of what somebody does
	random  *rand.Rand
	weather *weather
	next    int
	said    []string          // what was done, for who must find out why
	noMove  bool              // in the cloud
	alters  bool              // the cloud loses properties that it does not know
	touched map[string]string // by UID what the cloud's owner made of it; empty: removed
	clashed map[string]bool   // by UID what once shared it within a collection
	spread  map[string]bool   // and what once shared it with another collection, or lay in one that is gone
}

func newWild(t *testing.T, seed uint64) *wild {
	r := rand.New(rand.NewPCG(seed, 11))
	w := &wild{random: r, touched: map[string]string{}, clashed: map[string]bool{}, spread: map[string]bool{}}
	w.weather = &weather{random: rand.New(rand.NewPCG(seed, 13)), failed: map[string]bool{}}
	legacy, cloud := oddServer(r), oddServer(r)
	legacy.Relocate = nil
	w.noMove, w.alters = cloud.NoMove, altering(cloud)
	w.say("old %+v", legacy)
	w.say("new %+v", cloud)
	w.across = newAcross(t, legacy, cloud)
	if r.IntN(3) > 0 {
		w.deletions = 1000
	}
	w.forgets = r.IntN(4) == 0
	w.oldVia, w.newVia = w.weather, w.weather
	w.restart()
	for _, side := range []*testserver.DAV{w.old, w.new} {
		side.AddCollection("anna", "friends", testserver.DAVContacts, "Friends")
		side.AddCollection("anna", "work", testserver.DAVCalendar, "Work")
	}
	for _, c := range []string{home, "work", "contacts", "friends"} {
		w.old.Put("anna", c, "anchor "+c, w.object(c, "anchor-"+c))
	}
	return w
}

// oddServer is one of many.
func oddServer(r *rand.Rand) testserver.DAVConfig {
	one := func(n int) bool { return r.IntN(n) == 0 }
	cfg := testserver.DAVConfig{
		Schedules: one(2), NoSync: one(4), NoCTag: one(4), NoLength: one(4), Brittle: one(5), NoMove: one(4), NoMultiget: one(5), WeakETags: one(5), ContentETags: one(5), NoGetETag: one(6),
		SyncLimit: r.IntN(3) * 4, ForgottenToken: []int{0, http.StatusConflict, http.StatusGone, http.StatusBadRequest, http.StatusInsufficientStorage}[r.IntN(5)],
	}
	if one(6) {
		cfg.Relocate = func(name string) string { return "their-" + name }
	}
	switch r.IntN(6) {
	case 0:
		cfg.Rewrite = stamped
	case 1:
		cfg.Rewrite = rendered
	}
	return cfg
}

// altering reports whether a server says something else than it was given.
func altering(cfg testserver.DAVConfig) bool {
	return cfg.Rewrite != nil && !bytes.Contains(cfg.Rewrite([]byte("BEGIN:X\r\nX-ODD:1\r\n")), []byte("ODD"))
}

func (w *wild) say(format string, args ...any) { w.said = append(w.said, fmt.Sprintf(format, args...)) }

func (w *wild) run() {
	defer func() {
		if w.Failed() {
			w.Log(strings.Join(w.said, "\n"))
		}
	}()
	for day := range 6 {
		for range 2 {
			w.say("day %d", day)
			for range 7 {
				w.happen()
			}
			w.live()
		}
		w.weather.turn(0)
		w.restart()
		w.settles()
		w.say("settled")
		w.check()
	}
}

// live is one process, as long as it lasts.
func (w *wild) live() {
	w.weather.turn(4 + w.random.IntN(30))
	ctx, die := context.WithCancel(w.Context())
	defer die()
	if w.random.IntN(2) == 0 {
		k := storetest.KillAfter(1 + w.random.IntN(40))
		w.of = k.Ledger
		w.weather.dead = k.Dead
	}
	w.restart()
	var meanwhile sync.WaitGroup
	for range w.random.IntN(4) { // as often as not between two of its requests
		n := 1 + w.random.Int64N(60)
		meanwhile.Go(func() {
			if w.weather.wait(ctx, n) {
				w.happen()
			}
		})
	}
	if w.random.IntN(3) == 0 {
		n := w.random.Int64N(80)
		meanwhile.Go(func() {
			if w.weather.wait(ctx, n) {
				w.say("it ends")
				die()
			}
		})
	}
	_ = w.bridge.CatchUp(ctx, []cutover.MailboxID{anna}, func(_ cutover.MailboxID, err error) { w.say("a process: %v", err) }) // whatever becomes of it
	die()
	meanwhile.Wait()
	if err := w.bridge.Stop(context.Background()); err != nil {
		w.Fatal(err)
	}
	w.of, w.weather.dead = nil, nil
}

// weather is the line to the servers: now and then a request is answered by somebody else, or nobody hears the answer. Nothing fails twice in a row.
type weather struct {
	dead func() bool

	mu     sync.Mutex
	random *rand.Rand
	every  int
	asked  int64
	failed map[string]bool
}

// turn makes one of so many requests fail; none for 0.
func (w *weather) turn(every int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.every = every
}

// wait returns when so many more were asked; false when nobody asks any more.
func (w *weather) wait(ctx context.Context, n int64) bool {
	at := w.count() + n
	for ctx.Err() == nil && w.count() < at {
		runtime.Gosched()
	}
	return ctx.Err() == nil
}

func (w *weather) count() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked
}

var errLine = errors.New("the line broke")

// now is what becomes of a request: 0 nothing, -1 nobody hears the answer, -2 it does not arrive, or a status.
func (w *weather) now(r *http.Request) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	key := r.Method + r.URL.String()
	if w.every == 0 || w.failed[key] || w.random.IntN(w.every) > 0 {
		delete(w.failed, key)
		return 0
	}
	w.failed[key] = true
	may := []int{-1, -1, -2, 408, 423, 429, 500, 503}
	switch r.Method {
	case http.MethodPut, http.MethodDelete:
		may = append(may, -1, 409, 412, 404)
	case http.MethodGet:
		may = append(may, 404)
	}
	return may[w.random.IntN(len(may))]
}

func (w *weather) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.dead != nil && w.dead() {
		return nil, storetest.ErrKilled
	}
	switch status := w.now(r); status {
	case -2:
		return nil, errLine
	case 0, -1:
		in, err := http.DefaultTransport.RoundTrip(r)
		if err == nil && status < 0 {
			_, _ = io.Copy(io.Discard, in.Body) // nobody hears it
			in.Body.Close()
			return nil, errLine
		}
		return in, err
	default:
		return &http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Retry-After": {"Thu, 01 Jan 2026 00:00:00 GMT"}}, Body: http.NoBody, Request: r}, nil
	}
}
