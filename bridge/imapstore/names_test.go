package imapstore

import (
	"slices"
	"strings"
	"testing"

	"posthouse/cutover"
)

func TestNamespaces(t *testing.T) {
	courier := namespaces{{prefix: "INBOX.", separator: "."}, {prefix: "shared.", separator: ".", foreign: true}}
	usual := namespaces{{separator: "/"}, {prefix: "Other Users/", separator: "/", foreign: true}, {prefix: "Shared/", separator: "/", foreign: true}}
	several := namespaces{{separator: "/"}, {prefix: "Archive/", separator: "/"}}
	cases := []struct {
		spaces  namespaces
		name    string
		path    cutover.FolderPath
		foreign bool
	}{
		{courier, "INBOX", cutover.FolderPath{"INBOX"}, false},
		{courier, "INBOX.Sent", cutover.FolderPath{"Sent"}, false},
		{courier, "INBOX.a.b", cutover.FolderPath{"a", "b"}, false},
		{courier, "shared.sales", cutover.FolderPath{"shared", "sales"}, true},
		{courier, "shared", cutover.FolderPath{"shared"}, true},
		{usual, "inbox", cutover.FolderPath{"INBOX"}, false},
		{usual, "Inbox/Sub", cutover.FolderPath{"INBOX", "Sub"}, false},
		{usual, "Projects/2019", cutover.FolderPath{"Projects", "2019"}, false},
		{usual, "Shared/sales/x", cutover.FolderPath{"Shared", "sales", "x"}, true},
		{usual, "Other Users/bob", cutover.FolderPath{"Other Users", "bob"}, true},
		{several, "Archive/2019", cutover.FolderPath{"Archive", "2019"}, false},
		{several, "2019", cutover.FolderPath{"2019"}, false},
		{usual, "Sharedness", cutover.FolderPath{"Sharedness"}, false},
	}
	for _, c := range cases {
		path, foreign := c.spaces.path(c.name, c.spaces.home().separator)
		if path.Key() != c.path.Key() || foreign != c.foreign {
			t.Errorf("%s is %q, foreign %v", c.name, path, foreign)
		}
		if !foreign {
			if name := c.spaces.home().name(c.spaces.home().fit(path)); !strings.EqualFold(name, c.name) {
				t.Errorf("%q becomes %s, want %s", path, name, c.name)
			}
		}
	}
}

func TestFit(t *testing.T) {
	cases := []struct {
		separator string
		path      cutover.FolderPath
		want      cutover.FolderPath
	}{
		{"/", cutover.FolderPath{"a/b", "c"}, cutover.FolderPath{"a_b", "c"}},
		{".", cutover.FolderPath{"v1.2", "c/d"}, cutover.FolderPath{"v1_2", "c/d"}},
		{"/", cutover.FolderPath{"Inbox", "inbox"}, cutover.FolderPath{"INBOX", "inbox"}},
		{"/", cutover.FolderPath{"100%", "a*b", "", "x\ny"}, cutover.FolderPath{"100_", "a_b", "_", "x_y"}},
		{"", cutover.FolderPath{"a", "b"}, cutover.FolderPath{"a-b"}},
	}
	for _, c := range cases {
		if got := (namespace{separator: c.separator}).fit(c.path); got.Key() != c.want.Key() {
			t.Errorf("%q with %q becomes %q, want %q", c.path, c.separator, got, c.want)
		}
	}
}

