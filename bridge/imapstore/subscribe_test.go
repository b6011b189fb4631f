package imapstore_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"posthouse/bridge/imapstore"
	"posthouse/cutover"
	"posthouse/internal/testserver"
	"posthouse/test/neighbour"
)

// TestSubscriptionsOdd: servers refuse LSUB, or list with it what is not there, or cannot be understood. Where nothing is subscribed, nothing is told.
func TestSubscriptionsOdd(t *testing.T) {
	store := imapstore.New(serve(t, "subscriptions-odd"))
	defer store.Close()
	folders, err := store.Folders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{" ", " ", "subscribed unsubscribed"} {
		err := store.Subscriptions(t.Context(), folders)
		if got := string(folders[1].Subscription + " " + folders[2].Subscription); got != want || (err != nil) != (i == 0) || folders[0].Subscription != "" {
			t.Errorf("answer %d: %q, %v", i, got, err)
		}
	}
}

// TestSubscribeRefused: a server that refuses the extended LIST, and to subscribe, has folders all the same.
func TestSubscribeRefused(t *testing.T) {
	var refusals atomic.Int32
	server := startServer(t, testserver.IMAPConfig{Hook: func(call testserver.IMAPCall) *testserver.IMAPFault {
		if n := refusals.Load(); call.Stage == testserver.Before && (call.Command == "SUBSCRIBE" || call.Command == "LIST" && n%2 == 0) {
			refusals.Add(1)
			return &testserver.IMAPFault{Type: "BAD", Text: "no"}
		} else if call.Stage == testserver.Before && call.Command == "LIST" {
			refusals.Add(1)
		}
		return nil
	}})
	store := imapstore.New(options(t, server.Addr()))
	defer store.Close()
	want := cutover.Folder{Path: cutover.FolderPath{"a"}, Kind: cutover.Mail}
	if err := store.PrepareFolders(t.Context(), []cutover.Folder{want, {Path: cutover.FolderPath{"b"}}}); err != nil {
		t.Error(err)
	}
	made, err := store.EnsureFolder(t.Context(), want)
	if err != nil || made.Name != "a" {
		t.Errorf("made %+v, %v", made, err)
	}
	if err := store.Subscribe(t.Context(), []cutover.Folder{made}); err != nil {
		t.Error(err)
	}
	if refusals.Load() < 4 {
		t.Errorf("only %d refusals", refusals.Load())
	}
}

// TestSubscriptionsAreToldOnce: LSUB costs a login, and is not asked where LIST has told already.
func TestSubscriptionsAreToldOnce(t *testing.T) {
	var lists atomic.Int32
	server := startServer(t, testserver.IMAPConfig{Hook: func(call testserver.IMAPCall) *testserver.IMAPFault {
		if call.Stage == testserver.Before && call.Command == "LIST" { // LSUB too
			lists.Add(1)
		}
		return nil
	}})
	store := imapstore.New(options(t, server.Addr()))
	defer store.Close()
	folders, err := store.Folders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Subscriptions(t.Context(), folders); err != nil || lists.Load() != 1 {
		t.Errorf("asked %d times, %v", lists.Load(), err)
	}
}

// TestSubscriptionsOfDovecot: what people see in their clients is the same on both servers, whether the old one tells it with LIST or with LSUB.
func TestSubscriptionsOfDovecot(t *testing.T) {
	for name, settings := range map[string]string{"LIST": "", "LSUB": "imap_capability = IMAP4rev1 NAMESPACE\n"} {
		t.Run(name, func(t *testing.T) {
			legacy := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "legacy", Users: people(1), Settings: settings})
			cloud := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "cloud", Users: people(1), Special: map[string]string{"Sent": `\Sent`}, Create: []string{"Sent"}})
			old := neighbour.OpenMailbox(t, legacy.IMAP, "anna1", password, nil)
			for _, folder := range []string{"Shown", "Hidden", "Deep/Shown", "Sent"} {
				old.Create(folder)
			}
			old.Unsubscribe("Hidden")
			m := box("anna1@example.com", "anna1", "anna1")
			a := newAcross(t, legacy.IMAP, cloud.IMAP, nil, m)
			now := neighbour.OpenMailbox(t, cloud.IMAP, "anna1", password, nil)
			a.copy(m.ID)
			if got := strings.Join(now.Subscribed(), ", "); got != "Deep/Shown, Sent, Shown" {
				t.Errorf("subscribed: %s", got)
			}
			now.Unsubscribe("Sent")
			old.Create("Later")
			a.copy(m.ID)
			if got := strings.Join(now.Subscribed(), ", "); got != "Deep/Shown, Later, Shown" {
				t.Errorf("subscribed at last: %s", got)
			}
		})
	}
}
