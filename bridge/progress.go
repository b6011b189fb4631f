package bridge

import (
	"context"
	"errors"
	"maps"
	"sort"
	"sync"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// State is what a mailbox's worker is doing.
type State string

const (
	Waiting    State = "waiting"      // for its turn, or, where Wait says so, because a server asked to
	Copying    State = "copying"      // its backfill is not done
	Following  State = "following"    // everything found so far is settled
	Unfollowed State = "not followed" // one of its sides has no mailbox server; Error says which
	Problem    State = "problem"      // cannot go on; Error says why
)

// Progress is one mailbox at a glance.
type Progress struct {
	Mailbox cutover.MailboxID
	Objects bool // calendars and address books, rather than mail
	State   State
	Folders int
	Total   int   // items in the legacy folders when last listed; never less than Done
	Done    int   // items with a disposition
	Bytes   int64 // of the items done, as the legacy server counts
	// Kinds are the same by what they are.
	Kinds map[cutover.FolderKind]Count
	// Repaired are those among them that the cloud took only after a repair.
	Repaired int
	Skipped  []SkippedFolder
	LeftOut  []LeftOut // by folder
	HeldBack []HeldBack
	Folder   string    // being worked on
	Error    string    // the last failure, for people; empty when the last pass succeeded
	Login    bool      // the failure is a refused login
	Wait     string    // who asked to wait until Next, and how; empty when nobody did
	Next     time.Time // of the next try, after a failure, or the end of the wait
	Caught   time.Time // when last everything was settled; zero before the first time
}

// Count is how many items there are, and how many of them have a disposition.
type Count struct{ Done, Total int }

// Stuck reports whether the mailbox is not being followed now: it cannot go on, or a server asked it to wait.
func (p Progress) Stuck() bool { return p.State == Problem || p.Wait != "" }

// SkippedFolder is a legacy folder that is listed and not copied.
type SkippedFolder struct{ Path, Why string }

// progress is a Progress under its lock.
type progress struct {
	mu    sync.Mutex
	state State
	p     Progress
	begun int           // passes and rounds
	ended int           // begun when the last pass ended
	err   error         // of the last pass that ended
	news  chan struct{} // closed when a pass ends; nil while nobody waits
}

// Progress tells of every mailbox, by name.
func (b *Bridge) Progress() []Progress {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]Progress, 0, len(b.workers))
	for id, w := range b.workers {
		p := w.status.snapshot(id)
		p.Objects = b.cfg.Kinds[0].Objects()
		all = append(all, p)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Mailbox < all[j].Mailbox })
	return all
}

func (s *progress) snapshot(id cutover.MailboxID) Progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.p
	p.Mailbox, p.State, p.Kinds = id, s.state, maps.Clone(s.p.Kinds)
	for kind, c := range p.Kinds {
		c.Total = max(c.Total, c.Done)
		p.Kinds[kind] = c
	}
	p.Total = max(p.Total, p.Done) // what was deleted there since keeps its disposition
	return p
}

// following reports whether everything was settled once.
func (s *progress) following() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.p.Caught.IsZero()
}

func (s *progress) copying(folders, total int, t ledger.Tally, kinds map[cutover.FolderKind]Count, skipped []SkippedFolder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.p.Caught.IsZero() {
		s.state = Copying
	}
	s.p.Folders, s.p.Total, s.p.Kinds, s.p.Skipped = folders, total, kinds, skipped
	s.p.Done, s.p.Bytes, s.p.Repaired = 0, 0, t.Repaired
	for d, n := range t.Items {
		if counts(d) {
			s.p.Done += n
			s.p.Bytes += t.Bytes[d]
		}
	}
}

// counts reports whether items of the disposition are done: what is gone is not in the total either.
func counts(d cutover.Disposition) bool { return d.Final() && d != cutover.Gone }

func (s *progress) settled(p *pair, items []ledger.Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.p.Folder = p.Legacy.String()
	if s.p.Kinds == nil {
		s.p.Kinds = map[cutover.FolderKind]Count{}
	}
	of := s.p.Kinds[p.Kind]
	defer func() { s.p.Kinds[p.Kind] = of }()
	for _, i := range items {
		if i.Disposition != cutover.Gone {
			s.p.Done++
			of.Done++
			s.p.Bytes += i.Size
		}
		if i.Repaired() {
			s.p.Repaired++
		}
	}
}

// done counts the items with a disposition.
func (s *progress) done() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.p.Done
}

// looks is how many looks at all folders, or tries of one, began.
func (s *progress) looks() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun
}

func (s *progress) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun++
}

func (s *progress) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended, s.err = s.begun, err
	if s.news != nil {
		close(s.news)
		s.news = nil
	}
}

// wait returns the error of the pass in which the look with the number began, or of a later one, when it has ended, and the number of its last look.
func (s *progress) wait(ctx context.Context, look int) (ended int, err error) {
	for {
		s.mu.Lock()
		ended, err := s.ended, s.err
		if s.news == nil {
			s.news = make(chan struct{})
		}
		news := s.news
		s.mu.Unlock()
		if ended >= look {
			return ended, err
		}
		select {
		case <-news:
		case <-ctx.Done():
			return ended, ctx.Err()
		}
	}
}

func (s *progress) caughtUp(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.p.Caught, s.p.Error, s.p.Login, s.p.Wait, s.p.Next, s.p.Folder = Following, at, "", false, "", time.Time{}, ""
}

func (s *progress) unfollowed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.p.Error = Unfollowed, err.Error()
}

// givenUp is for a mailbox that is not tried again by itself.
func (s *progress) givenUp(err error) { s.problem(err, time.Time{}) }

func (s *progress) problem(err error, next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.p.Error, s.p.Wait, s.p.Next, s.p.Login = Problem, err.Error(), "", next, errors.Is(err, ErrLogin)
}

// waits is for a planned wait: nothing failed.
func (s *progress) waits(b *Busy, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.p.Error, s.p.Wait, s.p.Next, s.p.Login = Waiting, "", b.asks(), until, false
}

// goOn ends the wait: the mailbox is where it was before.
func (s *progress) goOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.p.Wait, s.p.Next = Following, "", time.Time{}
	if s.p.Caught.IsZero() {
		s.state = Copying
	}
}
