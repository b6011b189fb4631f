package filestore_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"posthouse/bridge"
	"posthouse/cutover"
)

const exported = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:a\r\nSUMMARY:Grüße 😀\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:b\r\nSUMMARY:long\r\n er\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

func inUTF16(order binary.AppendByteOrder, text string) string {
	var raw []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		raw = order.AppendUint16(raw, unit)
	}
	return string(raw)
}

// However a program wrote its text, its items are told one by one, and are the same.
func TestWaysToWriteText(t *testing.T) {
	for name, text := range map[string]string{
		"as it should be": exported, "CR alone": strings.ReplaceAll(exported, "\r\n", "\r"), "LF alone": strings.ReplaceAll(exported, "\r\n", "\n"), "a byte order mark": "\ufeff" + exported,
		"UTF-16": inUTF16(binary.LittleEndian, "\ufeff"+exported), "UTF-16, big": inUTF16(binary.BigEndian, "\ufeff"+exported),
		"UTF-16 without a mark": inUTF16(binary.LittleEndian, exported), "UTF-16 and CR": inUTF16(binary.BigEndian, strings.ReplaceAll(exported, "\r\n", "\r")),
	} {
		t.Run(name, func(t *testing.T) {
			b := box{t.TempDir(), cutover.Calendar}
			if err := os.WriteFile(filepath.Join(b.dir, "one.ics"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			s := b.Open(t)
			folders, err := s.Folders(t.Context())
			if err != nil || len(folders) != 1 {
				t.Fatalf("%+v, %v", folders, err)
			}
			told, err := s.Next(t.Context(), folders[0], "")
			if err != nil || len(told.Changes) != 2 {
				t.Fatalf("%+v, %v", told, err)
			}
			want := map[cutover.Ref]string{"a": "SUMMARY:Grüße 😀", "b": "SUMMARY:long\r\n er"}
			err = s.Fetch(t.Context(), folders[0], []cutover.Ref{"a", "b"}, func(f bridge.Fetched) error {
				raw := make([]byte, f.Content.Size())
				r, err := f.Content.Open()
				if err != nil {
					return err
				}
				defer r.Close()
				if _, err := r.Read(raw); err != nil {
					return err
				}
				if name == "LF alone" {
					raw = []byte(strings.ReplaceAll(string(raw), "\n", "\r\n"))
				}
				if !strings.Contains(string(raw), want[f.Ref]+"\r\n") || strings.Count(string(raw), "UID:") != 1 {
					return fmt.Errorf("%s is %q", f.Ref, raw)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// Programs on Windows write names in capitals too; two files that would be called alike are two calendars.
func TestNamesOfFiles(t *testing.T) {
	b := box{t.TempDir(), cutover.Calendar}
	for _, name := range []string{"LOUD.ICS", "Work.ics", "Work.Ics", "a b.ics", "a%20b.ics", "note.txt"} {
		if err := os.WriteFile(filepath.Join(b.dir, name), []byte(exported), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	folders, err := b.Open(t).Folders(t.Context())
	var keys []string
	for _, f := range folders {
		keys = append(keys, f.Path[1])
		if told, err := b.Open(t).Next(t.Context(), f, ""); err != nil || len(told.Changes) != 2 {
			t.Errorf("%s: %+v, %v", f.Name, told, err)
		}
	}
	slices.Sort(keys)
	if err != nil || !slices.Equal(keys, []string{"LOUD", "Work", "Work.ics", "a b", "a%20b.ics"}) {
		t.Errorf("%q, %v", keys, err)
	}
}
