package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"posthouse/test/neighbour"
)

// dump is what a mailbox holds: for each folder the multiset of its messages. Folders go by their use, or by their path with slashes.
type dump map[string]map[copied]int

// copied is all that must be equal between a message and its copy. What came through the listener has a header of its own on either side: there the body and the Message-ID
// count, and the date is when it was delivered.
type copied struct {
	octets    [32]byte
	captured  bool
	messageID string
	flags     string
	date      int64
}

// traceField is in the header of what came through the listener.
const traceField = "X-Posthouse-Trace"

func copyOf(m neighbour.Message) copied {
	if m.Field(traceField) != "" {
		return copied{octets: m.Body, captured: true, messageID: m.Field("Message-ID"), flags: m.Flags}
	}
	return copied{octets: m.Whole, flags: m.Flags, date: m.Date.Unix()}
}

// read dumps a mailbox. Messages marked as deleted are not carried over: they are left out.
func read(m *neighbour.Mailbox) dump {
	d := dump{}
	for _, f := range m.Folders() {
		if f.NoSelect {
			continue
		}
		key := folderKey(f)
		if d[key] == nil {
			d[key] = map[copied]int{}
		}
		for _, message := range m.Read(f.Name) {
			if !hasFlag(message, `\Deleted`) {
				d[key][copyOf(message)]++
			}
		}
	}
	return d
}

// folderKey is what a folder and its copy have in common. A copy's name loses the wildcards of LIST.
func folderKey(f neighbour.Folder) string {
	if f.Use != "" {
		return f.Use
	}
	return strings.NewReplacer(f.Separator, "/", "%", "_", "*", "_").Replace(f.Name)
}

// total counts messages.
func (d dump) total() (n int) {
	for _, folder := range d {
		for _, times := range folder {
			n += times
		}
	}
	return n
}

// wantEqual compares both sides of a person's mailbox.
func (w *world) wantEqual(p person) {
	w.t.Helper()
	legacy, cloud := w.open(w.legacy, p), w.open(w.cloud, p)
	defer legacy.Close()
	defer cloud.Close()
	old, now := read(legacy), read(cloud)
	differ(w.t, p.name, old, now)
	w.t.Logf("%s: %d messages on the old server, %d in the cloud", p.name, old.total(), now.total())
}

// differ names what one side has more often than the other. Folders that only the cloud has are its own, as long as they are empty.
func differ(t testing.TB, who string, old, now dump) {
	t.Helper()
	for _, folder := range slices.Sorted(maps.Keys(old)) {
		if now[folder] == nil {
			t.Errorf("%s: the cloud has no folder %s", who, folder)
		}
		for c, times := range old[folder] {
			if now[folder][c] != times {
				t.Errorf("%s %s: %d times on the old server, %d in the cloud: %s", who, folder, times, now[folder][c], c)
			}
		}
	}
	for folder, messages := range now {
		for c, times := range messages {
			if old[folder][c] == 0 {
				t.Errorf("%s %s: only in the cloud, %d times: %s", who, folder, times, c)
			}
		}
	}
}

func (c copied) String() string {
	return fmt.Sprintf("%x (captured %v, Message-ID %q, flags %q, date %d)", c.octets[:6], c.captured, c.messageID, c.flags, c.date)
}