// TestSubstitutes: whatever is refused, there is a next name, which says what it stands for and stands for nothing else.
func TestSubstitutes(t *testing.T) {
	long, long2 := strings.Repeat("ä", 300), strings.Repeat("ä", 299)+"b"
	seen := map[string]cutover.FolderPath{}
	for _, c := range []struct {
		path cutover.FolderPath
		want []string
	}{
		{cutover.FolderPath{"Projects", "INBOX"}, []string{"Projects / INBOX", "Projects / INBOX_", "Projects-INBOX-"}},
		{cutover.FolderPath{" a?", "b. "}, []string{" a? / b. ", "_a_ / b._", "_a_ / b.__", "_a_ / b__", "_a_-b__-"}},
		{cutover.FolderPath{"v1.2", "Notes"}, []string{"v1.2 / Notes", "v1.2 / Notes_", "v1_2 / Notes", "v1_2-Notes-"}},
		{cutover.FolderPath{long}, []string{long, "äää"}},
		{cutover.FolderPath{"x", long2}, []string{"x / " + long2, "x / äää", "x-äää"}},
		{cutover.FolderPath{"x" + strings.Repeat(" ", 70) + "y"}, []string{"x  ", "x-"}},
	} {
		all := substitutes(c.path)
		if len(all) != len(c.want) {
			t.Errorf("%q: %q", c.path, all)
			continue
		}
		for i, path := range all {
			if !strings.HasPrefix(path.String(), c.want[i]) {
				t.Errorf("%q: name %d is %q, want %q", c.path, i, path, c.want[i])
			}
			if other := seen[path.Key()]; other != nil {
				t.Errorf("%q stands for %q and %q", path, c.path, other)
			}
			seen[path.Key()] = c.path
			if last := encodeName(path[len(path)-1]); i > 0 && i >= len(all)-2 && len(last) > maxElement {
				t.Errorf("%s has %d octets", last, len(last))
			}
		}
	}
}

// TestApart: no two folders that hold messages have one path, whatever the order of the list.
func TestApart(t *testing.T) {
	list := []cutover.Folder{
		{Path: cutover.FolderPath{"INBOX"}, Name: "INBOX.INBOX"}, {Path: cutover.FolderPath{"INBOX"}, Name: "INBOX"}, {Path: cutover.FolderPath{"a"}, Name: "a/", NoSelect: true},
		{Path: cutover.FolderPath{"x", "café"}, Name: standInFor("x/café")}, {Path: cutover.FolderPath{"x", "café"}, Name: standInFor("x/caf\xe9")}, {Path: cutover.FolderPath{"a"}, Name: "a"},
		{Path: cutover.FolderPath{"x", "café"}, Name: "x/café"}, {Path: cutover.FolderPath{"x", "café"}, Name: "x/cafe", Foreign: true},
	}
	want := []string{"INBOX [INBOX.INBOX]", "INBOX", "a", "x / café [x/caf=C3=A9]", "x / café [x/caf=E9]", "a", "x / café", "x / café [x/cafe]"}
	for range 2 {
		folders := slices.Clone(list)
		apart(folders)
		for i, f := range folders {
			if f.Path.String() != want[i] {
				t.Errorf("%s is %s, want %s", f.Name, f.Path, want[i])
			}
		}
		slices.Reverse(list)
		slices.Reverse(want)
	}
}

func TestNames(t *testing.T) {
	cases := []struct{ name, wire string }{
		{"inbox", "INBOX"},
		{"Sent", `"Sent"`},
		{"R&D", `"R&-D"`},
		{"Entwürfe", `"Entw&APw-rfe"`},
		{"台北/日本語", `"&U,BTFw-/&ZeVnLIqe-"`},
		{"😀", `"&2D3eAA-"`},
		{`quo"te\`, `"quo\"te\\"`},
		{"Hi Mom -☺-!", `"Hi Mom -&Jjo--!"`},
	}
	for _, c := range cases {
		if got := mailboxName(c.name); got != c.wire {
			t.Errorf("%s is sent as %s, want %s", c.name, got, c.wire)
		}
		if inner, _ := word(c.wire); nameOf(inner) != c.name && c.wire != "INBOX" {
			t.Errorf("%s is read as %s, want %s", inner, nameOf(inner), c.name)
		}
	}
	odd := nameOf("R&D")
	if got := mailboxName(odd); got != `"R&D"` {
		t.Errorf("R&D is sent as %s", got)
	}
	if got := string(putOddNames([]byte(`T1 EXAMINE "` + odd + `" (CONDSTORE)` + "\r\n"))); got != "T1 EXAMINE \"R&D\" (CONDSTORE)\r\n" {
		t.Errorf("a command with an odd name is sent as %q", got)
	}
}

func FuzzName(f *testing.F) {
	for _, seed := range []string{"INBOX", "R&-D", "R&D", "Entw&APw-rfe", "&2D3eAA-", "&", "&-&-", "caf\xe9", "&AGE-"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		name := nameOf(raw)
		if strings.EqualFold(raw, "INBOX") {
			return
		}
		if inner, _ := word(mailboxName(name)); inner != raw {
			t.Errorf("%q is listed as %q, and then sent as %q", raw, name, inner)
		}
	})
}
