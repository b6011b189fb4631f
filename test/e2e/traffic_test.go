package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"posthouse/internal/testserver"
	"posthouse/internal/testserver/corpus"
	"posthouse/test/neighbour"
)

// testField numbers the messages of a test, so that equal ones can be told apart.
const testField = "X-Test-Number"

// traffic sends numbered mail and remembers where each must arrive.
type traffic struct {
	w *world
	g *corpus.Generator

	mu   sync.Mutex
	next int
	want map[string][]string // person's name → numbers that must lie in INBOX, once each
}

func newTraffic(w *world, seed uint64) *traffic {
	g := corpus.New(seed)
	g.MaxSize, g.Large = 256<<10, 4
	return &traffic{w: w, g: g, want: map[string][]string{}}
}

// send gives the next varied message to a server, for the recipients; it must arrive with those named.
func (t *traffic) send(ctx context.Context, server string, to []string, arrivesWith ...string) (number string, r testserver.Result, err error) {
	t.mu.Lock()
	t.next++
	number = fmt.Sprint(t.next)
	m := t.g.Next()
	for _, name := range arrivesWith {
		t.want[name] = append(t.want[name], number)
	}
	t.mu.Unlock()
	raw := append([]byte(testField+": "+number+"\r\n"), m.Bytes...)
	r, err = testserver.Sender{Helo: "pc.example", Timeout: patience}.Send(ctx, server, m.From.Addr, to, raw)
	if err == nil && r.Final.Code != 250 && len(arrivesWith) > 0 {
		err = fmt.Errorf("sending number %s: %s", number, r.Final)
	}
	return number, r, err
}

// must is send for what has to be accepted.
func (t *traffic) must(server string, to []string, arrivesWith ...string) string {
	t.w.t.Helper()
	number, _, err := t.send(t.w.t.Context(), server, to, arrivesWith...)
	if err != nil {
		t.w.t.Fatal(err)
	}
	return number
}

// run sends for as long as ctx lives, every now and then: by the listener to each of the people, and to the old server directly.
func (t *traffic) run(ctx context.Context) error {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	turns := []struct{ server, name string }{
		{t.w.sender.SMTP, "anna"}, {t.w.sender.SMTP, "carl"}, {t.w.old.SMTP, "bob"}, {t.w.sender.SMTP, "bob"}, {t.w.old.SMTP, "carl"}, {t.w.old.SMTP, "anna"},
	}
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		turn := turns[i%len(turns)]
		if _, _, err := t.send(context.WithoutCancel(ctx), turn.server, []string{turn.name + "@" + domain}, turn.name); err != nil {
			return err
		}
	}
}

// arrived waits until everything that was sent lies in the cloud, and demands that each message lies there once.
func (t *traffic) arrived() {
	t.w.t.Helper()
	for _, name := range slices.Sorted(maps.Keys(t.want)) {
		t.w.inCloud(name, t.want[name])
	}
}

// inCloud waits for numbered messages in a person's cloud INBOX; each must be there once.
func (w *world) inCloud(name string, numbers []string) {
	w.t.Helper()
	m := w.open(w.cloud, who(name))
	defer m.Close()
	var found map[string]int
	held := 0
	defer func() {
		if w.t.Failed() {
			w.t.Logf("numbers in the cloud for %s: %v, wanted %v", name, found, numbers)
		}
	}()
	neighbour.Wait(w.t, patience, fmt.Sprintf("all %d messages for %s in the cloud", len(numbers), name), func() bool {
		if n := m.Count("INBOX"); n != held {
			held, found = n, numbersIn(m.Read("INBOX"))
		}
		return !slices.ContainsFunc(numbers, func(n string) bool { return found[n] == 0 })
	})
	for number, times := range found {
		if times != 1 {
			w.t.Errorf("message %s for %s lies in the cloud %d times", number, name, times)
		}
	}
}

// numbersIn counts the numbered messages.
func numbersIn(messages []neighbour.Message) map[string]int {
	found := map[string]int{}
	for _, m := range messages {
		if number := m.Field(testField); number != "" {
			found[number]++
		}
	}
	return found
}

func who(name string) person {
	return people[slices.IndexFunc(people, func(p person) bool { return p.name == name })]
}

// quiet waits until the daemon has nothing left to do: every mailbox caught up since, and every delivery settled but the held ones.
func (w *world) quiet(t testing.TB, since time.Time) {
	t.Helper()
	w.daemon.until("everything to be settled", settledSince(since))
}
