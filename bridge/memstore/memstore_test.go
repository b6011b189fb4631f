package memstore_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
)

var inbox = cutover.FolderPath{"INBOX"}

func message(id string) memstore.Message {
	return memstore.Message{Raw: []byte("Message-ID: <" + id + ">\r\nDate: Mon, 2 Nov 2026 10:00:00 +0100\r\nFrom: a@example.com\r\n\r\nbody " + id + "\r\n")}
}

func put(t *testing.T, s *memstore.Store, count int) (outcomes map[int]error, err error) {
	t.Helper()
	outcomes = map[int]error{}
	var items []bridge.PutItem
	for i := range count {
		items = append(items, bridge.PutItem{ID: i, Content: memstore.NewContent(message(string(rune('a' + i))).Raw)})
	}
	f, ensureErr := s.EnsureFolder(t.Context(), cutover.Folder{Path: inbox, Role: cutover.Inbox})
	if ensureErr != nil {
		t.Fatal(ensureErr)
	}
	err = s.Put(t.Context(), f, slices.Values(items), func(o bridge.Outcome) { outcomes[o.ID] = o.Err })
	return outcomes, err
}

func TestPutFaults(t *testing.T) {
	cases := []struct {
		name         string
		op           string
		err          error
		told, stored int
		outcome      error
		put          error
	}{
		{"refused", memstore.OpPut, bridge.ErrRefused, 3, 2, bridge.ErrRefused, nil},
		{"busy", memstore.OpPut, bridge.ErrBusy, 3, 2, bridge.ErrBusy, nil},
		{"unknown and not stored", memstore.OpPut, bridge.ErrUnknown, 3, 2, bridge.ErrUnknown, nil},
		{"unknown and stored", memstore.OpReply, bridge.ErrUnknown, 3, 3, bridge.ErrUnknown, nil},
		{"cut before", memstore.OpPut, bridge.ErrConnection, 1, 1, nil, bridge.ErrConnection},
		{"cut after", memstore.OpReply, bridge.ErrConnection, 1, 2, nil, bridge.ErrConnection},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			server := memstore.NewServer(memstore.Options{})
			box := server.Mailbox("anna")
			box.SetFault(func(op string, n int) error {
				if op == c.op && n == 2 {
					return c.err
				}
				return nil
			})
			told, err := put(t, server.Open("anna"), 3)
			if !errors.Is(err, c.put) || len(told) != c.told || !errors.Is(told[1], c.outcome) {
				t.Fatalf("put: %v, outcomes %v", err, told)
			}
			if stored := len(box.Messages(inbox)); stored != c.stored {
				t.Fatalf("stored %d, want %d", stored, c.stored)
			}
		})
	}
}

func TestEveryStepCanFail(t *testing.T) {
	server := memstore.NewServer(memstore.Options{})
	server.Mailbox("anna").Deliver(inbox, message("a"))
	store := server.Open("anna")
	folders, err := store.Folders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := folders[0]
	steps := map[string]func(context.Context) error{
		memstore.OpFolders: func(ctx context.Context) error { _, err := store.Folders(ctx); return err },
		memstore.OpNext:    func(ctx context.Context) error { _, err := store.Next(ctx, f, ""); return err },
		memstore.OpWait: func(ctx context.Context) error {
			server.Mailbox("anna").Deliver(inbox, message("news")) // so that there is something to tell
			return store.Wait(ctx, f)
		},
		memstore.OpEnsure: func(ctx context.Context) error { _, err := store.EnsureFolder(ctx, f); return err },
		memstore.OpState:  func(ctx context.Context) error { _, err := store.State(ctx, f); return err },
		memstore.OpFlags:  func(ctx context.Context) error { _, err := store.Flags(ctx, f, nil); return err },
		memstore.OpFetch: func(ctx context.Context) error {
			return store.Fetch(ctx, f, []cutover.Ref{"1"}, func(bridge.Fetched) error { return nil })
		},
		memstore.OpBody: func(ctx context.Context) error {
			return store.Fetch(ctx, f, []cutover.Ref{"1"}, func(bridge.Fetched) error { return nil })
		},
		memstore.OpScan: func(ctx context.Context) error { return first(store.Scan(ctx, f, "")) },
		memstore.OpSearch: func(ctx context.Context) error {
			return first(store.Search(ctx, f, []cutover.Identity{{MessageID: "<a>"}}))
		},
	}
	for op, step := range steps {
		t.Run(op, func(t *testing.T) {
			server.Mailbox("anna").SetFault(func(at string, n int) error {
				if at == op && n == 1 {
					return bridge.ErrConnection
				}
				return nil
			})
			if err := step(t.Context()); !errors.Is(err, bridge.ErrConnection) {
				t.Fatalf("first call: %v, want the fault", err)
			}
			if err := step(t.Context()); err != nil {
				t.Fatalf("second call: %v", err)
			}
		})
	}
}

func first(items func(yield func(cutover.Item, error) bool)) error {
	for _, err := range items {
		return err
	}
	return errors.New("nothing was yielded")
}

func TestRollbackIsAReset(t *testing.T) {
	server := memstore.NewServer(memstore.Options{})
	box := server.Mailbox("anna")
	for _, id := range []string{"a", "b", "c"} {
		box.Deliver(inbox, message(id))
	}
	store := server.Open("anna")
	folders, _ := store.Folders(t.Context())
	all, err := store.Next(t.Context(), folders[0], "")
	if err != nil || len(all.Changes) != 3 || all.Left != 0 {
		t.Fatalf("first batch: %+v, %v", all, err)
	}
	box.Rollback(inbox, 1)
	again, err := store.Next(t.Context(), folders[0], all.After)
	if err != nil || !again.Reset || len(again.Changes) != 1 {
		t.Fatalf("after the rollback: %+v, %v", again, err)
	}
}

func TestCloseEndsWait(t *testing.T) {
	server := memstore.NewServer(memstore.Options{})
	store := server.Open("anna")
	folders, _ := store.Folders(t.Context())
	waited := make(chan error, 1)
	go func() { waited <- store.Wait(t.Context(), folders[0]) }()
	store.Close()
	if err := <-waited; !errors.Is(err, bridge.ErrConnection) {
		t.Fatalf("wait ended with %v", err)
	}
}
