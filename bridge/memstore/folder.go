package memstore

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"posthouse/cutover"
)

type folder struct {
	cutover.Folder
	validity uint32
	next     uint32
	modseq   uint64     // of the last change
	messages []*message // by rising uid
	gone     []tombstone
}

type message struct {
	uid      uint32
	modseq   uint64
	flags    cutover.Flags
	date     time.Time
	raw      []byte
	more     int64 // than there is, as the size that is listed
	identity cutover.Identity
}

type tombstone struct {
	uid    uint32
	modseq uint64
}

func (b *Mailbox) newFolder(f cutover.Folder) *folder {
	if f.Kind == "" {
		f.Kind = cutover.Mail
	}
	f.Name = strings.Join(f.Path, b.options.Separator)
	b.validity++
	return &folder{Folder: f, validity: b.validity, next: 1}
}

func (f *folder) add(b *Mailbox, m Message) *message {
	added := &message{uid: f.next, flags: b.keepable(m.Flags), date: m.Date.Truncate(time.Second), raw: m.Raw, identity: cutover.IdentityOf(m.Raw)}
	if b.options.Estimates {
		added.more = int64(len(m.Raw)/16 + 7)
	}
	f.next++
	added.modseq = b.touch(f)
	f.messages = append(f.messages, added)
	return added
}

// keepable is what the server keeps of flags.
func (b *Mailbox) keepable(flags cutover.Flags) cutover.Flags {
	if !b.options.NoKeywords {
		return cutover.NewFlags(flags...)
	}
	var kept []string
	for _, f := range flags {
		if strings.HasPrefix(f, `\`) {
			kept = append(kept, f)
		}
	}
	return cutover.NewFlags(kept...)
}

// left is what it does not keep of them.
func (b *Mailbox) left(flags cutover.Flags) cutover.Flags {
	return slices.DeleteFunc(slices.Clone(flags), b.keepable(flags).Has)
}

func (f *folder) find(ref cutover.Ref) *message {
	for _, m := range f.messages {
		if m.ref() == ref {
			return m
		}
	}
	return nil
}

func (f *folder) era() string { return strconv.FormatUint(uint64(f.validity), 10) }

func (m *message) ref() cutover.Ref { return refOf(m.uid) }

func refOf(uid uint32) cutover.Ref { return cutover.Ref(strconv.FormatUint(uint64(uid), 10)) }

func (m *message) item() cutover.Item {
	return cutover.Item{
		Ref: m.ref(), Version: strconv.FormatUint(m.modseq, 10), Flags: m.flags, Date: m.date, Size: int64(len(m.raw)) + m.more, Identity: m.identity,
	}
}
