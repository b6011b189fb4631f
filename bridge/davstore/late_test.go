package davstore_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"

	"posthouse/bridge"
	"posthouse/bridge/storetest"
	"posthouse/cutover"
	"posthouse/internal/testserver"
	"posthouse/ledger"
)

// hooked is a ledger around whose writes something happens.
type hooked struct {
	bridge.Ledger
	intended, forgot func()
	settles          func(rows []ledger.Item) error
}

func (h *hooked) Intend(ctx context.Context, items []ledger.Item) ([]ledger.Item, error) {
	rows, err := h.Ledger.Intend(ctx, items)
	if h.intended != nil {
		h.intended()
	}
	return rows, err
}

func (h *hooked) Forget(ctx context.Context, ids []ledger.ItemID) error {
	err := h.Ledger.Forget(ctx, ids)
	if h.forgot != nil {
		h.forgot()
	}
	return err
}

func (h *hooked) Settle(ctx context.Context, f ledger.FolderID, items []ledger.Item, cursor *ledger.Cursor) ([]ledger.Item, error) {
	if h.settles != nil {
		if err := h.settles(items); err != nil {
			return nil, err
		}
	}
	return h.Ledger.Settle(ctx, f, items, cursor)
}

// through makes the next process write through h.
func (k *kill) through(h *hooked) {
	k.of = func(l bridge.Ledger) bridge.Ledger { h.Ledger = l; return h }
	k.again()
}

// newLate has copied some items, beside which others come.
func newLate(t *testing.T) *kill {
	k := &kill{deleting(t, 10, testserver.DAVConfig{}, testserver.DAVConfig{})}
	for _, uid := range []string{"a", "b", "c"} {
		k.change(uid, "first")
	}
	k.follow()
	return k
}

// copied dies before the row of a copy is written.
func copied(rows []ledger.Item) error {
	for _, row := range rows {
		if row.Disposition == cutover.Copied {
			return storetest.ErrKilled
		}
	}
	return nil
}

// An item that is changed after its row was intended and before it is put is ours as it was put, though the process dies then: its next change follows, and so does its deletion.
func TestChangedWhileItIsPut(t *testing.T) {
	for _, what := range []string{"changed", "deleted"} {
		t.Run(what, func(t *testing.T) {
			k := newLate(t)
			k.forgets = true
			k.change("it", "first")
			k.through(&hooked{intended: func() { k.change("it", "second") }, settles: copied})
			_ = k.try()
			if _, raw := k.cloud(home, "UID:it\r"); !bytes.Contains(raw, []byte("second")) {
				t.Fatalf("%q", raw)
			}
			if k.removes("it"); what == "changed" {
				k.change("it", "third")
			}
			k.of = nil
			k.again()
			k.follow()
			if _, raw := k.cloud(home, "UID:it\r"); what == "changed" && !bytes.Contains(raw, []byte("third")) || what == "deleted" && raw != nil {
				t.Errorf("%q, %+v", raw, k.row("it"))
			}
		})
	}
}

// A copy that comes after the settle time is ours all the same.
func TestCopyThatComesLate(t *testing.T) {
	for name, owner := range map[string]string{"as it was put": "", "changed by its owner": "the user's"} {
		t.Run(name, func(t *testing.T) {
			k := newLate(t)
			k.change("it", "first")
			k.newVia = noPut{}
			k.through(&hooked{})
			_ = k.try()
			if row := k.row("it"); row.Disposition != cutover.Intended {
				t.Fatalf("%+v", row)
			}
			k.newVia = nil
			k.change("it", "second")
			late := "first"
			if owner != "" {
				late = owner
			}
			k.through(&hooked{forgot: func() { k.new.Put("anna", home, "late", meeting("it", "SUMMARY:"+late)) }})
			k.follow()
			k.follow()
			want := "second"
			if owner != "" {
				want = owner
			}
			if _, raw := k.cloud(home, "UID:it\r"); !bytes.Contains(raw, []byte(want)) {
				t.Errorf("%q", raw)
			}
			if row := k.row("it"); row.Disposition != cutover.Copied {
				t.Errorf("%+v", row)
			}
			k.removes("it")
			k.follow()
			if _, raw := k.cloud(home, "UID:it\r"); (raw != nil) != (owner != "") {
				t.Errorf("deleted on the old side: %q, %+v", raw, k.row("it"))
			}
		})
	}
}

// noPut is a way on which nothing arrives that is put.
type noPut struct{}

func (noPut) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut {
		return nil, storetest.ErrKilled
	}
	return http.DefaultTransport.RoundTrip(r)
}

// What lies in the cloud already and says something else is its owner's: what is changed on the old side then does not replace it.
func TestOtherVersionOfBefore(t *testing.T) {
	k := newLate(t)
	k.new.Put("anna", home, "same", meeting("same", "SUMMARY:first"))
	k.new.Put("anna", home, "other", meeting("other", "SUMMARY:the user's"))
	k.change("same", "first")
	k.change("other", "first")
	k.follow()
	k.change("same", "second")
	k.change("other", "second")
	k.follow()
	for uid, want := range map[string]string{"same": "second", "other": "the user's"} {
		if _, raw := k.cloud(home, "UID:"+uid+"\r"); !bytes.Contains(raw, []byte(want)) {
			t.Errorf("%s is %q, want %s", uid, raw, want)
		}
	}
	if row := k.row("other"); !strings.HasPrefix(row.Note, bridge.ConflictNote) {
		t.Errorf("%+v", row)
	}
}
