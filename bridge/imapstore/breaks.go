package imapstore

import (
	"errors"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"posthouse/cutover"
)

// A line that is cut while a message is read looks like a server that hangs up over that message. The former is no message's fault and happens far more often: it is asked for again, in full, until the
// line has been breaking over it for longer than lines do. What go-imap cannot read is another matter: the line holds then.

// severed is an error of a connection that broke, other than by our closing it.
type severed struct{ error }

func (s severed) Unwrap() error { return s.error }

func wasCut(err error) bool {
	var s severed
	return errors.As(err, &s)
}

// breaking is what the line breaks over: a message, or, without a UID, the changes of flags in a folder.
type breaking struct {
	folder string
	uid    imap.UID
}

// Breaks remembers since when the lines to one mailbox break over what. It outlives a store that is closed and opened again.
type Breaks struct {
	patience time.Duration
	mu       sync.Mutex
	since    map[breaking]time.Time
}

// NewBreaks is for one mailbox: patience is how long the line may break over one message, or over the flags of one folder, before that is read with fewer details or passed over; 10 minutes when zero.
func NewBreaks(patience time.Duration) *Breaks {
	orInt(&patience, usualPatience)
	return &Breaks{patience: patience, since: map[breaking]time.Time{}}
}

const usualPatience = 10 * time.Minute

// endure reports whether it is to be asked for again.
func (b *Breaks) endure(f cutover.Folder, uid imap.UID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	what := breaking{f.Name, uid}
	since, before := b.since[what]
	if !before {
		b.since[what] = time.Now()
		return true
	}
	return time.Since(since) < b.patience
}

// hold notes that the line held over all of them.
func (b *Breaks) hold(f cutover.Folder, uids ...imap.UID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, uid := range uids {
		if len(b.since) == 0 {
			return
		}
		delete(b.since, breaking{f.Name, uid})
	}
}
