package daemon_test

import (
	"testing"

	"posthouse/internal/testserver"
	"posthouse/internal/testserver/corpus"
)

func (b *bed) fill(address string, seed uint64, messages int) []corpus.Folder {
	b.t.Helper()
	g := corpus.New(seed)
	g.MaxSize, g.Language = 64<<10, "de"
	folders := g.Mailbox(messages)
	must(b.t, b.legacy.Fill(address, folders))
	return folders
}

// messages are the octets of everything in a mailbox, each as often as it is there.
func (b *bed) messages(server *testserver.IMAP, user string) map[[32]byte]int {
	b.t.Helper()
	folders, err := server.Dump(user)
	must(b.t, err)
	found := map[[32]byte]int{}
	for _, f := range folders {
		for _, m := range f.Messages {
			found[m.SHA256]++
		}
	}
	return found
}

func (b *bed) sidesAreEqual() {
	b.t.Helper()
	for _, address := range b.addresses() {
		old, now := b.messages(b.legacy, address), b.messages(b.cloud, address)
		for sum, n := range old {
			if now[sum] != n {
				b.t.Errorf("%s: a message lies %d times in the legacy and %d times in the cloud", address, n, now[sum])
			}
			delete(now, sum)
		}
		if len(now) > 0 {
			b.t.Errorf("%s: %d messages lie in the cloud alone", address, len(now))
		}
	}
}

func TestCopyAndFollow(t *testing.T) {
	b := newBed(t, layout{})
	for i, address := range b.addresses() {
		b.fill(address, uint64(i), 150)
	}
	b.start()
	s := b.until("the copy to be done", copied)
	if s.Copy.Total != 450 || s.Copy.Bytes == 0 {
		t.Errorf("%+v", s.Copy)
	}
	b.sidesAreEqual()
	for address, v := range b.verify() {
		if v.Equal != 150 || len(v.Missing)+len(v.Extra) != 0 || v.Error != "" {
			t.Errorf("verified %s: %+v", address, v)
		}
	}
	before := b.status().At
	if _, err := b.legacy.Deliver("bob@example.com", message("news", "x@sender.example", "bob@example.com")); err != nil {
		t.Fatal(err)
	}
	b.until("the news to be copied", caughtAfter(before))
	b.sidesAreEqual()
	b.stop()
	b.start()
	b.again()
	b.sidesAreEqual()
}
