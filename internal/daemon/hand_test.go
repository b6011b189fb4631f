package daemon_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"posthouse/internal/control"
	"posthouse/internal/testserver"
)

// strict is a cloud that does not know Bob until it is told to.
func strict(knows *atomic.Bool) testserver.SMTPConfig {
	return testserver.SMTPConfig{Script: func(c testserver.SMTPCall) *testserver.Reply {
		if c.Stage == testserver.AtRcpt && c.Arg == "bob@example.com" && !knows.Load() {
			return testserver.Refuse(550, "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found")
		}
		return nil
	}}
}

func (b *bed) queued(f control.QueueFilter) []control.Queued {
	b.t.Helper()
	var all []control.Queued
	must(b.t, b.daemon.Queued(b.t.Context(), f, func(q control.Queued) error { all = append(all, q); return nil }))
	return all
}

// act does a deed to all deliveries that a filter selects and says what came of each.
func (b *bed) act(deed control.Deed, f control.QueueFilter) []control.Acted {
	b.t.Helper()
	for _, q := range b.queued(f) {
		deed.Deliveries = append(deed.Deliveries, q.Delivery)
	}
	var all []control.Acted
	must(b.t, b.daemon.Act(b.t.Context(), "root", deed, func(a control.Acted) error { all = append(all, a); return nil }))
	return all
}

// done is what came of a deed to one delivery, once that is not just being asked for.
func (b *bed) done(do string, f control.QueueFilter) control.Acted {
	b.t.Helper()
	var all []control.Acted
	b.eventually("an answer to "+do, func() bool {
		all = b.act(control.Deed{Do: do}, f)
		return len(all) == 1 && !strings.Contains(all[0].Error, "at this moment")
	})
	return all[0]
}

func (b *bed) trace(asked string) control.Trace {
	b.t.Helper()
	t, err := b.daemon.Trace(b.t.Context(), asked)
	must(b.t, err)
	return t
}

func (b *bed) export(capture string) []byte {
	b.t.Helper()
	var out bytes.Buffer
	must(b.t, b.daemon.Message(b.t.Context(), capture, &out))
	return out.Bytes()
}

func held(n int) func(control.Status) bool {
	return func(s control.Status) bool { return s.Queue.Held == n }
}

func TestHeldMailIsListedAndReleased(t *testing.T) {
	var knows atomic.Bool
	b := newBed(t, layout{mx: strict(&knows)})
	b.start()
	msg := b.send("hello", "x@sender.example", "bob@example.com")
	b.until("it to be held", held(1))
	all := b.queued(control.QueueFilter{})
	if len(all) != 1 || all[0].Waiting.Class != "no-mailbox" || all[0].Waiting.Remedy == "" || all[0].Waiting.To != "bob@example.com" || all[0].Waiting.State != "held" {
		t.Fatalf("%+v", all)
	}
	id := all[0].Waiting.Capture
	for name, f := range map[string]control.QueueFilter{
		"id": {Captures: []string{strings.ToLower(id[:12])}}, "class": {Classes: []string{"full", "no-mailbox"}}, "from": {From: "@sender.example"}, "to": {To: "BOB@example.com"},
		"state": {States: []string{"held"}}, "limit": {Limit: 1},
	} {
		if got := b.queued(f); len(got) != 1 {
			t.Errorf("by %s: %+v", name, got)
		}
	}
	for name, f := range map[string]control.QueueFilter{"class": {Classes: []string{"full"}}, "from": {From: "y@sender.example"}, "to": {To: "@sender.example"}, "age": {Older: time.Hour}} {
		if got := b.queued(f); len(got) != 0 {
			t.Errorf("by another %s: %+v", name, got)
		}
	}
	for want, f := range map[string]control.QueueFilter{
		`no reason "none"`: {Classes: []string{"none"}}, `no message "01ZZ" was captured`: {Captures: []string{"01ZZ"}},
	} {
		if err := b.daemon.Queued(t.Context(), f, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", f, err)
		}
	}
	if out := b.export(id[:12]); !bytes.HasSuffix(out, msg) || !bytes.Contains(out[:len(out)-len(msg)], []byte("X-Posthouse-Trace: "+id)) {
		t.Errorf("exported\n%s", out)
	}
	knows.Store(true)
	if done := b.act(control.Deed{Do: "release"}, control.QueueFilter{}); len(done) != 1 || done[0].Error != "" || done[0].State != "due" {
		t.Fatalf("%+v", done)
	}
	b.until("it to arrive", settled(1))
	b.once(b.cloud, "bob@example.com", msg)
	if done := b.act(control.Deed{Do: "release"}, control.QueueFilter{Captures: []string{id}}); len(done) != 1 || !strings.Contains(done[0].Error, "has arrived: INBOX") || done[0].Next == "" {
		t.Errorf("released once more: %+v", done)
	}
	for _, asked := range []string{id, id[:12], "<hello@sender.example>", "hello@sender.example", "bob@example.com", "X@Sender.example"} {
		found := b.trace(asked)
		if len(found.Messages) != 1 || found.Messages[0].Capture != id || found.More {
			t.Errorf("trace %s: %+v", asked, found)
			continue
		}
		story := found.Messages[0]
		var states []string
		for _, s := range story.Steps {
			states = append(states, s.State)
		}
		if !slices.Equal(states, []string{"held", "due", "accepted", "settled"}) || story.Steps[1].Act != "released by root" || !strings.Contains(story.Steps[0].Reply, "5.1.10") ||
			!strings.HasPrefix(story.Steps[3].Seen, "INBOX") || !story.Safe || !story.Kept || story.MessageID != "<hello@sender.example>" || story.SHA256 != fmt.Sprintf("%x", sha256.Sum256(msg)) {
			t.Errorf("trace %s: %+v", asked, story)
		}
	}
	if found := b.trace("nobody@example.com"); len(found.Messages) != 0 {
		t.Errorf("%+v", found)
	}
}

