package davstore_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"posthouse/cutover"
	"posthouse/internal/testserver"
	"posthouse/ledger"
)

// olds are all items on the old side.
func (w *wild) olds() []thing { return thingsOn(w.old) }

func thingsOn(s *testserver.DAV) (all []thing) {
	for _, c := range slices.Sorted(maps.Keys(s.Collections("anna"))) {
		objects := s.Objects("anna", c)
		for _, name := range slices.Sorted(maps.Keys(objects)) {
			all = append(all, things(c, name, objects[name])...)
		}
	}
	return all
}

// happen is one thing that somebody does.
func (w *wild) happen() {
	w.mu.Lock()
	defer w.mu.Unlock()
	deeds := []func(){
		w.add, w.add, w.add, w.edit, w.edit, w.edit, w.remove, w.remove, w.again, w.renameObject, w.exchange, w.otherUID, w.oneTooMany, w.alsoThere, w.move, w.move, w.forget, w.touchOld, w.touchNew,
		w.remake, w.moveCollection, w.renameCollection, w.several, w.nameless, w.own, w.own, w.own, w.ownBefore,
	}
	deeds[w.random.IntN(len(deeds))]()
}

// pick is one of the items on the old side that may be chosen, if there is any.
func (w *wild) pick(may func(thing) bool) (thing, bool) {
	all := slices.DeleteFunc(w.olds(), func(t thing) bool { return strings.HasPrefix(t.name, "anchor") || !may(t) })
	if len(all) == 0 {
		return thing{}, false
	}
	return all[w.random.IntN(len(all))], true
}

func whole(t thing) bool { return t.whole && t.uid != "" }

func anything(thing) bool { return true }

// collection is one on the old side; of the same kind as another, if that is given, and not it.
func (w *wild) collection(but string) string {
	all := slices.Sorted(maps.Keys(w.old.Collections("anna")))
	all = slices.DeleteFunc(all, func(c string) bool { return but != "" && (c == but || isContacts(c) != isContacts(but)) })
	return all[w.random.IntN(len(all))]
}

func (w *wild) name() string {
	w.next++
	return fmt.Sprintf([]string{"%d.ics", "o%d", "sp ace%d", "%d##x", "ü%d"}[w.random.IntN(5)], w.next)
}

func (w *wild) put(c, name string, raw []byte) {
	w.say("  old: %s/%s is %q", c, name, saysIn(c, raw))
	w.old.Put("anna", c, name, raw)
}

func saysIn(c string, raw []byte) (all []string) {
	for _, t := range things(c, "", raw) {
		all = append(all, t.uid+": "+t.says)
	}
	return all
}

func (w *wild) add() {
	w.next++
	c, uid := w.collection(""), fmt.Sprint("u", w.next)
	w.put(c, w.name(), w.object(c, uid))
}

func (w *wild) edit() {
	if t, is := w.pick(whole); is {
		w.put(t.collection, t.name, w.object(t.collection, t.uid))
	}
}

func (w *wild) remove() {
	if t, is := w.pick(anything); is {
		w.say("  old: %s/%s is deleted", t.collection, t.name)
		w.old.Remove("anna", t.collection, t.name)
	}
}

// again writes an item that was deleted, under another name.
func (w *wild) again() {
	n := w.random.IntN(w.next + 1)
	uid := fmt.Sprint("u", n)
	c := w.collection("")
	if _, touched := w.touched[uid]; !touched && !w.noMove && !slices.ContainsFunc(w.olds(), func(t thing) bool { return t.uid == uid }) {
		w.put(c, w.name(), w.object(c, uid))
	}
}

func (w *wild) renameObject() {
	if t, is := w.pick(anything); is {
		name := w.name()
		w.say("  old: %s/%s is called %s", t.collection, t.name, name)
		w.old.Rename("anna", t.collection, t.name, name)
	}
}

// exchange gives two objects each other's name.
func (w *wild) exchange() {
	a, is := w.pick(anything)
	b, other := w.pick(func(b thing) bool { return b.collection == a.collection && b.name != a.name })
	if is && other {
		w.say("  old: exchanged:")
		w.put(a.collection, a.name, b.raw)
		w.put(b.collection, b.name, a.raw)
	}
}

