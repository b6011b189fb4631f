package imapstore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"posthouse/bridge/imapstore"
	"posthouse/cutover"
	"posthouse/internal/testserver"
)

// Fields are read from a reference on, folded ones whole, without the body, and with the identity.
func TestHeaders(t *testing.T) {
	server := startServer(t, testserver.IMAPConfig{})
	date := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	for i := range 5 {
		raw := fmt.Sprintf("Received: from a.example\r\n\tby b%d.example; Mon\r\nReceived: from c.example by a.example; Mon\r\nX-Other: no\r\nMessage-ID: <%d@x.example>\r\nDate: Mon, 2 Mar 2026 10:00:00 +0000\r\nFrom: x@x.example\r\n\r\nReceived: body\r\n", i, i)
		if _, err := server.Append(user, "INBOX", []byte(raw), nil, date); err != nil {
			t.Fatal(err)
		}
	}
	store := imapstore.New(options(t, server.Addr()))
	defer store.Close()
	inbox := cutover.Folder{Name: "INBOX", Path: cutover.FolderPath{"INBOX"}, Role: cutover.Inbox}
	read := func(from cutover.Ref, since time.Time) (heads []string) {
		t.Helper()
		for h, err := range store.Headers(t.Context(), inbox, from, since, []string{"Received", "From"}) {
			if err != nil {
				t.Fatal(err)
			}
			text := string(h.Header)
			if strings.Count(text, "Received:") != 2 || !strings.Contains(text, "by b") || strings.Contains(text, "X-Other") || strings.Contains(text, "body") || h.Identity.Key.IsZero() || !h.Date.Equal(date) {
				t.Errorf("%+v\n%s", h.Item, text)
			}
			heads = append(heads, h.Identity.MessageID)
		}
		return heads
	}
	if all := read("1", time.Time{}); len(all) != 5 || all[4] != "<4@x.example>" {
		t.Errorf("all: %v", all)
	}
	if some := read("4", time.Time{}); len(some) != 2 || some[0] != "<3@x.example>" {
		t.Errorf("from the fourth on: %v", some)
	}
	if none := read("6", time.Time{}); len(none) != 0 {
		t.Errorf("beyond the end: %v", none)
	}
	if all := read("", date); len(all) != 5 {
		t.Errorf("of that day: %v", all)
	}
	if none := read("", date.AddDate(0, 0, 2)); len(none) != 0 {
		t.Errorf("of later days: %v", none)
	}
	for _, err := range store.Headers(t.Context(), inbox, "x", time.Time{}, nil) {
		if err == nil {
			t.Error("a reference that is none was taken")
		}
	}
}
