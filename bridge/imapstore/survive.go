package imapstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/emersion/go-imap/v2"

	"posthouse/bridge"
	"posthouse/cutover"
)

// survival works through a set of messages with commands that one message may break: go-imap gives up a connection over nearly any surprise in a
// response. What is left after a break goes on over a new connection; a message that breaks it alone, again and again, while the connection
// is otherwise sound, is to blame, and the others go on without it.
type survival struct {
	store *Store
	link  *link
	f     cutover.Folder
	// try fetches the messages and returns those that it did not get.
	try func(at *live, uids []imap.UID) (left []imap.UID, err error)
	// tries is how often a message may break the connection alone.
	tries int
	// enduring: a line that breaks over one message is no fault of it, for a while, and ends the whole.
	enduring bool
	// limit is how many culprits are sorted out before all the rest counts as bad too; 0 is no limit.
	limit int

	failures map[imap.UID]int
	bad      map[imap.UID]error
	missing  []imap.UID // the server completed the command without them
}

// uidsPerCommand keeps a command within the 10,240 octets that on-site Exchange takes.
const uidsPerCommand = 700

func (v *survival) run(ctx context.Context, uids []imap.UID) error {
	v.failures, v.bad = map[imap.UID]int{}, map[imap.UID]error{}
	work := slices.Collect(slices.Chunk(uids, uidsPerCommand))
	for len(work) > 0 {
		set := work[len(work)-1]
		work = work[:len(work)-1]
		if v.limit > 0 && len(v.bad) >= v.limit {
			v.condemn(set)
			continue
		}
		left, err := v.attempt(ctx, set)
		if fatal := v.fatal(ctx, err); fatal != nil {
			return fatal
		}
		switch {
		case err == nil:
			v.missing = append(v.missing, left...)
			v.store.o.Breaks.hold(v.f, set...)
		case len(left) == 1 && len(set) == 1:
			if err := v.suspect(ctx, left[0], err); err != nil {
				return err
			}
			if v.bad[left[0]] == nil {
				work = append(work, left)
			}
		case len(left) == len(set):
			work = append(work, left[1:], left[:1])
		case len(left) > 0:
			work = append(work, left)
		}
	}
	return nil
}

func (v *survival) condemn(uids []imap.UID) {
	for _, uid := range uids {
		v.bad[uid] = errors.New("not tried after others failed")
	}
}

// fatal picks out the errors that are no message's fault.
func (v *survival) fatal(ctx context.Context, err error) error {
	var ours localError
	var unconnected connectError
	said, ok := answered(err)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &unconnected), errors.As(err, &ours), errors.Is(err, bridge.ErrGone), errors.Is(err, bridge.ErrBusy), v.store.isClosed():
		return v.store.classify(err)
	case ok && said.everybody():
		return v.store.classify(err)
	}
	return nil
}

// suspect notes that a message failed alone, and makes sure that it is to blame: the connection works for everything else.
func (v *survival) suspect(ctx context.Context, uid imap.UID, cause error) error {
	if v.enduring && wasCut(cause) && v.store.o.Breaks.endure(v.f, uid) {
		return v.store.classify(cause)
	}
	v.failures[uid]++
	_, refused := answered(cause)
	if !refused && v.failures[uid] < v.tries {
		return nil
	}
	if !refused {
		if err := v.sound(ctx); err != nil {
			return err
		}
	}
	v.store.o.Log.WithError(cause).WithField("item", fmt.Sprintf("%s %d", v.f.Path, uid)).Warn("the server's answer for an item cannot be read")
	v.bad[uid] = cause
	return nil
}

func (v *survival) sound(ctx context.Context) error {
	return v.link.do(ctx, func(at *live) error {
		_, err := at.examine(v.f)
		return err
	})
}

// attempt tries once, and once more when it was only that an idle connection had been lost.
func (v *survival) attempt(ctx context.Context, uids []imap.UID) (left []imap.UID, err error) {
	if err := v.link.take(ctx); err != nil {
		return uids, err
	}
	defer v.link.give()
	for {
		at, err := v.link.open(ctx)
		if err != nil {
			return uids, err
		}
		reused := at.used
		left, err := v.tryOn(ctx, at, uids)
		var unconnected connectError
		if !reused || v.link.live != nil || !errors.As(err, &unconnected) {
			return left, err
		}
	}
}

func (v *survival) tryOn(ctx context.Context, at *live, uids []imap.UID) (left []imap.UID, err error) {
	left = uids
	err = v.link.run(ctx, at, func(at *live) error {
		if err := v.enter(at, uids); err != nil {
			return connectError{err}
		}
		var err error
		left, err = v.try(at, uids)
		return err
	})
	return left, err
}

// enter opens the folder unless it is open and shows the messages. References of another era would name other messages.
func (v *survival) enter(at *live, uids []imap.UID) error {
	seen, followed := v.store.glanceOf(v.f)
	stale := followed && seen.validity != at.view.validity
	if !stale && at.shows(v.f, slices.Max(uids)) {
		return nil
	}
	if _, err := at.examine(v.f); err != nil {
		return err
	}
	if followed && seen.validity != at.view.validity {
		return keepOpen{fmt.Errorf("%w: UIDVALIDITY changed from %d to %d", bridge.ErrConnection, seen.validity, at.view.validity)}
	}
	return nil
}

// without returns the uids that are not among the records.
func without(uids []imap.UID, found map[imap.UID]*record, counts func(*record) bool) []imap.UID {
	return slices.DeleteFunc(slices.Clone(uids), func(uid imap.UID) bool {
		r := found[uid]
		return r != nil && counts(r)
	})
}

func setOf(uids []imap.UID) imap.UIDSet { return imap.UIDSetNum(uids...) }