func TestMoveAndDrop(t *testing.T) {
	var knows atomic.Bool
	b := newBed(t, layout{mx: strict(&knows)})
	b.start()
	first, second := b.send("first", "x@sender.example", "bob@example.com", "anna@example.com"), b.send("second", "y@sender.example", "bob@example.com")
	b.until("both to be held", held(2))
	of := func(from string) control.QueueFilter { return control.QueueFilter{From: from} }
	for want, deed := range map[string]control.Deed{
		"anna@example.com has a delivery of this message already": {Do: "move", Recipient: "a.smith@example.com"},
		"is not the address of one mailbox of ours":               {Do: "move", Recipient: "x@elsewhere.example"},
		"legacy:mailbox": {Do: "move", By: "legacy:mailbox"},
		"none:smtp does not lead to bob@example.com": {Do: "move", By: "none:smtp"},
	} {
		if done := b.act(deed, of("x@sender.example")); len(done) != 1 || !strings.Contains(done[0].Error, want) {
			t.Errorf("%+v: %+v", deed, done)
		}
	}
	if done := b.act(control.Deed{Do: "move", Recipient: "carl@example.com"}, of("x@sender.example")); len(done) != 1 || done[0].Error != "" || done[0].To != "carl@example.com" {
		t.Fatalf("%+v", done)
	}
	b.until("the moved one to arrive", func(s control.Status) bool { return s.Queue.Settled == 2 })
	b.once(b.cloud, "carl@example.com", first)

	done := b.act(control.Deed{Do: "drop"}, of("y@sender.example"))
	if len(done) != 1 || done[0].State != "dropped" || !strings.Contains(done[0].Why, "dropped by root; its copy is ") {
		t.Fatalf("%+v", done)
	}
	_, path, _ := strings.Cut(done[0].Why, "its copy is ")
	if kept, err := os.ReadFile(path); err != nil || !bytes.HasSuffix(kept, second) || !bytes.Equal(kept, b.export(done[0].Capture)) {
		t.Errorf("the copy: %v\n%s", err, kept)
	}
	if s := b.status(); s.Queue.Held != 0 || s.Queue.Settled != 2 || len(s.Queue.Waiting) != 0 {
		t.Errorf("%+v", s.Queue)
	}
	if story := b.trace(done[0].Capture).Messages[0]; story.Safe || story.Deliveries[0].Waiting.State != "dropped" {
		t.Errorf("%+v", story)
	}
}

// By the other way into the same mailbox.
func TestMoveToTheMailbox(t *testing.T) {
	var knows atomic.Bool
	b := newBed(t, layout{mx: strict(&knows)})
	b.start()
	msg := b.send("hello", "x@sender.example", "bob@example.com")
	b.until("it to be held", held(1))
	if done := b.act(control.Deed{Do: "move", By: "cloud:mailbox"}, control.QueueFilter{}); len(done) != 1 || done[0].Error != "" {
		t.Fatalf("%+v", done)
	}
	b.until("it to arrive", settled(1))
	b.once(b.cloud, "bob@example.com", msg)
}

// What somebody exported and put into the mailbox by hand is not sent a second time when it is released.
func TestReleaseOfWhatIsThere(t *testing.T) {
	var knows atomic.Bool
	b := newBed(t, layout{mx: strict(&knows)})
	b.start()
	msg := b.send("hello", "x@sender.example", "bob@example.com")
	b.until("it to be held", held(1))
	if _, err := b.cloud.Deliver("bob@example.com", b.export(b.queued(control.QueueFilter{})[0].Waiting.Capture)); err != nil {
		t.Fatal(err)
	}
	knows.Store(true)
	b.act(control.Deed{Do: "release"}, control.QueueFilter{})
	b.until("it to be found", settled(1))
	b.once(b.cloud, "bob@example.com", msg)
	if n := b.mx.Accepted(); n != 0 {
		t.Errorf("the cloud's SMTP took %d", n)
	}
}

