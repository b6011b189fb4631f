package davstore_test

import (
	"net/http"
	"path/filepath"
	"testing"

	"posthouse/bridge/davstore"
	"posthouse/cutover"
	"posthouse/test/neighbour"
)

// A calendar or address book that is made in the cloud looks as it does on the old side.
func TestLookCrosses(t *testing.T) {
	t.Parallel()
	users := map[string]string{"anna": "secret"}
	old, new := neighbour.Radicale(t, "lookold", users, ""), neighbour.Radicale(t, "looknew", users, "")
	for i, name := range []string{"default", "work"} {
		shelf := shelfIn(t, old.Dir, name, 0, `{"tag": "VCALENDAR", "D:displayname": "`+name+`", "ICAL:calendar-color": "#00ff0%dff", "C:calendar-description": "What we do", "C:supported-calendar-component-set": "VEVENT,VTODO"}`)
		put(t, filepath.Join(shelf, "e.ics"), varied(i))
	}
	shelf := shelfIn(t, old.Dir, "people", 0, `{"tag": "VADDRESSBOOK", "D:displayname": "people", "CR:addressbook-description": "Whom we know %d"}`)
	put(t, filepath.Join(shelf, "c.vcf"), person("she"))
	catchUp(t, real(t, t.TempDir(), old.URL, new.URL, 0))
	looks := func(at string) map[string]cutover.Look {
		s := davstore.New(davstore.Options{URL: at, Authorize: func(r *http.Request) error { r.SetBasicAuth("anna", "secret"); return nil }})
		defer s.Close()
		folders, err := s.Folders(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]cutover.Look{}
		for _, f := range folders {
			all[f.Path.String()] = f.Look
		}
		return all
	}
	was, is := looks(old.URL), looks(new.URL)
	if len(was) != 3 || len(is) != 3 {
		t.Fatalf("%v, %v", was, is)
	}
	for path, look := range was {
		if is[path] != look || look.Description == "" || look.Colour != "#00ff00ff" && path != "Address books / people" {
			t.Errorf("%s looks like %+v, on the old side %+v", path, is[path], look)
		}
	}
}
