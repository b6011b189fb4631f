package imapstore_test

import (
	"io"
	"log"
	"net"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"posthouse/bridge/imapstore"
	"posthouse/bridge/storetest"
	"posthouse/cutover"
)

// memBox is a mailbox on go-imap's memory server.
type memBox struct {
	realBox
	box *imapmemserver.User
}

// Renew makes the folder anew: the same messages, other UIDs.
func (b memBox) Renew(t *testing.T, path cutover.FolderPath) {
	client := b.client(t)
	defer client.Close()
	if err := b.box.Rename(path[0], path[0]+" old", nil); err != nil {
		t.Fatal(err)
	}
	b.AddFolder(t, path)
	if _, err := client.Select(path[0]+" old", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	all := imap.UIDSet{}
	all.AddRange(1, 0)
	if _, err := client.Copy(all, path[0]).Wait(); err != nil {
		t.Fatal(err)
	}
	if err := client.Delete(path[0] + " old").Wait(); err != nil {
		t.Fatal(err)
	}
}

func startMemServer(t *testing.T, caps imap.CapSet) (address string, box *imapmemserver.User) {
	t.Helper()
	box = imapmemserver.NewUser(user, password)
	if err := box.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	users := imapmemserver.New()
	users.AddUser(box)
	server := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return users.NewSession(), nil, nil
		},
		Caps: caps, InsecureAuth: true, Logger: log.New(io.Discard, "", 0),
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return l.Addr().String(), box
}

func TestConformanceMemoryServer(t *testing.T) {
	habits := storetest.Habits{Batch: batch, Separator: "/", Hints: true, Places: true, Keywords: true, Search: true, Glances: true}
	for name, caps := range map[string]imap.CapSet{
		"IMAP4rev1": {imap.CapIMAP4rev1: {}, imap.CapUIDPlus: {}, imap.CapNamespace: {}},
		"IMAP4rev2": {imap.CapIMAP4rev1: {}, imap.CapIMAP4rev2: {}},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, habits, func(t *testing.T) storetest.Mailbox {
				address, box := startMemServer(t, caps)
				return memBox{realBox{address: address, user: user, change: func(*imapstore.Options) {}}, box}
			})
		})
	}
}