func (w *wild) otherUID() {
	if t, is := w.pick(whole); is {
		w.next++
		w.put(t.collection, t.name, w.object(t.collection, fmt.Sprint("u", w.next)))
	}
}

// oneTooMany puts another object with a UID into its collection: a copy, or some of the recurrences.
func (w *wild) oneTooMany() {
	if t, is := w.pick(whole); is {
		w.clashed[t.uid] = true
		raw := w.object(t.collection, t.uid)
		if i := bytes.LastIndex(raw, []byte("BEGIN:VEVENT")); i > 0 {
			raw = append([]byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n"), raw[i:]...)
		}
		w.put(t.collection, w.name(), raw)
	}
}

// alsoThere copies an item into another collection.
func (w *wild) alsoThere() {
	if t, is := w.pick(whole); is {
		w.spread[t.uid] = true
		w.put(w.collection(t.collection), w.name(), t.raw)
	}
}

// leaves notes that a copy may stay where its item was: what the owner had there before, and what no server moves.
func (w *wild) leaves(t thing) {
	_, touched := w.touched[t.uid]
	if touched && !w.inCloud(t) || w.noMove && (touched || w.deletions == 0 || organised(t.uid)) {
		w.spread[t.uid] = true
	}
}

func (w *wild) move() {
	if t, is := w.pick(whole); is {
		w.leaves(t)
		to, name, raw := w.collection(t.collection), t.name, t.raw
		if w.random.IntN(2) == 0 {
			name = w.name()
		}
		if w.random.IntN(3) == 0 {
			raw = w.object(to, t.uid)
		}
		if w.random.IntN(2) == 0 {
			w.put(to, name, raw)
			w.old.Remove("anna", t.collection, t.name)
		} else {
			w.old.Remove("anna", t.collection, t.name)
			w.put(to, name, raw)
		}
		w.say("  old: which was %s/%s", t.collection, t.name)
	}
}

func (w *wild) forget() {
	w.say("  tokens are forgotten")
	w.old.ForgetTokens()
	w.new.ForgetTokens()
}

func (w *wild) touchOld() { w.touchSome(w.old) }
func (w *wild) touchNew() {
	if !w.alters { // there nobody can tell it from a change
		w.touchSome(w.new)
	}
}

// touchSome gives items other versions without a change.
func (w *wild) touchSome(s *testserver.DAV) {
	w.say("  other versions, old: %v", s == w.old)
	every := 1 + w.random.IntN(3)
	for i, t := range thingsOn(s) {
		if i%every == 0 {
			s.Touch("anna", t.collection, t.name)
		}
	}
}

// remake deletes a collection and makes it once more, with what it held, under the same names or others.
func (w *wild) remake() {
	c, same := w.collection(""), w.random.IntN(2) == 0
	objects, title := w.old.Objects("anna", c), w.old.Property("anna", c, "DAV: displayname")
	w.say("  old: %s is made anew, same names: %v", c, same)
	w.old.RemoveCollection("anna", c)
	kind := testserver.DAVCalendar
	if isContacts(c) {
		kind = testserver.DAVContacts
	}
	w.old.AddCollection("anna", c, kind, title)
	for _, name := range slices.Sorted(maps.Keys(objects)) {
		as := name
		if !same && !strings.HasPrefix(name, "anchor") {
			as = w.name()
		}
		w.old.Put("anna", c, as, objects[name])
	}
}

// moveCollection gives one that has a title another address.
func (w *wild) moveCollection() {
	c := w.collection("")
	if w.old.Property("anna", c, "DAV: displayname") != "" {
		w.next++
		to := fmt.Sprint(strings.TrimRight(c, "0123456789"), w.next)
		w.say("  old: %s is %s now", c, to)
		w.old.MoveCollection("anna", c, to)
	}
}

func (w *wild) renameCollection() {
	c := w.collection("")
	w.next++
	w.say("  old: %s is called Title %d", c, w.next)
	w.old.SetProperty("anna", c, "DAV: displayname", fmt.Sprint("Title ", w.next))
	for _, t := range w.olds() {
		if t.collection == c && w.noMove {
			w.spread[t.uid] = true
		}
	}
}

// several puts an object that holds several items, or what one held, with a change.
func (w *wild) several() {
	c := w.collection("")
	var uids []string
	for range 2 {
		w.next++
		uids = append(uids, fmt.Sprint("s", w.next))
	}
	name := w.name()
	if t, is := w.pick(func(t thing) bool { return !t.whole }); is && w.random.IntN(2) == 0 {
		c, name, uids = t.collection, t.name, nil
		for _, o := range things(c, name, t.raw) {
			uids = append(uids, o.uid)
		}
	}
	raw := append(w.object(c, uids[0]), w.object(c, uids[1])...)
	if i, head := bytes.LastIndex(raw, []byte("BEGIN:VCALENDAR")), len("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n"); i >= 0 {
		raw = append(raw[:i-len("END:VCALENDAR\r\n"):i], raw[i+head:]...)
	}
	w.put(c, name, raw)
}

// nameless puts an item without a UID, or one that was there, with a change.
func (w *wild) nameless() {
	c, name := w.collection(""), w.name()
	if t, is := w.pick(func(t thing) bool { return t.whole && t.uid == "" }); is && w.random.IntN(2) == 0 {
		c, name = t.collection, t.name
	}
	w.next++
	title := fmt.Sprintf("n v%d.", w.next)
	raw := bytes.Replace(objectOf(c, "@", title, 0), []byte("UID:@\r\n"), nil, 1)
	w.put(c, name, raw)
}

// own is something that the owner does in the cloud.
func (w *wild) own() {
	t, is := w.pick(func(t thing) bool { return t.uid != "" && !w.clashed[t.uid] && !w.spread[t.uid] })
	if !is {
		return
	}
	copies := slices.DeleteFunc(thingsOn(w.new), func(c thing) bool { return c.uid != t.uid })
	if len(copies) != 1 { // none yet, or one that is about to go
		return
	}
	for _, c := range copies {
		switch {
		case w.random.IntN(2) == 0:
			w.touched[t.uid] = fmt.Sprintf("%s own%d.", t.uid, w.next)
			w.next++
			raw := objectOf(t.collection, t.uid, w.touched[t.uid], 0)
			w.say("  new: %s/%s is %q", c.collection, c.name, saysIn(c.collection, raw))
			w.new.Put("anna", c.collection, c.name, raw)
		case w.inCloud(t):
			w.touched[t.uid] = ""
			w.say("  new: %s/%s (%s) is deleted", c.collection, c.name, c.uid)
			w.new.Remove("anna", c.collection, c.name)
		}
	}
}

// inCloud reports whether it is known that the item was put: nobody could tell otherwise.
func (w *wild) inCloud(t thing) bool {
	for _, row := range w.rows() {
		if w.isOf(row, t.uid) && row.Disposition != cutover.Gone {
			return row.Disposition.InCloud() && row.Cloud.Ref != ""
		}
	}
	return false
}

// isOf reports whether a row is that of an item with the UID, which rows do not keep.
func (w *wild) isOf(row ledger.Item, uid string) bool {
	return uid != "" && (row.Identity.Key == cutover.IdentityOfUID(cutover.Calendar, uid).Key || row.Identity.Key == cutover.IdentityOfUID(cutover.Contacts, uid).Key)
}

// ownBefore is an item that the owner made in the cloud, and has on the old side too.
func (w *wild) ownBefore() {
	if w.alters {
		return
	}
	w.next++
	uid, c := fmt.Sprint("u", w.next), []string{home, "contacts"}[w.random.IntN(2)]
	w.touched[uid] = fmt.Sprintf("%s own%d.", uid, w.next)
	raw := objectOf(c, uid, w.touched[uid], 0)
	w.say("  new: %s/own %d is %q", c, w.next, saysIn(c, raw))
	w.new.Put("anna", c, fmt.Sprint("own ", w.next), raw)
	if _, there := w.old.Collections("anna")[c]; there {
		w.put(c, w.name(), w.object(c, uid))
	}
}
