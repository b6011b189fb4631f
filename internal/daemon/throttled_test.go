package daemon_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"posthouse/internal/control"
	"posthouse/internal/testserver"
)

// throttling is a cloud that throttles one mailbox, has no room in another, and counts what each is asked.
type throttling struct {
	mu        sync.Mutex
	asked     map[string]int
	throttled int // appends of anna's
	full      bool
}

func (c *throttling) hook(call testserver.IMAPCall) *testserver.IMAPFault {
	c.mu.Lock()
	defer c.mu.Unlock()
	if call.Stage != testserver.Before {
		return nil
	}
	c.asked[call.User]++
	switch {
	case call.Command != "APPEND":
	case call.User == "anna@example.com" && c.throttled < 3:
		c.throttled++
		return &testserver.IMAPFault{Type: "BAD", Text: "Request is throttled. Suggested Backoff Time: 1000 milliseconds"}
	case call.User == "carl@example.com" && c.full:
		return &testserver.IMAPFault{Code: "OVERQUOTA", Text: "Quota exceeded (mailbox for user is full)"}
	}
	return nil
}

func (c *throttling) count(user string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked[user]
}

func (c *throttling) makeRoom() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.full = false
}

// What one mailbox is asked to wait for, and another has no room for, is shown with the server's words and holds up nobody else; a mailbox that waits asks for nothing, and in the end
// everything lies there once.
func TestThrottledAndFull(t *testing.T) {
	cloud := &throttling{asked: map[string]int{}, full: true}
	b := newBed(t, layout{cloud: testserver.IMAPConfig{Hook: cloud.hook, Without: []string{"MULTIAPPEND"}}})
	for i, address := range b.addresses() {
		b.fill(address, uint64(i), 40)
	}
	b.start()
	b.until("anna's wait", func(s control.Status) bool { return named(s, "anna@example.com").Wait != "" })
	s := b.until("bob's copy and carl's trouble", func(s control.Status) bool {
		return named(s, "bob@example.com").State == "following" && named(s, "carl@example.com").Error != ""
	})
	anna, carl := named(s, "anna@example.com"), named(s, "carl@example.com")
	if anna.Wait != "" && (anna.State != "waiting" || anna.Error != "" || anna.Wait != "cloud says BAD Request is throttled. Suggested Backoff Time: 1000 milliseconds" || !anna.Next.After(s.At)) {
		t.Errorf("anna: %+v", anna)
	}
	if carl.State != "problem" || !strings.Contains(carl.Error, "mailbox is full, give it more room") || !strings.Contains(carl.Error, "Quota exceeded (mailbox for user is full)") || carl.Next.IsZero() {
		t.Errorf("carl: %+v", carl)
	}
	asked := map[time.Time]int{} // by the end of the wait
	for range b.ticks(patience) {
		before := cloud.count("anna@example.com")
		m := named(b.status(), "anna@example.com")
		if m.State == "following" {
			break
		}
		if first, seen := asked[m.Next]; m.Wait != "" && seen && first != before {
			t.Errorf("anna's mailbox was asked %d times while it waited", before-first)
		} else if !seen {
			asked[m.Next] = cloud.count("anna@example.com")
		}
	}
	if !strings.Contains(b.logged.String(), "mailboxes=2 ") { // of bridge.parallel_mailboxes, 4
		t.Error("the cloud did not get half as many mailboxes")
	}
	cloud.makeRoom()
	must(t, b.daemon.Backfill(t.Context(), nil, func(control.Backfilled) error { return nil }))
	b.until("the copy", copied)
	for address, v := range b.verify() {
		if len(v.Missing)+len(v.Extra) != 0 || v.Error != "" || v.Equal != 40 {
			t.Errorf("verified %s: %+v", address, v)
		}
	}
}

func named(s control.Status, address string) control.Mailbox {
	for _, m := range s.Mailboxes {
		if m.Address == address {
			return m
		}
	}
	return control.Mailbox{}
}
