package imapstore_test

import (
	"fmt"
	"testing"
	"time"

	"posthouse/bridge/imapstore"
	"posthouse/bridge/storetest"
	"posthouse/cutover"
	"posthouse/test/neighbour"
)

// onDovecot is a mailbox on a Dovecot.
func onDovecot(server *neighbour.Dovecot, user string, change func(*imapstore.Options)) realBox {
	return realBox{address: server.IMAP, user: user, change: change, renew: func(_ *testing.T, user, folder string) { server.Renew(user, folder) }}
}

// people are anna1, anna2 and so on, with the same password.
func people(count int) map[string]string {
	users := map[string]string{}
	for n := range count {
		users[fmt.Sprintf("%s%d", user, n+1)] = password
	}
	return users
}

func TestConformanceDovecot(t *testing.T) {
	usual := storetest.Habits{Batch: batch, Separator: "/", Hints: true, Places: true, Keywords: true, Flags: true, Search: true, Glances: true}
	cases := []struct {
		name    string
		config  neighbour.DovecotConfig
		options func(*imapstore.Options)
		habits  func(*storetest.Habits)
	}{
		{"mdbox", neighbour.DovecotConfig{Format: "mdbox"}, func(*imapstore.Options) {}, func(*storetest.Habits) {}},
		{"maildir without extensions", neighbour.DovecotConfig{
			Separator: ".",
			Settings:  "imap_capability = IMAP4rev1 IDLE\n",
		}, func(o *imapstore.Options) { o.FlagPoll = 1 }, func(h *storetest.Habits) {
			h.Separator, h.Flags, h.Glances = ".", false, false
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			habits := usual
			c.habits(&habits)
			c.config.Name, c.config.Users = "dovecot", people(60)
			server := neighbour.StartDovecot(t, c.config)
			next := 0
			storetest.Run(t, habits, func(*testing.T) storetest.Mailbox {
				next++ // a mailbox of its own for each test
				return onDovecot(server, fmt.Sprintf("%s%d", user, next), c.options)
			})
		})
	}
}

// TestForeignFolders: public folders are listed as foreign, and own folders are not, whatever their names.
func TestForeignFolders(t *testing.T) {
	server := neighbour.StartDovecot(t, neighbour.DovecotConfig{
		Name: "dovecot", Users: people(1), Special: map[string]string{"Gesendet": `\Sent`}, Create: []string{"Gesendet"},
		Settings: "namespace public {\n  type = public\n  prefix = Public/\n  separator = /\n  location = maildir:~/public\n  subscriptions = no\n}\n",
	})
	box := onDovecot(server, user+"1", func(*imapstore.Options) {})
	client := box.client(t)
	for _, name := range []string{"Public/Sales", "Publicity", "Sent"} {
		if err := client.Create(name, nil).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	store := box.Open(t)
	defer store.Close()
	folders, err := store.Folders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]cutover.Folder{}
	for _, f := range folders {
		got[f.Path.String()] = f
	}
	if f := got["Public / Sales"]; !f.Foreign || f.Role != cutover.NoRole {
		t.Errorf("public folder %+v of %v", f, folders)
	}
	if f := got["Publicity"]; f.Name == "" || f.Foreign {
		t.Errorf("own folder %+v", f)
	}
	if got["Gesendet"].Role != cutover.Sent || got["Sent"].Role != cutover.NoRole {
		t.Errorf("sent folders %+v and %+v", got["Gesendet"], got["Sent"])
	}
	made, err := store.EnsureFolder(t.Context(), cutover.Folder{Path: cutover.FolderPath{"Sent"}, Role: cutover.Sent, Kind: cutover.Mail})
	if err != nil || made.Name != "Gesendet" {
		t.Errorf("the folder for sent mail is %+v, %v", made, err)
	}
}

// TestHintIsQuick: a message is hinted at soon after its arrival; on an idle machine that is half a second, Dovecot's own delay.
func TestHintIsQuick(t *testing.T) {
	server := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "dovecot", Users: people(1)})
	box := onDovecot(server, user+"1", func(*imapstore.Options) {})
	store := box.Open(t)
	defer store.Close()
	if _, err := store.Next(t.Context(), inbox, ""); err != nil {
		t.Fatal(err)
	}
	hinted := make(chan time.Time, 1)
	for n := range 3 {
		go func() {
			if err := store.Wait(t.Context(), inbox); err != nil {
				t.Errorf("wait: %v", err)
			}
			hinted <- time.Now()
		}()
		begun := time.Now()
		box.Deliver(t, inbox.Path, storetest.Message{Raw: []byte(numbered(n))})
		if took := (<-hinted).Sub(begun); took > 5*time.Second {
			t.Errorf("the hint came after %v", took)
		} else {
			t.Logf("the hint came after %v", took)
		}
	}
}
