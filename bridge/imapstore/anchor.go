package imapstore

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"

	"posthouse/bridge"
	"posthouse/cutover"
)

// anchor is the newest message that was yielded. A server that was restored from a backup gives its UID to another one, and once as many have arrived as were lost, nothing but that tells:
// UIDNEXT is not below the cursor any more, and what lies below it would never be looked at. It costs nothing: it is asked for together with the news. Where nothing
// is new, and the server does not count changes, it is looked at before each poll of the flags.
type anchor struct {
	uid imap.UID
	key cutover.Key
}

// String is "UID:key"; the zero anchor is empty.
func (a anchor) String() string {
	if a.uid == 0 {
		return ""
	}
	return fmt.Sprintf("%d:%s", a.uid, a.key)
}

func parseAnchor(text string) (a anchor, err error) {
	number, key, _ := strings.Cut(text, ":")
	uid, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return a, err
	}
	a.uid = imap.UID(uid)
	if n, err := hex.Decode(a.key[:], []byte(key[:min(len(key), 2*len(a.key))])); err != nil || n != len(a.key) {
		return a, fmt.Errorf("anchor %q: not a key", text)
	}
	return a, nil
}

// errRestored: the anchor's UID was given to another message.
var errRestored = errors.New("the folder was restored from a backup")

// hold makes the newest of the items the anchor, if it is newer and tells who it is.
func (a *anchor) hold(items []cutover.Item) {
	for _, item := range items {
		uid, err := uidOf(item.Ref)
		if key := item.Identity.Match(); err == nil && uid > a.uid && !key.IsZero() {
			*a = anchor{uid, key}
		}
	}
}

// check is errRestored where one of the items has the anchor's UID and is another message. It returns the others.
func (a anchor) check(items []cutover.Item) ([]cutover.Item, error) {
	for i, item := range items {
		if item.Ref != refOf(a.uid) {
			continue
		}
		if key := item.Identity.Match(); !key.IsZero() && key != a.key {
			return nil, errRestored
		}
		return append(items[:i:i], items[i+1:]...), nil
	}
	return items, nil
}

// checkAmong reads the anchor if its flags are among those that changed: a message that came in the place of another counts as changed.
func (s *following) checkAmong(ctx context.Context, found []*record) error {
	if !slices.ContainsFunc(found, func(r *record) bool { return r.uid == s.at.anchor.uid }) {
		return nil
	}
	return s.checkAnchor(ctx)
}

// checkAnchor reads the anchor by itself.
func (s *following) checkAnchor(ctx context.Context) error {
	if s.at.anchor.uid == 0 {
		return nil
	}
	items, err := s.store.items(ctx, s.f, []imap.UID{s.at.anchor.uid})
	if err == nil {
		_, err = s.at.anchor.check(items)
	}
	return err
}

// restored begins anew.
func (s *following) restored(ctx context.Context) error {
	s.store.o.Log.WithField("folder", s.f.Path.String()).Warn("the folder was restored from a backup: everything in it is matched again")
	*s.at = cursor{validity: s.now.validity, start: s.now.next, modseq: s.now.modseq}
	*s.batch = bridge.Batch{Validity: s.batch.Validity, Left: -1, Reset: true}
	return s.run(ctx)
}
