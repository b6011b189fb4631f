package imapstore

import (
	"slices"

	"posthouse/bridge"
	"posthouse/cutover"
)

// A message is never refused for its keywords: one that is refused with some is sent once more without those that the folder does not know by name. If it is taken then, they are not tried again.

// plainer is the item without such keywords; fewer reports whether it had any.
func (l *lanes) plainer(item bridge.PutItem) (plain bridge.PutItem, fewer bool) {
	k := l.store.knownIn(l.f)
	k.denied = nil // the item may have been sent before they were
	named := k.named(item.Flags)
	kept := flagsOf(k.keepable(item.Flags))
	l.telling.Lock()
	defer l.telling.Unlock()
	if len(named) == len(kept) || len(l.plain[item.ID]) > 0 {
		return item, false
	}
	l.plain[item.ID] = lacking(kept, named)
	item.Flags = lacking(item.Flags, l.plain[item.ID])
	return item, true
}

// leftOut are the keywords without which an item was stored.
func (l *lanes) leftOut(item bridge.PutItem) cutover.Flags {
	l.telling.Lock()
	refused := l.plain[item.ID]
	l.telling.Unlock()
	if len(refused) > 0 {
		l.store.deny(l.f, refused)
	}
	return append(lacking(item.Flags, flagsOf(l.store.knownIn(l.f).keepable(item.Flags))), refused...)
}

// lacking leaves some flags out.
func lacking(flags, left cutover.Flags) cutover.Flags {
	return slices.DeleteFunc(slices.Clone(flags), left.Has)
}
