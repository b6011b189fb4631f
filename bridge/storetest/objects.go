package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"posthouse/bridge"
	"posthouse/cutover"
)

// Changer is a Mailbox of objects: their owner changes them.
type Changer interface {
	Change(t *testing.T, path cutover.FolderPath, ref cutover.Ref, raw []byte)
}

// object is the nth object of the suite; note makes another version of it.
func (s *suite) object(n int, note string) []byte {
	if s.Kind == cutover.Contacts {
		return fmt.Appendf(nil, "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:%d@suite.example.com\r\nFN:Person %d\r\nN:%d;Person;;;\r\nNOTE:%s\r\nX-KEPT;A=\"b;c:d\":e\r\nEND:VCARD\r\n", n, n, n, note)
	}
	return fmt.Appendf(nil, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//suite//EN\r\nBEGIN:VEVENT\r\nUID:%d@suite.example.com\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:202601%02dT100000Z\r\nDTEND:202601%02dT110000Z\r\nSUMMARY:Event %d %s\r\nX-KEPT;A=\"b;c:d\":e\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
		n, n%28+1, n%28+1, n, note)
}

// oddObjects try what carries them.
func (s *suite) oddObjects() map[string][]byte {
	end := "END:VEVENT\r\n"
	if s.Kind == cutover.Contacts {
		end = "END:VCARD\r\n"
	}
	odd, n := map[string][]byte{}, 1000
	add := func(name, lines string) {
		n++
		odd[name] = bytes.Replace(s.object(n, ""), []byte(end), []byte(lines+end), 1)
	}
	add("plain", "")
	add("UTF-8", "COMMENT:Grüße, 日本語 😀 \xe2\x80\xa8\r\n")
	add("markup", "COMMENT:<a href=\"x\">]]>&amp;\r\n")
	add("folded", "COMMENT:fol\r\n ded gr\xc3\r\n \xbc\xc3\x9fe\r\n")
	add("unknown", "X-UNKNOWN;X-P=\"a,b\",c:d\\;e\\,f\r\n")
	add("tabs", "COMMENT:a\tb\r\n\tc\r\n")
	add("blanks", "COMMENT: a  b \r\n")
	add("300 KiB", "ATTACH;ENCODING=BASE64;VALUE=BINARY:"+strings.Repeat("QUJD", 300<<10/4)+"\r\n")
	if s.Bare {
		add("bare line ends", "")
		odd["bare line ends"] = bytes.ReplaceAll(odd["bare line ends"], []byte("\r\n"), []byte("\n"))
	}
	return odd
}

func (s *suite) putOdd() {
	var items []bridge.PutItem
	for _, raw := range s.oddObjects() {
		items = append(items, bridge.PutItem{ID: len(items), Content: content{raw: raw}})
	}
	outcomes := s.putAll(s.inbox, slices.Values(items))
	stored := s.stored(s.inbox)
	for _, item := range items {
		o, want := outcomes[item.ID], s.read(item.Content)
		s.ok(o.Err)
		if stored[o.Place.Ref].Version != o.Version || o.Version == "" {
			s.Errorf("version %q is told, stored is %+v", o.Version, stored[o.Place.Ref])
		}
		if got := s.fetch(s.inbox, o.Place.Ref)[o.Place.Ref]; !s.Rewrites && !bytes.Equal(got, want) {
			s.Errorf("stored %.300q instead of %.300q", got, want)
		}
	}
}

// changedItems: an item that its owner changed is told of, in its new version.
func (s *suite) changedItems() {
	s.deliver(1, 3)
	batches, after := s.follow(s.store, s.inbox, "")
	was := batches[0].Changes[1].Item
	n := s.which(was, 3)
	s.box.(Changer).Change(s.T, s.inbox.Path, was.Ref, s.object(n, "changed"))
	b, err := s.store.Next(s.ctx, s.inbox, after)
	s.ok(err)
	if len(b.Changes) != 1 || !b.Fresh || b.Changes[0].Item.Ref != was.Ref || b.Changes[0].Item.Version == was.Version || b.Changes[0].Item.Identity != was.Identity {
		s.Fatalf("after a change of %+v: %+v", was, b)
	}
	for ref, raw := range s.fetch(s.inbox, was.Ref) {
		if !bytes.Contains(raw, []byte("changed")) {
			s.Errorf("%s is fetched as it was: %q", ref, raw)
		}
	}
	if b, err = s.store.Next(s.ctx, s.inbox, b.After); err != nil || len(b.Changes) != 0 {
		s.Errorf("the change came again: %+v, %v", b.Changes, err)
	}
}

