package e2e

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"posthouse/test/neighbour"
)

// TestUsersMoveMessages: while mailboxes are copied and followed, and the daemon is killed again and again, their owners file messages, copy them, mark them and rename folders on the old
// server. In the end every folder holds the same messages on both sides, each as often, with its flags and its date.
func TestUsersMoveMessages(t *testing.T) {
	t.Parallel()
	seed := seed(t)
	random := rand.New(rand.NewPCG(seed, 3))
	people := []string{"anna", "bob", "carl"}
	// Not maildir: there a lock moves along with a folder that is renamed, and Dovecot then waits for it for minutes.
	legacy := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "legacy", Users: logins(people), Special: oldUses, Separator: ".", Format: "sdbox"})
	cloud := neighbour.StartDovecot(t, neighbour.DovecotConfig{
		Name: "cloud", Users: logins(people), Format: "mdbox", Special: cloudUses, Create: []string{"Sent", "Drafts", "Trash", "Junk", "Archive"},
	})
	b := newBetween(t, side{addr: legacy.IMAP, separator: "."}, side{addr: cloud.IMAP, separator: "/"}, people...)
	var users []*user
	for i, person := range people {
		b.fill(seed+uint64(i), person, []string{"de", "en", "ja"}[i], 250, func(string) bool { return true })
		users = append(users, newUser(t, person, b.open(b.legacy, person), random))
	}
	b.disturbed(random, users, 8)
	b.caughtUp()
	b.daemon.stop()
	b.wantEqual(0)

	before := b.uids()
	b.caughtUp()
	b.verified()
	b.daemon.stop()
	if after := b.uids(); !slices.Equal(before, after) {
		t.Errorf("a second pass changed the cloud from %d messages to %d", len(before), len(after))
	}
	for _, u := range users {
		t.Logf("%s did %v", u.name, u.did)
	}
}

// disturbed lets the daemon live as often as said, not long enough to be done at first, and ends it as a power failure would, while users work.
func (b *between) disturbed(random *rand.Rand, users []*user, lives int) {
	b.t.Helper()
	for i := range lives {
		life := time.Duration(200+random.IntN(800)) * time.Millisecond
		if i >= lives/2 {
			life = time.Duration(500+random.IntN(3500)) * time.Millisecond
		}
		b.daemon.launch()
		for end := time.Now().Add(life); time.Now().Before(end); {
			pick(random, users).act()
		}
		copied := 0
		if s, err := b.daemon.client.Status(b.t.Context()); err == nil { // it may not even have begun
			copied = s.Copy.Messages
		}
		b.daemon.kill()
		b.t.Logf("killed after %s, with %d messages copied", life, copied)
	}
}
