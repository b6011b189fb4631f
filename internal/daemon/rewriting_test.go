package daemon_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/internal/control"
	"posthouse/internal/testserver"
	"posthouse/internal/testserver/corpus"
)

// rewrites is a server of the worst habits; forgets adds that our trace does not survive.
func rewrites(tag string) testserver.Rendering {
	return testserver.Rendering{Body: true, Subject: tag, MessageID: true, Date: true}
}

func forgets(tag string) testserver.Rendering {
	r := rewrites(tag)
	r.Drop = []string{cutover.TraceField}
	return r
}

// A cloud, an old server, or both render mail anew, tag subjects, invent what is missing and lie about sizes. All that happens in a cutover happens: what lies there is copied, mail
// comes by the listener and directly, users move and mark, the daemon is stopped short again and again, replies are lost. In the end the cloud holds what the old server holds.
func TestServersThatRewrite(t *testing.T) {
	const legacyTag, cloudTag = "[EXTERN] ", "[EXTERNAL] "
	exact := testserver.Rendering{}
	for name, test := range map[string]struct{ legacy, cloud testserver.Rendering }{
		"the cloud":                                       {exact, rewrites(cloudTag)},
		"the cloud, and the trace is lost":                {exact, forgets(cloudTag)},
		"the old server":                                  {rewrites(legacyTag), exact},
		"the old server, and the trace is lost":           {forgets(legacyTag), exact},
		"both":                                            {rewrites(legacyTag), rewrites(cloudTag)},
		"both, and the trace is lost on both":             {forgets(legacyTag), forgets(cloudTag)},
		"both, and the trace is lost in the cloud":        {rewrites(legacyTag), forgets(cloudTag)},
		"both, and the trace is lost on the old server":   {forgets(legacyTag), rewrites(cloudTag)},
		"neither, and the trace is lost in the cloud":     {exact, testserver.Rendering{Drop: []string{cutover.TraceField}}},
		"neither, and the trace is lost everywhere":       {testserver.Rendering{Drop: []string{cutover.TraceField}}, testserver.Rendering{Drop: []string{cutover.TraceField}}},
		"neither, and the old server invents what it can": {testserver.Rendering{MessageID: true, Date: true}, exact},
	} {
		for _, way := range []string{"smtp", "mailbox"} {
			t.Run(name+", by "+way, func(t *testing.T) {
				t.Parallel()
				newStory(t, test.legacy, test.cloud, way).play()
			})
		}
	}
}

const (
	me   = "anna@example.com"
	mark = "X-Mark" // tells messages apart, whatever else becomes of them
)

// story is one cutover with servers that rewrite.
type story struct {
	*bed
	random *rand.Rand
	faults *lots
	marks  map[string]string // by message
	next   int               // mark
	teed   []string          // marks of what the listener took and the old server is to get a copy of
	alone  []string          // and of what it is not to get: it has our trace
}

// seedOf is printed, and can be given again.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano()) % 1_000_000
	if given, err := strconv.ParseUint(os.Getenv("POSTHOUSE_SEED"), 10, 64); err == nil {
		seed = given
	}
	t.Logf("POSTHOUSE_SEED=%d", seed)
	return seed
}

func newStory(t *testing.T, legacy, cloud testserver.Rendering, way string) *story {
	s := &story{marks: map[string]string{}}
	seed := seedOf(t)
	s.random = rand.New(rand.NewPCG(seed, 1))
	faults := newLots(seed)
	s.faults = faults
	s.bed = newBed(t, layout{
		mailboxes: me + ",a.smith@example.com,person,cloud\n",
		to:        "to = [\"home:" + way + "\"]\ntee = true",
		legacy:    testserver.IMAPConfig{Delivered: legacy, Appended: legacy, EstimateSize: legacy.Body},
		cloud: testserver.IMAPConfig{Delivered: cloud, Appended: cloud, EstimateSize: cloud.Body, Hook: func(c testserver.IMAPCall) *testserver.IMAPFault {
			if c.Command == "APPEND" && c.Stage == testserver.After && faults.draw(40) {
				return &testserver.IMAPFault{Drop: true} // it is there, and nobody is told
			}
			return nil
		}},
		mx: testserver.SMTPConfig{Script: func(c testserver.SMTPCall) *testserver.Reply {
			if c.Stage == testserver.AtBody && faults.draw(5) {
				return &testserver.Reply{Accept: true, Drop: true}
			}
			return nil
		}},
	})
	return s
}

