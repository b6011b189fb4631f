package bridge_test

import (
	"fmt"
	"slices"

	"posthouse/bridge/memstore"
	"posthouse/cutover"
	"posthouse/ledger"
)

func (l *life) receive() {
	l.tags++
	tag := fmt.Sprintf("tag-%d.", l.tags)
	id := tag
	if l.pick(6) == 0 && mayBeDoubled(tag) && (*wild || !l.upset()) {
		id = fmt.Sprint("shared ", l.pick(3))
	}
	body := tag
	switch l.pick(8) {
	case 0:
		body += " z\x00ro"
	case 1:
		if l.pick(3) == 0 {
			body += " hopeless"
		}
	}
	to := l.folders[l.pick(len(l.folders))]
	l.ever[tag]++
	l.note("%s comes into %s (%q)", tag, to, body)
	l.old().Deliver(to, memstore.Message{Raw: l.letter(tag, id, body), Flags: l.flags(), Date: l.date()})
}

func (l *life) flags() cutover.Flags {
	return cutover.NewFlags([][]string{{`\Seen`}, {`\Seen`, `\Answered`}, {`\Flagged`, "key"}, nil, {`\Deleted`, `\Seen`}}[l.pick(5)]...)
}

// act is one deed on the old side, or in the cloud.
func (l *life) act() {
	from, to := l.folders[l.pick(len(l.folders))], l.folders[l.pick(len(l.folders))]
	all := l.old().Messages(from)
	if len(all) == 0 {
		return
	}
	m := all[l.pick(len(all))]
	tag := tagOf(m)
	switch l.pick(l.deeds()) {
	case 0, 1:
		l.receive()
	case 2, 3, 4, 5:
		if !slices.Equal(from, to) {
			l.note("%s is moved from %s %s to %s", tag, from, m.Ref, to)
			l.old().Move(from, m.Ref, to)
		}
	case 6, 7:
		if mayBeDoubled(tag) && (*wild || !l.upset()) {
			l.ever[tag]++
			l.note("%s is copied from %s %s to %s", tag, from, m.Ref, to)
			l.old().Deliver(to, memstore.Message{Raw: m.Raw, Flags: m.Flags, Date: m.Date})
			if l.pick(2) == 0 && !m.Flags.Has(`\Deleted`) {
				l.note("%s in %s %s is marked: it was filed", tag, from, m.Ref)
				l.old().SetFlags(from, m.Ref, append(slices.Clone(m.Flags), `\Deleted`)...)
			}
		}
	case 8, 9:
		if l.pick(3) > 0 {
			from, m = l.again(from, m)
			tag = tagOf(m)
		}
		flags := l.flags()
		l.marked = tag
		l.note("%s in %s %s is flagged %v", tag, from, m.Ref, flags)
		l.old().SetFlags(from, m.Ref, flags...)
	case 10:
		if !m.Flags.Has(`\Deleted`) {
			l.note("%s in %s %s is marked", tag, from, m.Ref)
			l.old().SetFlags(from, m.Ref, append(slices.Clone(m.Flags), `\Deleted`)...)
		} else {
			l.note("%s in %s %s is expunged", tag, from, m.Ref)
			l.old().Remove(from, m.Ref)
		}
	case 11:
		l.rename(from)
	case 16:
		l.harm(from)
	case 12:
		if l.pick(3) == 0 && (*wild || l.upset()) {
			l.note("%s gets new references on the old side", from)
			l.old().Renew(from)
		}
	case 13:
		if l.pick(3) == 0 && (*wild || l.upset()) && l.exists(from) {
			l.note("%s gets new references in the cloud", from)
			l.new().Renew(from)
		}
	default:
		l.actInCloud()
	}
}

// again is the message that was flagged last, wherever it is now, or else the given one.
func (l *life) again(from cutover.FolderPath, m memstore.Message) (cutover.FolderPath, memstore.Message) {
	for _, path := range l.folders {
		for _, one := range l.old().Messages(path) {
			if tagOf(one) == l.marked {
				return path, one
			}
		}
	}
	return from, m
}

// fixed tells which folders nobody renames.
func (l *life) fixed(from cutover.FolderPath) bool {
	return slices.ContainsFunc([]cutover.FolderPath{inbox, archive, trash, {"Sent"}}, func(p cutover.FolderPath) bool { return slices.Equal(p, from) })
}

func (l *life) rename(from cutover.FolderPath) {
	if l.fixed(from) {
		return
	}
	l.renames++
	to := cutover.FolderPath{fmt.Sprint("renamed ", l.renames)}
	l.note("%s is renamed to %s", from, to)
	l.old().RenameFolder(from, to)
	i := slices.IndexFunc(l.folders, func(p cutover.FolderPath) bool { return slices.Equal(p, from) })
	l.folders[i] = to
	if l.pick(2) == 0 {
		l.note("%s is made anew", from)
		l.old().AddFolder(cutover.Folder{Path: from, Kind: cutover.Mail})
		l.folders = append(l.folders, from)
	}
}

func (l *life) exists(path cutover.FolderPath) bool {
	return slices.ContainsFunc(l.cloudFolders(), func(p cutover.FolderPath) bool { return slices.Equal(p, path) })
}

func (l *life) cloudFolders() (paths []cutover.FolderPath) {
	l.new().SetFault(nil)
	if l.failing {
		defer l.new().SetFault(l.step)
	}
	s := l.cloud.Open(string(anna.ID))
	defer s.Close()
	folders, err := s.Folders(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	for _, f := range folders {
		paths = append(paths, f.Path)
	}
	return paths
}

// actInCloud is one deed of the cloud's user, on a message that he knows.
func (l *life) actInCloud() {
	paths := l.cloudFolders()
	from := paths[l.pick(len(paths))]
	for _, m := range l.new().Messages(from) {
		tag := tagOf(m)
		if mayBeDoubled(tag) || l.pick(3) > 0 || l.failing && !l.settledAt(tag) {
			continue
		}
		l.touched[tag] = true
		switch {
		case l.pick(3) == 0:
			l.note("cloud: %s is removed from %s", tag, from)
			if l.purged[tag] = true; !l.discard || !slices.Equal(from, trash) {
				l.removed[tag]++
			}
			l.new().Remove(from, m.Ref)
		case !slices.Equal(from, aside):
			l.note("cloud: %s is moved aside from %s", tag, from)
			l.new().Move(from, m.Ref, aside)
		}
		return
	}
}

// settledAt reports whether the ledger is sure of a message's copy.
func (l *life) settledAt(tag string) bool {
	settled := true
	pairs, err := l.ledger.Pairs(l.t.Context(), anna.ID)
	if err != nil {
		return false
	}
	for _, p := range pairs {
		err := l.ledger.All(l.t.Context(), p.ID, func(row ledger.Item) bool {
			if row.Disposition == cutover.Intended {
				settled = false
			}
			return settled
		})
		if err != nil {
			return false
		}
	}
	return settled
}

// unmark takes all marks away.
func (l *life) unmark() {
	for _, path := range l.folders {
		for _, m := range l.old().Messages(path) {
			if m.Flags.Has(`\Deleted`) {
				l.note("%s in %s %s is unmarked", tagOf(m), path, m.Ref)
				l.old().SetFlags(path, m.Ref, `\Seen`)
			}
		}
	}
}