// replace: a version that is known is replaced, another one is not, and what is gone does not come back.
func (s *suite) replace() {
	first := s.putAll(s.inbox, s.putItems(1, 1))[1]
	s.ok(first.Err)
	over := func(note, version string) bridge.Outcome {
		item := bridge.PutItem{ID: 1, At: first.Place.Ref, Replace: version, Content: content{raw: s.object(1, note)}}
		return s.putAll(s.inbox, slices.Values([]bridge.PutItem{item}))[1]
	}
	now := func() string { return string(s.fetch(s.inbox, first.Place.Ref)[first.Place.Ref]) }
	second := over("second", first.Version)
	if second.Err != nil || second.Version == first.Version || second.Version == "" || !strings.Contains(now(), "second") {
		s.Fatalf("%+v became %+v: %s", first, second, now())
	}
	if third := over("third", first.Version); !errors.Is(third.Err, bridge.ErrChanged) || !strings.Contains(now(), "second") {
		s.Errorf("over an unknown version: %+v, %s", third, now())
	}
	s.box.(Changer).Change(s.T, s.inbox.Path, first.Place.Ref, s.object(1, "by its owner"))
	if third := over("third", second.Version); !errors.Is(third.Err, bridge.ErrChanged) || !strings.Contains(now(), "by its owner") {
		s.Errorf("over its owner's change: %+v, %s", third, now())
	}
	s.box.Remove(s.T, s.inbox.Path, first.Place.Ref)
	if third := over("third", second.Version); !errors.Is(third.Err, bridge.ErrChanged) || len(s.refs(s.inbox)) != 0 {
		s.Errorf("over nothing: %+v", third)
	}
}

// putAgain: an item that lies there is not put a second time, whoever put it, and not replaced.
func (s *suite) putAgain() {
	first := s.putAll(s.inbox, s.putItems(1, 1))[1]
	again := s.putAll(s.inbox, s.putItems(1, 1))[1]
	if len(s.refs(s.inbox)) != 1 || again.Err == nil && again.Place != first.Place || again.Err != nil && !errors.Is(again.Err, bridge.ErrRefused) {
		s.Errorf("put as %+v, then %+v", first, again)
	}
	other := bridge.PutItem{ID: 1, Content: content{raw: s.object(1, "another")}}
	if o := s.putAll(s.inbox, slices.Values([]bridge.PutItem{other}))[1]; !errors.Is(o.Err, bridge.ErrRefused) || len(s.refs(s.inbox)) != 1 {
		s.Errorf("another one with its UID: %+v", o)
	}
	if got := s.fetch(s.inbox, first.Place.Ref)[first.Place.Ref]; bytes.Contains(got, []byte("another")) {
		s.Errorf("it was replaced: %q", got)
	}
}

func (s *suite) searchByUID() {
	s.deliver(1, 25)
	s.ok(s.putAll(s.inbox, s.putItems(26, 26))[26].Err)
	found := map[int]bool{}
	for item, err := range s.store.Search(s.ctx, s.inbox, []cutover.Identity{s.identity(3), s.identity(26), cutover.IdentityOfUID(s.Kind, "never")}) {
		s.ok(err)
		found[s.which(item, 26)] = true
	}
	if !found[3] || !found[26] || len(found) != 2 {
		s.Errorf("found %v", found)
	}
}

// defaultFolder: the default is found by its role, whatever it is called.
func (s *suite) defaultFolder() {
	f, err := s.store.EnsureFolder(s.ctx, cutover.Folder{Path: cutover.FolderPath{s.Home[0], "something"}, Role: cutover.Default, Kind: s.Kind})
	if err != nil || f.Name != s.inbox.Name || s.inbox.Role != cutover.Default {
		s.Errorf("by role: %+v, %v", f, err)
	}
	s.box.AddFolder(s.T, cutover.FolderPath{"Second"})
	other, err := s.open().EnsureFolder(s.ctx, cutover.Folder{Path: cutover.FolderPath{s.Home[0], "Second"}, Kind: s.Kind})
	if err != nil || other.Name == s.inbox.Name || other.Role == cutover.Default {
		s.Errorf("by name: %+v, %v", other, err)
	}
}
