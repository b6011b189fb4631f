package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"posthouse/internal/control"
	"posthouse/test/neighbour"
)

// clients are folders of different languages between which messages are moved.
var clients = map[string]string{"anna": "Kunden/Groß & Söhne", "bob": "取引先/株式会社 山田"}

// A Cyrus as Debian configures it is the cloud: folders below INBOX, dots between them, and seven bits in header fields.
func TestCyrusAsCloud(t *testing.T) {
	t.Parallel()
	people := []string{"anna", "bob"}
	legacy := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "legacy", Users: logins(people), Special: oldUses})
	cloud := neighbour.StartCyrus(t, neighbour.CyrusConfig{
		Name: "cyrus", Users: logins(people), Special: map[string]string{"Sent": "sent", "Drafts": "drafts", "Trash": "trash", "Junk": "junk", "Archive": "archive"},
	})
	newBetween(t, side{name: "Dovecot", addr: legacy.IMAP, separator: "/"},
		side{name: "Cyrus", addr: cloud.IMAP, below: "INBOX.", separator: ".", seven: true}, people...).wholeLife().repairs()
}

// A Courier is the old server: it can little more than IMAP4rev1, and keeps names without emoji.
func TestCourierAsLegacy(t *testing.T) {
	t.Parallel()
	people := []string{"anna", "bob"}
	legacy := neighbour.StartCourier(t, neighbour.CourierConfig{Name: "courier", Users: logins(people)})
	cloud := neighbour.StartDovecot(t, neighbour.DovecotConfig{
		Name: "cloud", Users: logins(people), Special: cloudUses, Create: []string{"Sent", "Drafts", "Trash", "Junk", "Archive"},
	})
	uses := map[string]string{}
	for name, use := range oldUses {
		uses[utf7(name)] = use
	}
	newBetween(t, side{name: "Courier", addr: legacy.IMAP, below: "INBOX.", separator: ".", uses: uses},
		side{name: "Dovecot", addr: cloud.IMAP, separator: "/"}, people...).wholeLife()
}

// wholeLife copies, is killed meanwhile, looks again, follows, and verifies.
func (b *between) wholeLife() *between {
	b.t.Helper()
	seed := uint64(20261123)
	anyName := func(path string) bool { return b.legacy.uses == nil || !strings.Contains(path, "📬") }
	b.fill(seed, "anna", "de", 250, anyName)
	b.fill(seed+1, "bob", "ja", 150, anyName)
	b.daemon.start()
	b.daemon.until("the first messages to be copied", func(s control.Status) bool { return s.Copy.Messages > 0 })
	b.daemon.kill()
	b.caughtUp()
	b.wantEqual(0)
	b.verified()
	b.daemon.stop()

	before := b.uids()
	b.caughtUp()
	if after := b.uids(); !slices.Equal(before, after) {
		b.t.Errorf("a second pass changed the cloud from %d messages to %d", len(before), len(after))
	}
	for _, person := range b.people {
		b.use(person)
	}
	b.wantEqual(patience)
	b.verified()
	b.daemon.stop()
	return b
}

// repairs: a message whose header the cloud does not take as it is arrives repaired, and the others as they are.
func (b *between) repairs() {
	b.t.Helper()
	legacy, cloud := b.open(b.legacy, "anna"), b.open(b.cloud, "anna")
	there := cloud.Count("INBOX")
	broken := append([]byte("this is no field of a header\r\n"), letter("broken", 500)...)
	for _, raw := range [][]byte{letter("before", 500), broken, letter("after", 500)} {
		legacy.Append("INBOX", neighbour.Upload{Bytes: raw, Date: time.Now()})
	}
	b.caughtUp()
	b.verified()
	if s := b.daemon.status(); s.Copy.Repaired != 1 || cloud.Count("INBOX") != there+3 {
		b.t.Errorf("%d repaired, %d more in the cloud's INBOX, want 1 and 3", s.Copy.Repaired, cloud.Count("INBOX")-there)
	}
	b.daemon.stop()
}

// use is a person on the old server: mail comes in, some is read, some is filed.
func (b *between) use(person string) {
	b.t.Helper()
	m := b.open(b.legacy, person)
	defer m.Close()
	inbox := m.Read("INBOX")
	m.Append("INBOX", neighbour.Upload{Bytes: letter(person+"1", 2000), Date: time.Now()})
	m.Store("INBOX", inbox[0].UID, "+FLAGS", `\Flagged`, `\Answered`)
	m.Store("INBOX", inbox[1].UID, "-FLAGS", `\Seen`)
	m.Move("INBOX", inbox[2].UID+","+inbox[3].UID, b.legacy.folderName(clients[person]))
	m.Create(b.legacy.folderName("Später/été"))
	m.Move("INBOX", inbox[4].UID, b.legacy.folderName("Später/été"))
}
