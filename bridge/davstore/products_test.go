package davstore_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/internal/testserver"
	"posthouse/test/neighbour"
)

// products are objects in the manner of several programs, by name.
func products(t testing.TB) map[string][]byte {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/products.txtar")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, f := range archive.Files {
		all[f.Name] = bytes.ReplaceAll(f.Data, []byte("\n"), []byte("\r\n"))
	}
	return all
}

func folderOf(name string) string {
	if strings.HasSuffix(name, ".vcf") {
		return "contacts"
	}
	return home
}

// What programs write arrives octet by octet, but what has no UID, which is given one.
func TestProducts(t *testing.T) {
	all := products(t)
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
	for name, raw := range all {
		a.old.Put("anna", folderOf(name), name, raw)
	}
	a.follow()
	arrived := append(slices.Collect(maps.Values(a.new.Objects("anna", home))), slices.Collect(maps.Values(a.new.Objects("anna", "contacts")))...)
	for name, raw := range all {
		exact := slices.ContainsFunc(arrived, func(got []byte) bool { return bytes.Equal(got, raw) })
		if row := a.row(cutover.Ref(name)); row.Disposition != cutover.Copied || row.Repaired() == exact || row.Repaired() != (name == "android.vcf") {
			t.Errorf("%s: %+v, exact %v", name, row, exact)
		}
	}
	a.equal(len(all))
}

// lost is what real servers lose of it: Radicale 3.1 cuts values at a comma that is not escaped (of a place its length, of an inline photo all of it), and Xandikos halves two backslashes.
var lost = map[string][]string{
	"Radicale": {"apple-place.ics X-APPLE-STRUCTURED-LOCATION", "nextcloud-4.vcf PHOTO"},
	"Xandikos": {"journal.ics DESCRIPTION"},
}

// Real servers refuse some of it, or write it anew. Nothing is missing without a file and a note, and what was lost is told.
func TestProductsBetweenRealServers(t *testing.T) {
	t.Parallel()
	all, users := products(t), map[string]string{"anna": "secret"}
	for name, to := range map[string]*neighbour.DAV{"Radicale": neighbour.Radicale(t, "new", users, ""), "Xandikos": neighbour.Xandikos(t, "other", "anna")} {
		t.Run(name, func(t *testing.T) {
			old, dir := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{}), t.TempDir()
			for name, raw := range all {
				old.old.Put("anna", folderOf(name), name, raw)
			}
			b := real(t, dir, old.old.URL(), to.URL, 0)
			catchUp(t, b)
			r, err := b.VerifyFully(t.Context(), anna)
			if err != nil || r.Equal+len(r.Missing) != len(all) || len(r.Extra)+len(r.Altered)+len(r.Removed) != 0 {
				t.Errorf("%+v, %v", r, err)
			}
			for _, f := range r.Missing {
				file := savedIn(f)
				if saved, err := os.ReadFile(file); err != nil || !bytes.Equal(saved, all[string(f.Ref)]) || filepath.Ext(file) != filepath.Ext(string(f.Ref)) {
					t.Errorf("%+v, saved %q, %v", f, saved, err)
				}
				t.Logf("refused: %s: %s", f.Ref, f.Why)
			}
			var losses []string
			for _, l := range r.Lost {
				if l.Title == "" {
					t.Errorf("%s has no title", l.Ref)
				}
				losses = append(losses, string(l.Ref)+" "+strings.Join(l.Properties, " "))
			}
			slices.Sort(losses)
			if want := lost[name]; r.Bodies < len(all)/2 || !slices.Equal(losses, want) {
				t.Errorf("%d compared, lost %q, want %q", r.Bodies, losses, want)
			}
			t.Logf("%d of %d arrived", r.Equal, len(all))
		})
	}
}

// savedIn is the file that a finding names.
func savedIn(f bridge.Finding) string {
	_, file, _ := strings.Cut(f.Why, "saved as ")
	file, _, _ = strings.Cut(file, ";")
	return file
}
