package davstore_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/ledger"
)

// check holds the cloud, the files and the report against the old side.
func (w *wild) check() {
	w.Helper()
	olds, news, saved := w.olds(), thingsOn(w.new), w.files()
	pairs := w.counterparts()
	of := map[string][]thing{} // by UID
	for _, t := range news {
		of[t.uid] = append(of[t.uid], t)
	}
	if w.Failed() {
		w.FailNow()
	}
	known := map[string]bool{}
	for _, t := range olds {
		known[t.uid], known[t.says] = true, true
		in := pairs[t.collection]
		copies := slices.DeleteFunc(slices.Clone(news), func(c thing) bool {
			return c.collection != in || (c.uid != t.uid || t.uid == "") && (t.uid != "" || c.says != t.says)
		})
		own, touched := w.touched[t.uid]
		if len(copies) > 1 {
			w.Errorf("%s is there %d times: %q", t.uid, len(copies), copies)
		}
		same := slices.ContainsFunc(copies, func(c thing) bool { return c.says == t.says })
		switch {
		case w.clashed[t.uid] || w.spread[t.uid]:
			if !same && !touched && !isSavedAs(saved, t.says) {
				w.Errorf("%s %s is in the cloud neither nor in a file: %s, %q", t.collection, t.uid, t.says, copies)
			}
		case touched && own == "":
			if len(of[t.uid]) > 0 {
				w.Errorf("%s was removed in the cloud and is there again: %q", t.uid, of[t.uid])
			}
		case touched:
			if len(of[t.uid]) != 1 || of[t.uid][0].says != words(own) {
				w.Errorf("%s is %q, its owner made it %q", t.uid, of[t.uid], own)
			}
		case !same && w.alters && len(copies) == 1 && isSavedAs(saved, t.says): // nobody can tell its copy from one that its owner changed, where a reply was lost
		case !same:
			w.Errorf("%s/%s %s says %s, its copies in %s %q, all %q", t.collection, t.name, t.uid, t.says, in, copies, of[t.uid])
		case w.noMove && slices.ContainsFunc(of[t.uid], w.ofVanished): // it was put once more, and its old calendar tells of no deletion
		case t.uid != "" && len(t.likes(of[t.uid])) > 1:
			w.Errorf("%s is there %d times: %q", t.uid, len(of[t.uid]), of[t.uid])
		}
	}
	w.checkLeft(news, known, slices.Collect(maps.Values(pairs)))
	for uid, own := range w.touched {
		if own != "" && !w.clashed[uid] && !w.spread[uid] && !slices.ContainsFunc(of[uid], func(c thing) bool { return c.says == words(own) }) {
			w.Errorf("%s was %q by its owner and is %q", uid, own, of[uid])
		}
	}
	if sent := append(w.old.Messages(), w.new.Messages()...); len(sent) != 0 {
		w.Errorf("sent: %q", sent)
	}
	w.checkReport(len(olds))
	if w.Failed() {
		for _, row := range w.rows() {
			w.Logf("%d %s in %d %q at %q %q: %s %q %q %q", row.ID, w.uidOf(row), row.Folder, row.Legacy, row.Cloud.Ref, row.CloudVersion, row.Disposition, row.Note, row.Tail, row.Version)
		}
		w.Logf("the cloud holds %s", news)
		w.FailNow()
	}
	w.checkQuiet()
}

// likes are those of the things that are of its kind: a contact may have an event's UID.
func (t thing) likes(all []thing) []thing {
	isContact := func(t thing) bool { return bytes.Contains(t.raw, []byte("BEGIN:VCARD")) }
	return slices.DeleteFunc(slices.Clone(all), func(other thing) bool { return isContact(other) != isContact(t) })
}

// uidOf is a row's UID, as far as it is one of ours.
func (w *wild) uidOf(row ledger.Item) string {
	for n := range w.next + 1 {
		for _, kind := range []string{"u", "s"} {
			if uid := fmt.Sprint(kind, n); w.isOf(row, uid) {
				return uid
			}
		}
	}
	return "?"
}

// checkLeft demands that what is not on the old side any more is not in the cloud, where deletions follow: they do in collections that have a counterpart.
func (w *wild) checkLeft(news []thing, known map[string]bool, in []string) {
	for _, c := range news {
		if _, touched := w.touched[c.uid]; known[c.uid] || touched || w.deletions == 0 || w.clashed[c.uid] || w.spread[c.uid] || known[c.says] || !slices.Contains(in, c.collection) {
			continue
		}
		if w.ofVanished(c) {
			continue // with its collection
		}
		if bytes.Contains(bytes.ReplaceAll(c.raw, []byte("\r\n "), nil), []byte("bob@example.com")) {
			continue // it would be cancelled
		}
		if w.alters && w.staysAsChanged(c) {
			continue // nobody can tell it from one that its owner changed, where a reply was lost
		}
		w.Errorf("%s/%s %q was deleted on the old side and is there: %s", c.collection, c.name, c.uid, c.says)
	}
}

// staysAsChanged reports whether a copy of what was deleted is said to stay for a change in the cloud.
func (w *wild) staysAsChanged(c thing) bool {
	return slices.ContainsFunc(w.rows(), func(row ledger.Item) bool {
		return string(row.Cloud.Ref) == c.name && strings.Contains(row.Note, bridge.StaysNote) && strings.Contains(row.Note, "it was changed in the cloud")
	})
}

