package testserver

import (
	"slices"
	"sort"

	"github.com/emersion/go-imap/v2"
)

// view is what one session knows of its selected folder: sequence numbers are positions in list. It lags behind the folder until
// sync, because a server may not renumber messages in the middle of a command (RFC 3501 §7.4.1). The account's lock guards it.
type view struct {
	f        *folder
	readOnly bool
	list     []*message
	next     uint32 // first UID not in list yet
	modseq   uint64
	expunged uint64
	own      map[*message]uint64 // changes that this session made and was told of
}

// update is what a client must hear to catch up.
type update struct {
	expunges []uint32 // sequence numbers, each valid when sent in this order
	exists   uint32   // new number of messages; 0 for no news
	flags    []flagNews
}

type flagNews struct {
	seq   uint32
	uid   imap.UID
	flags []imap.Flag
}

func newView(f *folder, readOnly bool) *view {
	return &view{
		f: f, readOnly: readOnly, list: slices.Clone(f.messages),
		next: f.uidNext, modseq: f.modseq, expunged: f.expunged, own: make(map[*message]uint64),
	}
}

// sync brings the view up to date and returns the news.
func (v *view) sync(allowExpunge bool) update {
	var u update
	if v.modseq == v.f.modseq && v.expunged == v.f.expunged {
		return u
	}
	if allowExpunge && v.expunged != v.f.expunged {
		u.expunges = v.dropGone()
	}
	known := len(v.list)
	i := sort.Search(len(v.f.messages), func(i int) bool { return v.f.messages[i].uid >= v.next })
	v.list = append(v.list, v.f.messages[i:]...)
	if len(v.list) > known {
		u.exists = uint32(len(v.list))
	}
	u.flags = v.flagNews(known)
	v.next, v.modseq = v.f.uidNext, v.f.modseq
	clear(v.own)
	return u
}

// dropGone removes what was expunged, the highest sequence number first so that the lower ones stay valid.
func (v *view) dropGone() []uint32 {
	var expunges []uint32
	for i, m := range slices.Backward(v.list) {
		if m.gone {
			expunges = append(expunges, uint32(i+1))
		}
	}
	v.list = slices.DeleteFunc(v.list, func(m *message) bool { return m.gone })
	v.expunged = v.f.expunged
	return expunges
}

func (v *view) flagNews(known int) []flagNews {
	var news []flagNews
	for i, m := range v.list[:known] {
		if m.modseq > v.modseq && !m.gone && v.own[m] != m.modseq {
			news = append(news, flagNews{uint32(i + 1), imap.UID(m.uid), imapFlags(m.flags)})
		}
	}
	return news
}

// resolve returns the positions in list that a set of numbers or UIDs names, ascending. Gone messages are left out.
func (v *view) resolve(set imap.NumSet) []int {
	var positions []int
	switch set := set.(type) {
	case imap.SeqSet:
		for _, r := range set {
			start, stop := bounds(r.Start, r.Stop, uint32(len(v.list)))
			positions = v.span(positions, int(start)-1, int(stop))
		}
	case imap.UIDSet:
		for _, r := range set {
			start, stop := bounds(uint32(r.Start), uint32(r.Stop), v.lastUID())
			positions = v.span(positions, v.position(start), v.after(stop))
		}
	}
	slices.Sort(positions)
	return slices.Compact(positions)
}

// lastUID is what "*" means; 0 in an empty folder.
func (v *view) lastUID() uint32 {
	if len(v.list) == 0 {
		return 0
	}
	return v.list[len(v.list)-1].uid
}

// position is the index of the first message whose UID is at least uid.
func (v *view) position(uid uint32) int {
	return sort.Search(len(v.list), func(i int) bool { return v.list[i].uid >= uid })
}

// after is the index of the first message whose UID is above uid.
func (v *view) after(uid uint32) int {
	return sort.Search(len(v.list), func(i int) bool { return v.list[i].uid > uid })
}

func (v *view) span(positions []int, from, to int) []int {
	for i := max(from, 0); i < min(to, len(v.list)); i++ {
		if !v.list[i].gone {
			positions = append(positions, i)
		}
	}
	return positions
}

// bounds replaces "*" (0) by the highest number and puts the ends in order: "*:5" is "5:*" (RFC 3501 §9, seq-range).
func bounds(start, stop, highest uint32) (uint32, uint32) {
	if start == 0 {
		start = highest
	}
	if stop == 0 {
		stop = highest
	}
	return min(start, stop), max(start, stop)
}

func imapFlags(flags []string) []imap.Flag {
	out := make([]imap.Flag, len(flags))
	for i, f := range flags {
		out[i] = imap.Flag(f)
	}
	return out
}

func plainFlags(flags []imap.Flag) []string {
	out := make([]string, len(flags))
	for i, f := range flags {
		out[i] = string(f)
	}
	return out
}