func (s *story) play() {
	g := corpus.New(s.random.Uint64())
	g.MaxSize, g.Language, g.Owner = 32<<10, "en", corpus.Address{Name: "Anna", Addr: me}
	must(s.t, s.legacy.Fill(me, s.marked(g.Mailbox(120))))
	s.toMyself()
	for range 3 {
		s.lives(func() {
			for range 3 {
				s.captured(s.fresh(g.Next().Bytes))
				s.direct(s.fresh(g.Next().Bytes))
			}
			s.twins()
			s.nameless()
			s.moves()
		})
	}
	s.faults.stop()
	s.start()
	s.replays()
	s.soon("everything to be settled", func(st control.Status) bool {
		q := st.Queue
		return q.Due+q.Sending+q.InDoubt+q.Accepted+q.Held == 0
	})
	s.eventually("every tee to arrive", func() bool {
		old := s.held(s.legacy)
		return !slices.ContainsFunc(s.teed, func(n string) bool { return old[n+" in INBOX"] == 0 })
	})
	s.again()
	s.equal()
	v := s.verify(me)[me]
	if len(v.Missing)+len(v.Extra)+len(v.Removed)+len(v.Altered) > 0 || v.Error != "" || v.Equal != s.count(s.legacy) {
		s.t.Errorf("verify, of %d messages: %+v", s.count(s.legacy), v)
	}
}

// start is the bed's, but that other stories' daemons may run meanwhile.
func (s *story) start() {
	s.t.Helper()
	s.daemon = s.new()
	must(s.t, s.daemon.Start(s.t.Context()))
	s.t.Cleanup(func() { s.end(patience) })
}

// end stops the daemon within a time, in order or not.
func (s *story) end(within time.Duration) {
	if s.daemon == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	_ = s.daemon.Stop(ctx)
	s.daemon = nil
}

// soon is until with less patience: a test of many rows is not to wait for ever in each of them.
func (s *story) soon(what string, ok func(control.Status) bool) {
	s.t.Helper()
	var st control.Status
	for range s.ticks(90 * time.Second) {
		if st = s.status(); ok(st) {
			return
		}
	}
	s.t.Errorf("waited in vain: %s: %+v", what, st.Queue)
}

// lives starts the daemon, lets things happen, and stops it short.
func (s *story) lives(happens func()) {
	s.start()
	happens()
	for range s.random.IntN(10) {
		s.status() // a moment
	}
	s.end(time.Duration(s.random.IntN(30)) * time.Millisecond)
}

// marked gives every message a mark.
func (s *story) marked(folders []corpus.Folder) []corpus.Folder {
	for _, f := range folders {
		for i, m := range f.Messages {
			f.Messages[i].Bytes = s.fresh(m.Bytes)
		}
	}
	return folders
}

func (s *story) newMark() string {
	s.next++
	return fmt.Sprint(s.next)
}

// captured sends a message to the listener.
func (s *story) captured(message []byte) {
	s.t.Helper()
	if n := markOf(message); bytes.Contains(message, []byte(cutover.TraceField)) && !bytes.Contains(message, []byte("forged")) {
		s.alone = append(s.alone, n)
	} else {
		s.teed = append(s.teed, n)
	}
	result, err := s.sender.Send(s.t.Context(), s.listener(), "x@sender.example", []string{me}, message)
	if err != nil || !result.Final.OK() {
		s.t.Fatalf("sending: %v, %v", result, err)
	}
}

// direct brings a message to the old server past the listener.
func (s *story) direct(message []byte) {
	s.t.Helper()
	_, err := s.legacy.Deliver(me, message)
	must(s.t, err)
}

// fresh gives a message a mark of its own; equal messages share it, as nothing tells one from the other.
func (s *story) fresh(message []byte) []byte {
	n, have := s.marks[string(message)]
	if !have {
		n = s.newMark()
		s.marks[string(message)] = n
	}
	return slices.Concat([]byte(mark+": "+n+"\r\n"), message)
}

// toMyself is mail to oneself, and mail with oneself in Cc: one lies in Sent, one was received.
func (s *story) toMyself() {
	for _, header := range []string{"From: <" + me + ">\r\nTo: <" + me + ">\r\n", "From: <" + me + ">\r\nTo: <x@sender.example>\r\nCc: <" + me + ">\r\n"} {
		m := s.fresh([]byte(header + "Subject: to myself\r\nMessage-ID: <" + s.newMark() + "@example.com>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\nnote\r\n"))
		for _, folder := range []string{"INBOX", "Sent Items"} {
			_, err := s.legacy.Append(me, folder, m, []string{`\Seen`}, time.Time{})
			must(s.t, err)
		}
	}
}

// twins are different messages with one Message-ID, and the same message more than once, by both ways.
func (s *story) twins() {
	one := s.newMark()
	for _, body := range []string{"first", "second", "third", "fourth"} {
		m := s.fresh(fmt.Appendf(nil, "From: <x@sender.example>\r\nTo: <%s>\r\nSubject: twins\r\nMessage-ID: <%s@sender.example>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\nthe %s\r\n", me, one, body))
		if body == "first" || body == "third" {
			s.captured(m)
		} else {
			s.direct(m)
		}
	}
	same := s.fresh(message("the same "+one, "x@sender.example", me))
	s.captured(same)
	s.captured(slices.Concat([]byte("Received: from elsewhere\r\n"), same)) // or it would be a repeated transaction
	s.direct(same)
}

