package davstore_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"posthouse/cutover"
	"posthouse/test/neighbour"
)

// Two UIDs of which one is the name that a server makes of the other are two items, and each has its own outcome.
func TestFillUIDsThatAreNames(t *testing.T) {
	t.Parallel()
	server := neighbour.Radicale(t, "names", map[string]string{"calendar": "secret", "contacts": "secret"}, "")
	for _, kind := range bothKinds {
		t.Run(string(kind), func(t *testing.T) {
			f := newFiller(t, server, string(kind), kind)
			f.fill = 5
			all := usual(kind, 10)
			if kind == cutover.Contacts {
				all = append(all, person("a.vcf", "NOTE:1"), person("a", "NOTE:2"), person("B", "NOTE:3"), person("B.VCF", "NOTE:4"))
			} else {
				all = append(all, meeting("a.ics"), meeting("a"), meeting("B"), meeting("B.ICS"))
			}
			s, folder := f.store()
			got, err := f.put(s, folder, all)
			if err != nil || len(got) != len(all) || f.whole != 1 || len(f.lies()) != len(all) {
				t.Errorf("%v, %d outcomes, %d PUTs on the collection, %d lie there", err, len(got), f.whole, len(f.lies()))
			}
			lies := f.lies()
			for i, o := range got {
				uid, _, _ := strings.Cut(string(all[i][strings.Index(string(all[i]), "UID:"):]), "\r")
				if o.Err != nil || !strings.Contains(lies[string(o.Place.Ref)], uid+"\r") {
					t.Errorf("%s: %v, and at %s lies %q", uid, o.Err, o.Place.Ref, lies[string(o.Place.Ref)])
				}
			}
		})
	}
}

// What its owner changes of a collection while it is filled, or as soon as it is, stays.
func TestFillKeepsTheOwnersLook(t *testing.T) {
	t.Parallel()
	server := neighbour.Radicale(t, "recoloured", map[string]string{"calendar": "secret", "contacts": "secret"}, "")
	for _, kind := range bothKinds {
		t.Run(string(kind), func(t *testing.T) {
			f := newFiller(t, server, string(kind), kind)
			f.fill = 5
			once := sync.OnceFunc(func() {
				askAs(t, f.user, "PROPPATCH", f.at(), []byte(`<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><calendar-color xmlns="http://apple.com/ns/ical/">#00ff00ff</calendar-color></D:prop></D:set></D:propertyupdate>`), "Content-Type", "application/xml")
			})
			f.after = func(r *http.Request) error {
				if f.isWhole(r) {
					once()
				}
				return nil
			}
			s, folder := f.store()
			got, err := f.put(s, folder, usual(kind, 10))
			if err != nil || len(got) != 10 || f.whole != 1 {
				t.Errorf("%d, %v, %d PUTs on the collection", len(got), err, f.whole)
			}
			props := f.props(f.dir())
			if props["ICAL:calendar-color"] != "#00ff00ff" || props["D:displayname"] != "Anna, B; & <C>" || props["C:calendar-description"] != "said" {
				t.Errorf("properties are %q", props)
			}
		})
	}
}

// A name is kept as it is written, also one that a calendar's own line would not keep.
func TestFillKeepsOddNames(t *testing.T) {
	t.Parallel()
	server := neighbour.Radicale(t, "oddnames", map[string]string{"anna": "secret"}, "")
	for _, name := range []string{" Anna ", "a:b", "plain"} {
		f := newFiller(t, server, "anna", cutover.Calendar)
		if err := os.RemoveAll(f.dir()); err != nil {
			t.Fatal(err)
		}
		f.make()
		put(t, filepath.Join(f.dir(), ".Radicale.props"), fmt.Appendf(nil, `{"tag": "VCALENDAR", "D:displayname": %q}`, name))
		f.fill = 5
		s, folder := f.store()
		if got, err := f.put(s, folder, usual(cutover.Calendar, 10)); err != nil || len(got) != 10 || f.whole != 1 {
			t.Errorf("%d, %v, %d PUTs on the collection", len(got), err, f.whole)
		}
		if got := f.props(f.dir())["D:displayname"]; got != name {
			t.Errorf("%q is called %q now", name, got)
		}
	}
}