// However much waits, all of it is listed, and released in one go.
func TestManyAreReleased(t *testing.T) {
	var knows atomic.Bool
	b := newBed(t, layout{mx: strict(&knows)})
	b.start()
	const many = 120 // more than one commit takes
	for i := range many {
		b.send(fmt.Sprint("message ", i), "x@sender.example", "bob@example.com")
	}
	b.until("all to be held", held(many))
	knows.Store(true)
	done := b.act(control.Deed{Do: "release"}, control.QueueFilter{Classes: []string{"no-mailbox"}})
	if len(done) != many || slices.ContainsFunc(done, func(a control.Acted) bool { return a.Error != "" }) {
		t.Fatalf("%d: %+v", len(done), done[:1])
	}
	b.until("all to arrive", settled(many))
	if n := b.mx.Accepted(); n != many {
		t.Errorf("the cloud took %d", n)
	}
}

// What was refused as spam or virus is listed, shown and exported like what is held, and a person lets it go, by SMTP again.
func TestQuietMailInHand(t *testing.T) {
	var trusting atomic.Bool
	b := newBed(t, layout{mx: testserver.SMTPConfig{Script: func(c testserver.SMTPCall) *testserver.Reply {
		if c.Stage == testserver.AtBody && !trusting.Load() {
			return testserver.Refuse(550, "5.7.1 Message rejected as spam by Content Filtering.")
		}
		return nil
	}}})
	b.start()
	msg := b.send("hello", "x@sender.example", "bob@example.com")
	b.send("worthless", "y@sender.example", "bob@example.com")
	b.until("both to be kept", func(s control.Status) bool { return s.Queue.Quiet == 2 })
	if all := b.queued(control.QueueFilter{}); len(all) != 2 {
		t.Fatalf("%+v", all)
	}
	wanted := control.QueueFilter{Classes: []string{"spam"}, States: []string{"quiet"}, From: "x@sender.example"}
	all := b.queued(wanted)
	if len(all) != 1 || all[0].Waiting.Class != "spam" || all[0].Waiting.What == "" || !strings.Contains(all[0].Waiting.Remedy, "queue drop --reason spam") {
		t.Fatalf("%+v", all)
	}
	id := all[0].Waiting.Capture
	if !bytes.HasSuffix(b.export(id), msg) {
		t.Error("it cannot be exported")
	}
	if done := b.act(control.Deed{Do: "retry"}, wanted); !strings.Contains(done[0].Error, "is kept and goes nowhere") || done[0].Next != "posthouse queue release "+id {
		t.Errorf("%+v", done)
	}
	b.act(control.Deed{Do: "release"}, wanted)
	b.until("it to be refused again", func(s control.Status) bool { return s.Queue.Quiet == 2 && len(b.trace(id).Messages[0].Steps) == 3 })
	trusting.Store(true)
	b.act(control.Deed{Do: "release"}, wanted)
	b.until("it to arrive", settled(1))
	b.once(b.cloud, "bob@example.com", msg)
	if n := b.mx.Accepted(); n != 1 {
		t.Errorf("the cloud's SMTP took %d", n)
	}
	if done := b.act(control.Deed{Do: "drop"}, control.QueueFilter{Classes: []string{"spam"}}); len(done) != 1 || done[0].State != "dropped" {
		t.Fatalf("%+v", done)
	}
	if v := b.verify("bob@example.com")["bob@example.com"]; v.Captured != 1 || len(v.Missing) != 0 || v.Error != "" {
		t.Errorf("%+v", v)
	}
	story := b.trace(id).Messages[0]
	if step := story.Steps[0]; step.State != "quiet" || step.Class != "spam" || step.Rescued || !story.Safe {
		t.Errorf("%+v", story)
	}
	if last := story.Steps[len(story.Steps)-1]; last.State != "settled" || last.Class != "" || last.Rescued {
		t.Errorf("%+v", last)
	}
}

// A message that SMTP refused and the mailbox took is told from others.
func TestTraceOfARescue(t *testing.T) {
	b := newBed(t, layout{mx: refusing(testserver.AtBody, 552, "5.3.4 Message size exceeds fixed maximum message size")})
	b.start()
	b.send("hello", "x@sender.example", "bob@example.com")
	b.until("it to be in its mailbox", settled(1))
	story := b.trace("bob@example.com").Messages[0]
	last := story.Steps[len(story.Steps)-1]
	if !story.Safe || !last.Rescued || last.Class != "too-large" || !strings.Contains(last.Reply, "as SMTP refused it: 552 5.3.4") || last.Seen == "" {
		t.Errorf("%+v", story.Steps)
	}
	if w := story.Deliveries[0].Waiting; w.Class != "too-large" || w.Remedy != "" {
		t.Errorf("%+v", w)
	}
}
