package imapstore_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"posthouse/bridge"
	"posthouse/bridge/imapstore"
	"posthouse/cutover"
)

var inbox = cutover.Folder{Path: cutover.FolderPath{"INBOX"}, Kind: cutover.Mail, Role: cutover.Inbox, Name: "INBOX"}

// fetched is what became of each reference: the body, or "error: " and the error.
func fetched(t *testing.T, store bridge.Store, refs ...cutover.Ref) map[cutover.Ref]string {
	t.Helper()
	told := map[cutover.Ref]string{}
	err := store.Fetch(t.Context(), inbox, refs, func(got bridge.Fetched) error {
		if told[got.Ref] != "" {
			t.Errorf("%s was told of twice", got.Ref)
		}
		told[got.Ref] = "error: " + text(got.Err)
		if got.Err == nil {
			told[got.Ref] = bodyOf(t, got.Content)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return told
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func bodyOf(t *testing.T, c bridge.Content) string {
	t.Helper()
	defer c.Close()
	r, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestFetchHostile: what servers do to bodies, and go-imap with it. What is expected is the body or a part of the error.
func TestFetchHostile(t *testing.T) {
	cases := []struct {
		dialog string
		want   map[cutover.Ref]string
	}{
		{"fetch-strays", map[cutover.Ref]string{"1": "one\r\n", "2": "two\r\n", "3": "tri"}},
		{"fetch-cut", map[cutover.Ref]string{"1": "one\r\n", "2": "two\r\n", "3": "three\r\n"}},
		{"fetch-refused", map[cutover.Ref]string{"1": "one\r\n", "2": "error: *NIL*", "3": "error: *could not be converted*"}},
		{"fetch-silent", map[cutover.Ref]string{"1": "one\r\n", "2": "error: *gone*", "3": "error: *did not deliver*"}},
		{"fetch-huge", map[cutover.Ref]string{"1": "error: *larger*", "2": "two\r\n", "3": "tri\r\n"}},
		{"fetch-nonsense", map[cutover.Ref]string{"1": "one\r\n", "2": "error: *nstring*", "3": "tri\r\n"}},
	}
	for _, c := range cases {
		t.Run(c.dialog, func(t *testing.T) {
			store := imapstore.New(serve(t, c.dialog))
			defer store.Close()
			got := fetched(t, store, "1", "2", "3")
			for ref, want := range c.want {
				if !like(got[ref], want) {
					t.Errorf("%s: %q, want %q", ref, got[ref], want)
				}
			}
			if len(got) != len(c.want) {
				t.Errorf("told of %v", got)
			}
		})
	}
}

// like compares; a "*" in what is wanted stands for anything.
func like(got, want string) bool {
	parts := strings.Split(want, "*")
	if !strings.HasPrefix(got, parts[0]) || !strings.HasSuffix(got, parts[len(parts)-1]) || len(parts) == 1 && got != want {
		return false
	}
	for _, part := range parts {
		_, after, ok := strings.Cut(got, part)
		if !ok {
			return false
		}
		got = after
	}
	return true
}

// TestFetchFullDisk: trouble of our own disk is no item's fault.
func TestFetchFullDisk(t *testing.T) {
	o := serve(t, "fetch-disk")
	o.Budget, o.TempDir = imapstore.NewBudget(1), "/nonexistent/folder"
	store := imapstore.New(o)
	defer store.Close()
	err := store.Fetch(t.Context(), inbox, []cutover.Ref{"1", "2"}, func(got bridge.Fetched) error {
		t.Errorf("told of %s: %v", got.Ref, got.Err)
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "/nonexistent/folder") || errors.Is(err, bridge.ErrGone) {
		t.Fatalf("fetch into a folder that is not there: %v", err)
	}
}

// TestMemoryIsGivenBack: a budget is whole again when all bodies are closed, and bodies beyond it lie in files.
func TestMemoryIsGivenBack(t *testing.T) {
	o := serve(t, "fetch-cut")
	o.Budget = imapstore.NewBudget(6) // room for one of them
	store := imapstore.New(o)
	defer store.Close()
	fetched(t, store, "1", "2", "3")
	if left := imapstore.Left(o.Budget); left != 6 {
		t.Errorf("%d octets of the budget are left, want 6", left)
	}
}
