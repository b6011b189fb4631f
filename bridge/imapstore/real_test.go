package imapstore_test

import (
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"posthouse/bridge"
	"posthouse/bridge/imapstore"
	"posthouse/bridge/storetest"
	"posthouse/cutover"
)

// realBox adapts a mailbox on a real server to the conformance suite. Its other end is go-imap, without any code of the store.
type realBox struct {
	address string
	user    string
	below   string // the prefix of all names but INBOX
	change  func(*imapstore.Options)
	renew   func(t *testing.T, user, folder string)
}

func (b realBox) name(path cutover.FolderPath) string {
	if path[0] == "INBOX" {
		return "INBOX"
	}
	return b.below + path[0]
}

func (b realBox) Renew(t *testing.T, path cutover.FolderPath) { b.renew(t, b.user, b.name(path)) }

func (b realBox) Open(t *testing.T) bridge.Store {
	o := options(t, b.address)
	o.SASL = plainAs(b.user)
	b.change(&o)
	return imapstore.New(o)
}

func (b realBox) client(t *testing.T) *imapclient.Client {
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

func (b realBox) Deliver(t *testing.T, path cutover.FolderPath, m storetest.Message) {
	t.Helper()
	var flags []imap.Flag
	for _, f := range m.Flags {
		flags = append(flags, imap.Flag(f))
	}
	client := b.client(t)
	defer client.Close()
	cmd := client.Append(b.name(path), int64(len(m.Raw)), &imap.AppendOptions{Flags: flags, Time: m.Date})
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

func (b realBox) AddFolder(t *testing.T, path cutover.FolderPath) {
	client := b.client(t)
	defer client.Close()
	if err := client.Create(b.name(path), nil).Wait(); err != nil {
		t.Fatal(err)
	}
}

func (b realBox) SetFlags(t *testing.T, path cutover.FolderPath, ref cutover.Ref, flags ...string) {
	var want []imap.Flag
	for _, f := range flags {
		want = append(want, imap.Flag(f))
	}
	b.store(t, path, ref, want)
}

func (b realBox) store(t *testing.T, path cutover.FolderPath, ref cutover.Ref, flags []imap.Flag) *imapclient.Client {
	client := b.client(t)
	if _, err := client.Select(b.name(path), nil).Wait(); err != nil {
		t.Fatal(err)
	}
	set := imap.UIDSetNum(imap.UID(number(t, ref)))
	if err := client.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsSet, Flags: flags}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	return client
}

func (b realBox) Remove(t *testing.T, path cutover.FolderPath, ref cutover.Ref) {
	client := b.store(t, path, ref, []imap.Flag{imap.FlagDeleted})
	if err := client.UIDExpunge(imap.UIDSetNum(imap.UID(number(t, ref)))).Close(); err != nil {
		t.Fatal(err)
	}
}
