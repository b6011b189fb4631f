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

var wholeBody = &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}}

// Fetch reads all bodies with one command, and what a broken connection left over with another. It uses a connection of its own. A few bodies, and all where no
// further connection can be had, are read over that of the other methods, which is given back before they are told of.
func (s *Store) Fetch(ctx context.Context, f cutover.Folder, refs []cutover.Ref, got func(bridge.Fetched) error) error {
	job := fetching{store: s, got: got}
	uids, err := job.accept(refs)
	if err != nil || len(uids) == 0 {
		return err
	}
	if len(uids) > fewBodies || s.reader.connected() {
		err = job.run(ctx, s.reader, f, uids)
	} else {
		err = errNoRoom
	}
	if errors.Is(err, errNoRoom) {
		err = job.shared(ctx, f, job.open(uids))
	}
	if job.stop != nil {
		return job.stop
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", f.Path, err)
	}
	return nil
}

// fewBodies are not worth a connection of their own, and may lie in memory or files until they are told of.
const fewBodies = 8

// shared reads a few bodies at a time over the control connection.
func (j *fetching) shared(ctx context.Context, f cutover.Folder, uids []imap.UID) error {
	for chunk := range slices.Chunk(uids, fewBodies) {
		if err := ctx.Err(); err != nil {
			return err
		}
		var kept []bridge.Fetched
		collect := fetching{store: j.store, told: map[imap.UID]bool{}, got: func(one bridge.Fetched) error {
			kept = append(kept, one)
			return nil
		}}
		err := collect.run(ctx, j.store.control, f, chunk)
		for _, one := range kept {
			if ctx.Err() != nil {
				discard(&record{body: one.Content})
				err = ctx.Err()
				continue
			}
			uid, _ := uidOf(one.Ref) // it was made of one
			if stop := j.tell(uid, one.Content, one.Err); stop != nil {
				err = stop
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fetching is one Fetch under way.
type fetching struct {
	store *Store
	got   func(bridge.Fetched) error
	told  map[imap.UID]bool
	stop  error // of got
}

// accept reads the references; one that is no UID cannot exist.
func (j *fetching) accept(refs []cutover.Ref) ([]imap.UID, error) {
	j.told = make(map[imap.UID]bool, len(refs))
	uids := make([]imap.UID, 0, len(refs))
	for _, ref := range refs {
		uid, err := uidOf(ref)
		if err != nil {
			if err := j.got(bridge.Fetched{Ref: ref, Err: fmt.Errorf("%w: %w", bridge.ErrGone, err)}); err != nil {
				return nil, err
			}
			continue
		}
		uids = append(uids, uid)
	}
	slices.Sort(uids)
	return slices.Compact(uids), nil
}

// open returns those not told of yet.
func (j *fetching) open(uids []imap.UID) []imap.UID {
	return slices.DeleteFunc(slices.Clone(uids), func(uid imap.UID) bool { return j.told[uid] })
}

func (j *fetching) run(ctx context.Context, l *link, f cutover.Folder, uids []imap.UID) error {
	v := survival{store: j.store, link: l, f: f, try: j.try, tries: 2}
	if err := v.run(ctx, uids); err != nil {
		return err
	}
	if len(v.missing) > 0 {
		if err := j.explain(ctx, l, f, v.missing); err != nil {
			return err
		}
	}
	for uid, err := range v.bad {
		if err := j.tell(uid, nil, fmt.Errorf("%s %d: %w", f.Path, uid, err)); err != nil {
			return err
		}
	}
	return nil
}

func (j *fetching) try(at *live, uids []imap.UID) ([]imap.UID, error) {
	rs := records{at: at, body: j.store.o.keep, done: func(r *record) error { return j.tell(r.uid, r.body, r.err) }}
	err := rs.fetch(setOf(uids), wholeBody)
	if j.stop != nil {
		return nil, localError{j.stop}
	}
	return j.open(uids), err
}

func (j *fetching) tell(uid imap.UID, body bridge.Content, err error) error {
	if j.told[uid] || j.stop != nil {
		discard(&record{body: body})
		return j.stop
	}
	j.told[uid] = true
	j.stop = j.got(bridge.Fetched{Ref: refOf(uid), Content: body, Err: err})
	return j.stop
}

// explain tells of messages that the server passed over: either they are gone, or it keeps something from us, which a second try may bring.
func (j *fetching) explain(ctx context.Context, l *link, f cutover.Folder, missing []imap.UID) error {
	there, err := existing(ctx, l, f, setOf(missing))
	if err != nil {
		return err
	}
	again := survival{store: j.store, link: l, f: f, try: j.try, tries: 2}
	if err := again.run(ctx, there); err != nil {
		return err
	}
	for _, uid := range j.open(missing) {
		reason := bridge.ErrGone
		if slices.Contains(there, uid) {
			reason = errSilent
		}
		if bad := again.bad[uid]; bad != nil {
			reason = bad
		}
		if err := j.tell(uid, nil, fmt.Errorf("%s %d: %w", f.Path, uid, reason)); err != nil {
			return err
		}
	}
	return nil
}

// existing returns which messages of the set are in the folder now, by rising UID.
func existing(ctx context.Context, l *link, f cutover.Folder, set imap.UIDSet) ([]imap.UID, error) {
	return listed(ctx, l, f, set, func(*live) bool { return false })
}

// listed does the same, and does not look anew where the view will do.
func listed(ctx context.Context, l *link, f cutover.Folder, set imap.UIDSet, will func(*live) bool) ([]imap.UID, error) {
	var uids []imap.UID
	err := l.do(ctx, func(at *live) error {
		if !will(at) {
			if _, err := at.examine(f); err != nil {
				return err
			}
		}
		var err error
		uids, err = at.search(&imap.SearchCriteria{UID: []imap.UIDSet{set}})
		return err
	})
	return uids, err
}
