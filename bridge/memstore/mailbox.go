package memstore

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"posthouse/cutover"
)

// Mailbox is the test's end of a mailbox: what its owner and other senders do. Its methods panic when given a folder or reference that is not there:
// that is a mistake in the test.
type Mailbox struct {
	options Options
	mu      sync.Mutex
	folders []*folder
	// validity is the last one given out: each folder, and each renewal, gets another.
	validity uint32
	modseq   uint64
	changed  chan struct{} // closed and replaced at each change
	fault    func(op string, n int) error
	calls    map[string]int
}

// Message is one message as a test writes and reads it.
type Message struct {
	Ref   cutover.Ref // set by the server
	Raw   []byte
	Flags cutover.Flags
	Date  time.Time
}

// AddFolder makes a folder with the given path, role and marks. Kind is mail when empty.
func (b *Mailbox) AddFolder(f cutover.Folder) cutover.Folder {
	b.mu.Lock()
	defer b.mu.Unlock()
	made := b.newFolder(f)
	b.folders = append(b.folders, made)
	return made.Folder
}

// RenameFolder renames a folder and those below it; their references hold on.
func (b *Mailbox) RenameFolder(from, to cutover.FolderPath) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.must(from)
	for _, f := range b.folders {
		if len(f.Path) >= len(from) && slices.Equal(f.Path[:len(from)], from) {
			f.Path = slices.Concat(to, f.Path[len(from):])
			f.Name = strings.Join(f.Path, b.options.Separator)
			b.touch(f)
		}
	}
}

// RemoveFolder removes a folder with all that is in it.
func (b *Mailbox) RemoveFolder(path cutover.FolderPath) {
	b.mu.Lock()
	defer b.mu.Unlock()
	gone := b.must(path)
	b.folders = slices.DeleteFunc(slices.Clone(b.folders), func(f *folder) bool { return f == gone })
	b.touch(gone)
}

// Subscribe changes a folder's subscription, as its owner would.
func (b *Mailbox) Subscribe(path cutover.FolderPath, to cutover.Subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.must(path).Subscription = to
}

// Deliver adds a message to a folder and hints to those who wait.
func (b *Mailbox) Deliver(path cutover.FolderPath, m Message) cutover.Ref {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept := b.must(path).add(b, m)
	return kept.ref()
}

// SetFlags replaces the flags of a message, as its owner would.
func (b *Mailbox) SetFlags(path cutover.FolderPath, ref cutover.Ref, flags ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.must(path)
	m := f.find(ref)
	if m == nil {
		panic(fmt.Sprintf("memstore: no message %s in %s", ref, path))
	}
	m.flags = cutover.NewFlags(flags...)
	m.modseq = b.touch(f)
}

// Remove expunges a message.
func (b *Mailbox) Remove(path cutover.FolderPath, ref cutover.Ref) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.remove(b.must(path), ref)
}

// Alter gives a message other octets, as a damaged disk would.
func (b *Mailbox) Alter(path cutover.FolderPath, ref cutover.Ref, raw []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := b.must(path).find(ref)
	m.raw, m.identity = raw, cutover.IdentityOf(raw)
}

// Move expunges a message from one folder and adds it to another, and returns its reference there.
func (b *Mailbox) Move(from cutover.FolderPath, ref cutover.Ref, to cutover.FolderPath) cutover.Ref {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := b.remove(b.must(from), ref)
	return b.must(to).add(b, Message{Raw: m.raw, Flags: m.flags, Date: m.date}).ref()
}

// Renew gives a folder a new validity and numbers its messages anew from 1.
func (b *Mailbox) Renew(path cutover.FolderPath) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.must(path)
	b.validity++
	f.validity, f.gone = b.validity, nil
	for i, m := range f.messages {
		m.uid, m.modseq = uint32(i+1), b.touch(f)
	}
	f.next = uint32(len(f.messages) + 1)
	b.touch(f)
}

// Rollback takes a folder back to its first n messages and to the next reference of that time without a new validity: a backup was restored carelessly.
func (b *Mailbox) Rollback(path cutover.FolderPath, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.must(path)
	f.messages, f.gone, f.next = f.messages[:n:n], nil, 1
	if n > 0 {
		f.next = f.messages[n-1].uid + 1
	}
	b.touch(f)
}

// Messages returns what a folder holds, oldest first.
func (b *Mailbox) Messages(path cutover.FolderPath) []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.must(path)
	list := make([]Message, len(f.messages))
	for i, m := range f.messages {
		list[i] = Message{Ref: m.ref(), Raw: bytes.Clone(m.raw), Flags: m.flags, Date: m.date}
	}
	return list
}

// SetFault sets the hook that is asked before each step: op is one of the Op constants, n counts the steps of that op from 1. An error makes the step
// fail with it; see the constants for what each means. The hook may block, deliver, or cancel a context: no lock is held. Nil takes the hook away.
func (b *Mailbox) SetFault(hook func(op string, n int) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fault, b.calls = hook, map[string]int{}
}

func (b *Mailbox) ask(op string) error {
	b.mu.Lock()
	b.calls[op]++
	hook, n := b.fault, b.calls[op]
	b.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(op, n)
}

func (b *Mailbox) must(path cutover.FolderPath) *folder {
	f := b.at(path)
	if f == nil {
		panic(fmt.Sprintf("memstore: no folder %s", path))
	}
	return f
}

// at finds a folder by path; INBOX matches in any case (RFC 9051 §5.1).
func (b *Mailbox) at(path cutover.FolderPath) *folder {
	for _, f := range b.folders {
		if f.Path.Key() == path.Key() || b.options.FoldNames && strings.EqualFold(f.Path.Key(), path.Key()) || f.Role == cutover.Inbox && len(path) == 1 && strings.EqualFold(path[0], "INBOX") {
			return f
		}
	}
	return nil
}

// touch notes a change of the folder, wakes who waits, and returns the change's modification sequence.
func (b *Mailbox) touch(f *folder) uint64 {
	b.modseq++
	f.modseq = b.modseq
	close(b.changed)
	b.changed = make(chan struct{})
	return b.modseq
}

func (b *Mailbox) remove(f *folder, ref cutover.Ref) *message {
	for i, m := range f.messages {
		if m.ref() == ref {
			f.messages = append(f.messages[:i:i], f.messages[i+1:]...)
			f.gone = append(f.gone, tombstone{uid: m.uid, modseq: b.touch(f)})
			return m
		}
	}
	panic(fmt.Sprintf("memstore: no message %s in %s", ref, f.Path))
}
