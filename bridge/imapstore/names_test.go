package imapstore

import (
	"strings"
	"testing"

	"posthouse/cutover"
)

func TestNamespaces(t *testing.T) {
	courier := namespaces{{prefix: "INBOX.", separator: "."}, {prefix: "shared.", separator: ".", foreign: true}}
	usual := namespaces{{separator: "/"}, {prefix: "Other Users/", separator: "/", foreign: true}, {prefix: "Shared/", separator: "/", foreign: true}}
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