// ofVanished reports whether a copy is of an item that was deleted, or moved, with a collection that is called otherwise now.
func (w *wild) ofVanished(c thing) bool {
	pairs, err := w.ledger.Pairs(w.Context(), anna)
	if err != nil {
		w.Fatal(err)
	}
	old := w.titles(true)
	return slices.ContainsFunc(w.rows(), func(row ledger.Item) bool {
		i := slices.IndexFunc(pairs, func(p ledger.FolderPair) bool { return p.ID == row.Folder })
		return string(row.Cloud.Ref) == c.name && old[pairs[i].Legacy.Key()] == ""
	})
}

// files are what all saved ones say.
func (w *wild) files() (all []string) {
	err := filepath.WalkDir(w.saved, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		raw, err := os.ReadFile(path)
		for _, t := range things("", path, raw) {
			all = append(all, t.says)
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return all
}

func isSavedAs(saved []string, says string) bool { return slices.Contains(saved, says) }

// counterparts are the cloud's collections by those of the old side, as they are paired.
func (w *wild) counterparts() map[string]string {
	pairs, err := w.ledger.Pairs(w.Context(), anna)
	if err != nil {
		w.Fatal(err)
	}
	found := map[string]string{}
	old, cloud := w.titles(true), w.titles(false)
	for title, c := range old {
		for _, p := range pairs {
			if p.Legacy.Key() == title {
				found[c] = cloud[p.Cloud.Key()]
			}
		}
		if found[c] == "" {
			w.Errorf("%s (%s) has no counterpart", c, title)
		}
	}
	return found
}

// titles are the names of a side's collections by their path.
func (w *wild) titles(old bool) map[string]string {
	s := w.new
	if old {
		s = w.old
	}
	all := map[string]string{}
	for _, c := range slices.Sorted(maps.Keys(s.Collections("anna"))) {
		title := s.Property("anna", c, "DAV: displayname")
		if title == "" {
			title = c
		}
		begin := "Calendars"
		if isContacts(c) || s.Collections("anna")[c] == "addressbook" {
			begin = "Address books"
		}
		all[cutover.FolderPath{begin, title}.Key()] = c
	}
	return all
}

// checkReport demands that a comparison finds what is so.
func (w *wild) checkReport(olds int) {
	r := w.verified()
	rows := w.rows()
	among := func(f bridge.Finding, uids map[string]bool) bool {
		return uids[f.MessageID] || f.MessageID == "" && slices.ContainsFunc(rows, func(row ledger.Item) bool {
			return row.Legacy.Ref == f.Ref && slices.ContainsFunc(slices.Collect(maps.Keys(uids)), func(uid string) bool { return w.isOf(row, uid) })
		})
	}
	owned := map[string]bool{}
	for uid := range w.touched {
		owned[uid] = true
	}
	doubtful := func(f bridge.Finding) bool { return among(f, w.clashed) || among(f, w.spread) }
	for _, f := range r.Missing {
		if !doubtful(f) {
			w.Errorf("missing: %+v", f)
		}
	}
	for _, f := range r.Removed {
		if w.touched[f.MessageID] != "" && !doubtful(f) {
			w.Errorf("removed: %+v", f)
		}
	}
	for uid, own := range w.touched {
		if own == "" && !w.clashed[uid] && !w.spread[uid] && slices.ContainsFunc(w.olds(), func(t thing) bool { return t.uid == uid }) && !slices.ContainsFunc(r.Removed, func(f bridge.Finding) bool { return f.MessageID == uid }) {
			w.Errorf("%s was removed, and is not named", uid)
		}
	}
	for _, f := range slices.Concat(r.Extra, r.Altered) {
		if !doubtful(f) && !w.noMove {
			w.Errorf("extra or altered: %+v", f)
		}
	}
	if n := r.Equal + len(r.Missing) + len(r.Removed); n != olds {
		w.Errorf("%d equal, missing or removed, of %d: %+v", n, olds, r)
	}
	if len(r.Lost) > 0 && !w.alters {
		w.Errorf("lost: %+v", r.Lost)
	}
	for _, f := range r.Noted {
		if !w.alters && !among(f, owned) && !doubtful(f) && (strings.Contains(f.Why, bridge.ConflictNote) || strings.Contains(f.Why, bridge.RemovedNote) || strings.Contains(f.Why, "older") || strings.Contains(f.Why, "changed in the cloud")) {
			w.Errorf("noted: %+v", f)
		}
	}
}

// checkQuiet demands that another process, to which nothing is known of servers, has nothing to do.
func (w *wild) checkQuiet() {
	before, lay := w.new.Asked(), len(thingsOn(w.new))
	w.forget()
	w.restart()
	w.settles()
	after := w.new.Asked()
	for _, method := range []string{"PUT", "DELETE", "MOVE", "MKCALENDAR", "MKCOL"} {
		if n := after[method] - before[method]; n != 0 {
			w.Errorf("%d more %s", n, method)
		}
	}
	if n := len(thingsOn(w.new)); n != lay {
		w.Errorf("%d items in the cloud, %d before", n, lay)
	}
}
