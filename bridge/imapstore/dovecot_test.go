package imapstore_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"posthouse/bridge"
	"posthouse/bridge/imapstore"
	"posthouse/bridge/storetest"
	"posthouse/cutover"
	"posthouse/test/neighbour"
)

// clientBox adapts a mailbox on a server that others wrote to the conformance suite. Its other end is go-imap, without any code of the store.
type clientBox struct {
	address string
	change  func(*imapstore.Options)
	user    string
}

// dovecotBox is a mailbox on a real Dovecot.
type dovecotBox struct {
	clientBox
	server *neighbour.Dovecot
}

func (b clientBox) Open(t *testing.T) bridge.Store {
	o := options(t, b.address)
	o.SASL = plainAs(b.user)
	b.change(&o)
	return imapstore.New(o)
}

func (b clientBox) client(t *testing.T) *imapclient.Client {
	t.Helper()
	client, err := imapclient.DialInsecure(b.address, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	if err := client.Login(b.user, password).Wait(); err != nil {
		t.Fatal(err)
	}
	return client
}

func (b clientBox) Deliver(t *testing.T, path cutover.FolderPath, m storetest.Message) {
	t.Helper()
	var flags []imap.Flag
	for _, f := range m.Flags {
		flags = append(flags, imap.Flag(f))
	}
	client := b.client(t)
	defer client.Close()
	cmd := client.Append(path[0], int64(len(m.Raw)), &imap.AppendOptions{Flags: flags, Time: m.Date})
	if _, err := cmd.Write(m.Raw); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

func (b clientBox) AddFolder(t *testing.T, path cutover.FolderPath) {
	client := b.client(t)
	defer client.Close()
	if err := client.Create(path[0], nil).Wait(); err != nil {
		t.Fatal(err)
	}
}

func (b clientBox) SetFlags(t *testing.T, path cutover.FolderPath, ref cutover.Ref, flags ...string) {
	var want []imap.Flag
	for _, f := range flags {
		want = append(want, imap.Flag(f))
	}
	b.store(t, path, ref, want)
}

func (b clientBox) store(t *testing.T, path cutover.FolderPath, ref cutover.Ref, flags []imap.Flag) *imapclient.Client {
	client := b.client(t)
	if _, err := client.Select(path[0], nil).Wait(); err != nil {
		t.Fatal(err)
	}
	set := imap.UIDSetNum(imap.UID(number(t, ref)))
	if err := client.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsSet, Flags: flags}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	return client
}

func (b clientBox) Remove(t *testing.T, path cutover.FolderPath, ref cutover.Ref) {
	client := b.store(t, path, ref, []imap.Flag{imap.FlagDeleted})
	if err := client.UIDExpunge(imap.UIDSetNum(imap.UID(number(t, ref)))).Close(); err != nil {
		t.Fatal(err)
	}
}

var renewals atomic.Uint32

func (b dovecotBox) Renew(t *testing.T, path cutover.FolderPath) {
	t.Helper()
	validity := strconv.Itoa(int(900_000 + renewals.Add(1)))
	b.doveadm(t, "mailbox", "update", "-u", b.user, "--uid-validity", validity, path[0])
}

func (b dovecotBox) doveadm(t *testing.T, args ...string) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(neighbour.Require(t, "doveadm"), append([]string{"-c", b.server.Dir + "/dovecot.conf"}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("doveadm %v: %v\n%s", args, err, out.String())
	}
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
				return dovecotBox{clientBox{server.IMAP, c.options, fmt.Sprintf("%s%d", user, next)}, server}
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
	box := dovecotBox{clientBox{server.IMAP, func(*imapstore.Options) {}, user + "1"}, server}
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
	box := dovecotBox{clientBox{server.IMAP, func(*imapstore.Options) {}, user + "1"}, server}
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