// nameless is mail without Message-ID, Date or both: one says what the other says.
func (s *story) nameless() {
	for _, header := range []string{"", "Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n", "Message-ID: <" + s.newMark() + "@sender.example>\r\n"} {
		for _, body := range []string{"alarm", "end of alarm"} {
			m := fmt.Appendf(nil, "From: <x@sender.example>\r\nTo: <%s>\r\nSubject: alarm\r\n%s\r\n%s %s\r\n", me, header, body, s.newMark())
			s.captured(s.fresh(m))
			s.direct(s.fresh(slices.Concat(m, []byte("more\r\n"))))
		}
	}
}

// moves are what the user does on the old side with what was copied.
func (s *story) moves() {
	folders, err := s.legacy.Dump(me)
	must(s.t, err)
	for _, f := range folders {
		if f.Path != "Archive" && f.Path != "Projects/R&D" || len(f.Messages) == 0 {
			continue
		}
		m := f.Messages[s.random.IntN(len(f.Messages))]
		must(s.t, s.legacy.SetFlags(me, f.Path, m.UID, `\Seen`, `\Flagged`))
		_, err := s.legacy.Move(me, f.Path, m.UID, "Archive/2019")
		must(s.t, err)
	}
}

// replays are messages with a trace that is not theirs: one that was true once, and one that never was.
func (s *story) replays() {
	letter := s.fresh(message("replayed", "x@sender.example", me))
	s.captured(letter)
	var trace string
	s.eventually("a tee", func() bool {
		for _, e := range s.old.Received() {
			if rest, found := bytes.CutSuffix(e.Data, letter); found {
				trace = string(rest[bytes.Index(rest, []byte(cutover.TraceField)):])
			}
		}
		return trace != ""
	})
	forged := cutover.TraceField + ": 01JD9F3K7Q0000000000000000.forgedAAAAAAAAAAAAAAAAAAAAAA\r\n"
	for _, t := range []string{trace, forged} {
		other := message("another "+s.newMark(), "x@sender.example", me)
		without := fmt.Appendf(nil, "From: <y@sender.example>\r\nTo: <%s>\r\nSubject: without\r\n\r\n%s\r\n", me, s.newMark())
		altered := bytes.Replace(message("replayed", "x@sender.example", me), []byte("This is"), []byte("This was "+s.newMark()), 1)
		for _, m := range [][]byte{other, without, altered} {
			s.direct(slices.Concat([]byte(t), s.fresh(m)))
			if t == trace && &m[0] == &altered[0] {
				continue // by the listener that is the first one come back, with a footer for all we know
			}
			s.captured(slices.Concat([]byte(t), s.fresh(slices.Concat(m, []byte("by the listener\r\n")))))
		}
	}
}

func markOf(message []byte) string {
	_, rest, _ := bytes.Cut(message, []byte(mark+": "))
	n, _, _ := bytes.Cut(rest, []byte("\r\n"))
	return string(n)
}

// held is how often each mark lies in each folder of a side.
func (s *story) held(server *testserver.IMAP) map[string]int {
	s.t.Helper()
	folders, err := server.Dump(me)
	must(s.t, err)
	found := map[string]int{}
	for _, f := range folders {
		name := f.Use
		if name == "" {
			name = strings.ReplaceAll(f.Path, "%", "_")
		}
		for _, m := range f.Messages {
			data, err := server.Bytes(me, f.Path, m.UID)
			must(s.t, err)
			found[markOf(data)+" in "+name]++
		}
	}
	return found
}

func (s *story) count(server *testserver.IMAP) (n int) {
	for _, times := range s.held(server) {
		n += times
	}
	return n
}

// equal demands that each message lies in the cloud where, and as often as, it lies on the old server.
func (s *story) equal() {
	s.t.Helper()
	old, now := s.held(s.legacy), s.held(s.cloud)
	for _, n := range s.alone {
		old[n+" in INBOX"]++
	}
	all := maps.Clone(old)
	maps.Copy(all, now)
	for _, m := range slices.Sorted(maps.Keys(all)) {
		if old[m] != now[m] {
			s.t.Errorf("%s: %d times on the old server, %d times in the cloud", m, old[m], now[m])
			s.show(m)
		}
	}
}

// show logs the copies of one message.
func (s *story) show(marked string) {
	n, _, _ := strings.Cut(marked, " in ")
	for side, server := range map[string]*testserver.IMAP{"old server": s.legacy, "cloud": s.cloud} {
		folders, _ := server.Dump(me)
		for _, f := range folders {
			for _, m := range f.Messages {
				if data, _ := server.Bytes(me, f.Path, m.UID); bytes.Contains(data, []byte(mark+": "+n+"\r\n")) {
					s.t.Logf("%s, %s %d, %s: %.1500q", side, f.Path, m.UID, m.Internal, data)
				}
			}
		}
	}
}

// lots draws lots for faults, from many goroutines.
type lots struct {
	mu     sync.Mutex
	random *rand.Rand
	over   bool
}

func newLots(seed uint64) *lots { return &lots{random: rand.New(rand.NewPCG(seed, 2))} }

// draw is true once in n times.
func (l *lots) draw(n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.over && l.random.IntN(n) == 0
}

// stop ends the faults.
func (l *lots) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
}
