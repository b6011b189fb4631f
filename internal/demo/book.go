package demo

import (
	"crypto/sha256"
	"sync"
)

// core is the digest of a message as its sender wrote it, without what servers put above it.
type core [sha256.Size]byte

// spot is a place where copies of one message belong: a mailbox's folder, by its use where it has one, else by its path.
type spot struct {
	mailbox, folder string
	core            core
}

const inbox = "INBOX"

// book is what must be true in the end, kept by those who put and send mail. It is safe for concurrent use.
type book struct {
	mu sync.Mutex
	// want is how many copies the new mailboxes must hold.
	want map[spot]int
	// lies is how many of them were put on the old side by others than posthouse: they must still be there.
	lies  map[spot]int
	about map[core]string
	total int
}

func newBook() *book {
	return &book{want: map[spot]int{}, lies: map[spot]int{}, about: map[core]string{}}
}

// put notes a message that lies in an old mailbox.
func (b *book) put(mailbox, folder string, c core, about string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := spot{mailbox, folder, c}
	b.lies[at]++
	b.add(at, about)
}

// removed notes that somebody took a message out of an old mailbox; its copy stays.
func (b *book) removed(mailbox, folder string, c core) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lies[spot{mailbox, folder, c}]--
}

// taken notes a message that a server answered 250 for these mailboxes.
func (b *book) taken(mailboxes []string, c core, about string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range mailboxes {
		b.add(spot{m, inbox, c}, about)
	}
}

func (b *book) add(at spot, about string) {
	b.want[at]++
	b.total++
	if b.about[at.core] == "" {
		b.about[at.core] = about
	}
}
