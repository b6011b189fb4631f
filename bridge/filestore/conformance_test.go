package filestore_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"posthouse/bridge"
	"posthouse/bridge/filestore"
	"posthouse/bridge/object"
	"posthouse/bridge/storetest"
	"posthouse/cutover"
)

// box is a folder of files, and whoever exports into it.
type box struct {
	dir  string
	kind cutover.FolderKind
}

func (b box) Open(*testing.T) bridge.Store {
	return filestore.New(filestore.Options{Dir: b.dir, Kinds: []cutover.FolderKind{b.kind}, Batch: 10})
}

func (b box) file(p cutover.FolderPath) string {
	return filepath.Join(b.dir, p[len(p)-1]+map[cutover.FolderKind]string{cutover.Calendar: ".ics", cutover.Contacts: ".vcf"}[b.kind])
}

func (b box) change(t *testing.T, p cutover.FolderPath, do func([]object.Part) []object.Part) {
	t.Helper()
	raw, err := os.ReadFile(b.file(p))
	if err != nil {
		t.Fatal(err)
	}
	var parts []object.Part
	if len(raw) > 0 {
		parts = object.Split(b.kind, raw)
	}
	var all bytes.Buffer
	for _, part := range do(parts) {
		all.Write(part.Raw)
	}
	if err := os.WriteFile(b.file(p), all.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (b box) Deliver(t *testing.T, p cutover.FolderPath, m storetest.Message) {
	b.change(t, p, func(parts []object.Part) []object.Part { return append(parts, object.Part{Raw: m.Raw}) })
}

func (b box) AddFolder(t *testing.T, p cutover.FolderPath) {
	if err := os.WriteFile(b.file(p), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (b box) SetFlags(t *testing.T, _ cutover.FolderPath, _ cutover.Ref, _ ...string) {
	t.Fatal("objects have no flags")
}

func (b box) Remove(t *testing.T, p cutover.FolderPath, ref cutover.Ref) { b.Change(t, p, ref, nil) }

func (b box) Renew(t *testing.T, _ cutover.FolderPath) { t.Fatal("there is nothing to forget") }

func (b box) Change(t *testing.T, p cutover.FolderPath, ref cutover.Ref, raw []byte) {
	b.change(t, p, func(parts []object.Part) []object.Part {
		for i := range parts {
			if parts[i].UID == string(ref) {
				parts[i].Raw = raw
			}
		}
		return parts
	})
}

func TestConformance(t *testing.T) {
	for kind, home := range map[cutover.FolderKind]cutover.FolderPath{cutover.Calendar: {"Calendars", "calendar"}, cutover.Contacts: {"Address books", "contacts"}} {
		t.Run(string(kind), func(t *testing.T) {
			storetest.Run(t, storetest.Habits{Kind: kind, Home: home, Batch: 10, Places: true, Search: true, Bare: true, NoTokens: true, ByArrival: true}, func(t *testing.T) storetest.Mailbox {
				b := box{t.TempDir(), kind}
				b.AddFolder(t, home)
				return b
			})
		})
	}
}

// What a product exported as one calendar is taken apart, and what changes in the next export is told alone.
func TestAnExportedCalendar(t *testing.T) {
	b := box{t.TempDir(), cutover.Calendar}
	export := func(titles ...string) {
		raw := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Ours\r\n"
		for i, title := range titles {
			raw += "BEGIN:VEVENT\r\nUID:" + string(rune('a'+i)) + "\r\nSUMMARY:" + title + "\r\nEND:VEVENT\r\n"
		}
		if err := os.WriteFile(filepath.Join(b.dir, "Ours 2026.ics"), []byte(raw+"END:VCALENDAR\r\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	export("one", "two", "three")
	s := b.Open(t)
	folders, err := s.Folders(t.Context())
	if err != nil || len(folders) != 1 || folders[0].Path[1] != "Ours 2026" {
		t.Fatalf("%+v, %v", folders, err)
	}
	first, err := s.Next(t.Context(), folders[0], "")
	if err != nil || len(first.Changes) != 3 {
		t.Fatalf("%+v, %v", first, err)
	}
	export("one", "two, changed", "three", "four")
	second, err := b.Open(t).Next(t.Context(), folders[0], first.After)
	if err != nil || len(second.Changes) != 2 || second.Changes[0].Item.Ref != "d" || second.Changes[1].Item.Ref != "b" || !second.Fresh {
		t.Errorf("%+v, %v", second, err)
	}
}

// Who has no UID is known by his octets, wherever the next export puts him; a byte order mark hides nobody.
func TestContactsWithoutUID(t *testing.T) {
	b := box{t.TempDir(), cutover.Contacts}
	export := func(names ...string) {
		raw := ""
		for _, name := range names {
			raw += "\ufeffBEGIN:VCARD\r\nFN:" + name + "\r\nEND:VCARD\r\n"
		}
		if err := os.WriteFile(filepath.Join(b.dir, "contacts.vcf"), []byte(raw), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	export("Bob", "Carol", "Carol")
	folders, err := b.Open(t).Folders(t.Context())
	if err != nil || len(folders) != 1 {
		t.Fatalf("%+v, %v", folders, err)
	}
	first, err := b.Open(t).Next(t.Context(), folders[0], "")
	if err != nil || len(first.Changes) != 3 {
		t.Fatalf("%+v, %v", first, err)
	}
	export("Anna", "Bob", "Carol", "Carol")
	second, err := b.Open(t).Next(t.Context(), folders[0], first.After)
	if err != nil || len(second.Changes) != 1 || second.Changes[0].Item.Identity == first.Changes[0].Item.Identity {
		t.Errorf("%+v, %v", second, err)
	}
}
