package imapstore

import (
	"bufio"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/ledger"
)

func TestRanges(t *testing.T) {
	cases := []struct{ start, first, last, want string }{
		{"-", "1", "5", "1:5"},
		{"1:5", "6", "6", "1:6"},
		{"7:9", "5", "5", "5,7:9"},
		{"5,7:9", "6", "6", "5:9"},
		{"1:3,5,10:20", "2", "12", "1:20"},
		{"10:20", "1", "3", "1:3,10:20"},
		{"10:20", "9", "8", "10:20"},
		{"10:20", "12", "15", "10:20"},
		{"4294967290:4294967295", "4294967295", "4294967295", "4294967290:4294967295"},
		{"5", "0", "3", "5"},
	}
	for _, c := range cases {
		r, err := parseRanges(c.start)
		if err != nil {
			t.Fatal(err)
		}
		var first, last imap.UID
		fmt.Sscan(c.first, &first)
		fmt.Sscan(c.last, &last)
		if got := r.with(first, last); got.String() != c.want {
			t.Errorf("%s with %s..%s is %s, want %s", c.start, c.first, c.last, got, c.want)
		}
		if r.String() != c.start {
			t.Errorf("%s became %s", c.start, r)
		}
	}
}

func TestRangesGap(t *testing.T) {
	cases := []struct {
		done        string
		first, last imap.UID
		want        span
		found       bool
	}{
		{"-", 1, 9, span{1, 9}, true},
		{"-", 1, 0, span{}, false},
		{"1:9", 1, 9, span{}, false},
		{"5:9", 1, 9, span{1, 4}, true},
		{"5:9", 1, 12, span{10, 12}, true},
		{"1:3,7:9", 1, 9, span{4, 6}, true},
		{"1:3,7:9", 2, 8, span{4, 6}, true},
		{"7:9", 8, 8, span{}, false},
		{"7:9", 1, 5, span{1, 5}, true},
		{"20:30", 1, 9, span{1, 9}, true},
		{"1:5", 10, 12, span{10, 12}, true},
	}
	for _, c := range cases {
		r, err := parseRanges(c.done)
		if err != nil {
			t.Fatal(err)
		}
		if got, found := r.gap(c.first, c.last); found != c.found || found && got != c.want {
			t.Errorf("%s within %d..%d: %v, %v, want %v, %v", c.done, c.first, c.last, got, found, c.want, c.found)
		}
	}
}

func FuzzCursor(f *testing.F) {
	f.Add("1 3857529045 4712 90060 1:2000,4200:4711")
	f.Add("1 7 1 0 -")
	f.Add("2 7 1 0 -")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCursor(ledger.Cursor(text))
		if err != nil || text == "" {
			return
		}
		again, err := parseCursor(ledger.Cursor(c.String()))
		if err != nil || again.String() != c.String() {
			t.Errorf("%q is read as %q, and that as %q, %v", text, c, again, err)
		}
		for i := 1; i < len(c.done); i++ {
			if uint64(c.done[i-1].last)+1 >= uint64(c.done[i].first) {
				t.Errorf("%q has spans that touch: %s", text, c.done)
			}
		}
	})
}

func TestCursorOfAnotherStore(t *testing.T) {
	for _, text := range []string{"x", "2 7 1 0 -", "1 7 1 0", "1 7 1 0 1:x", "1 99999999999 1 0 -", `{"Validity":1}`} {
		if c, err := parseCursor(ledger.Cursor(text)); err == nil {
			t.Errorf("%q is read as %s", text, c)
		}
	}
}

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

func TestRolesByName(t *testing.T) {
	cases := []struct {
		name string
		role cutover.FolderRole
	}{
		{"Gesendete Objekte", cutover.Sent}, {"ENTWÜRFE", cutover.Drafts}, {"Papierkorb", cutover.Trash}, {"Junk-E-Mail", cutover.Junk}, {"Archiv", cutover.Archive},
		{"E\u0301le\u0301ments envoye\u0301s", cutover.Sent}, {"Corbeille", cutover.Trash}, {"Brouillons", cutover.Drafts},
		{"Elementos enviados", cutover.Sent}, {"Papelera", cutover.Trash}, {"Posta inviata", cutover.Sent}, {"Cestino", cutover.Trash},
		{"Verzonden items", cutover.Sent}, {"Prullenbak", cutover.Trash}, {"Itens enviados", cutover.Sent}, {"Lixeira", cutover.Trash},
		{"Elementy wysłane", cutover.Sent}, {"Kosz", cutover.Trash}, {"Skickat", cutover.Sent}, {"Papperskorgen", cutover.Trash},
		{"Sendt post", cutover.Sent}, {"Sendte elementer", cutover.Sent}, {"Papirkurv", cutover.Trash}, {"Lähetetyt", cutover.Sent}, {"Roskaposti", cutover.Junk},
		{"Odeslaná pošta", cutover.Sent}, {"Koš", cutover.Trash}, {"Отправленные", cutover.Sent}, {"Корзина", cutover.Trash},
		{"Elküldött elemek", cutover.Sent}, {"Levélszemét", cutover.Junk}, {"Gönderilmiş Öğeler", cutover.Sent}, {"Çöp Kutusu", cutover.Trash},
		{"Απεσταλμένα", cutover.Sent}, {"Πρόχειρα", cutover.Drafts}, {"送信済みアイテム", cutover.Sent}, {"ごみ箱", cutover.Trash},
		{"已发送邮件", cutover.Sent}, {"草稿", cutover.Drafts}, {"보낸 편지함", cutover.Sent}, {"휴지통", cutover.Trash}, {"Sent Items", cutover.Sent}, {" trash ", cutover.Trash},
		{"Projects", cutover.NoRole}, {"Sentimental", cutover.NoRole},
	}
	for _, c := range cases {
		folders := []cutover.Folder{{Path: cutover.FolderPath{c.name}}}
		if rolesByName(folders); folders[0].Role != c.role {
			t.Errorf("%s has the role %q, want %q", c.name, folders[0].Role, c.role)
		}
	}
}

// TestRoleNamesAreUnique: no name may stand for two roles.
func TestRoleNamesAreUnique(t *testing.T) {
	roles := map[string]cutover.FolderRole{}
	for role, names := range roleNames {
		for _, name := range names {
			if other, ok := roles[foldName(name)]; ok && other != role {
				t.Errorf("%s is a name of %s and of %s", name, role, other)
			}
			roles[foldName(name)] = role
		}
	}
}

func TestRolesChoice(t *testing.T) {
	of := func(elements ...string) cutover.Folder { return cutover.Folder{Path: elements} }
	attributed := of("Ausgang")
	attributed.Role = cutover.Sent
	foreign := of("Shared", "Drafts")
	foreign.Foreign = true
	holder := of("Trash")
	holder.NoSelect = true
	folders := []cutover.Folder{
		attributed, of("Sent"), of("Sent Items"), foreign, holder, of("Papierkorb"), of("Projects", "Junk"), of("INBOX", "Spam"), of("Bulk"), of("Archives"), of("Archive"),
	}
	rolesByName(folders)
	got := map[cutover.FolderRole][]string{}
	for _, f := range folders {
		if f.Role != cutover.NoRole {
			got[f.Role] = append(got[f.Role], f.Path.String())
		}
	}
	want := map[cutover.FolderRole]string{cutover.Sent: "Ausgang", cutover.Trash: "Papierkorb", cutover.Junk: "Bulk", cutover.Archive: "Archive"}
	for role, name := range want {
		if !slices.Equal(got[role], []string{name}) {
			t.Errorf("%s is %q, want %s", role, got[role], name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("roles %v", got)
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

func TestReply(t *testing.T) {
	cases := []struct {
		line string
		want reply
	}{
		{"* OK hello", reply{tag: "*", kind: "OK", text: "hello"}},
		{"A1 no [TryCreate] no folder", reply{tag: "A1", kind: "NO", code: "TRYCREATE", text: "no folder"}},
		{"A1 OK [APPENDUID 7 1:3] done", reply{tag: "A1", kind: "OK", code: "APPENDUID", args: "7 1:3", text: "done"}},
		{"A1 NO [broken", reply{tag: "A1", kind: "NO", text: "[broken"}},
		{"+ idling", reply{tag: "+", text: "idling"}},
		{"+", reply{tag: "+"}},
		{"", reply{}},
		{"A1", reply{tag: "A1"}},
	}
	for _, c := range cases {
		if got := parseReply(c.line); got != c.want {
			t.Errorf("%q is %+v, want %+v", c.line, got, c.want)
		}
	}
}

func TestReadLine(t *testing.T) {
	cases := []struct{ wire, want string }{
		{"* OK x\r\nrest", "* OK x"},
		{"* LIST () \"/\" {3}\r\na\"b x\r\n", `* LIST () "/" "a\"b" x`},
		{"* LIST {0}\r\n\r\n", `* LIST ""`},
		{"* OK {\r\n", "* OK {"},
		{"* OK {x}\r\n", "* OK {x}"},
		{"bare\n", "bare"},
	}
	for _, c := range cases {
		if got, err := readLine(bufio.NewReader(strings.NewReader(c.wire))); err != nil || got != c.want {
			t.Errorf("%q is read as %q, %v", c.wire, got, err)
		}
	}
	for _, endless := range []string{strings.Repeat("x", maxLine+1), "* {99999}\r\n" + strings.Repeat("x", 99999), "* {9}\r\nx", "no end"} {
		if got, err := readLine(bufio.NewReaderSize(strings.NewReader(endless), 16)); err == nil {
			t.Errorf("%.20q is read as %.20q", endless, got)
		}
	}
}

func FuzzReadLine(f *testing.F) {
	f.Add("* LIST () \"/\" {3}\r\nabc\r\n")
	f.Add("A1 OK [APPENDUID 7 1:3,9] done\r\n")
	f.Fuzz(func(t *testing.T, wire string) {
		line, err := readLine(bufio.NewReaderSize(strings.NewReader(wire), 16))
		if err != nil {
			return
		}
		if len(line) > 2*maxLine {
			t.Errorf("a line of %d octets", len(line))
		}
		r := parseReply(line)
		_, _ = parseList(r)
		if got := places(r, 3); len(got) != 3 {
			t.Errorf("%d places for 3 items", len(got))
		}
	})
}

func TestPlaces(t *testing.T) {
	cases := []struct {
		args  string
		count int
		want  string // references, in order
	}{
		{"7 10", 1, "10"},
		{"7 10:12", 3, "10 11 12"},
		{"7 12,10:11", 3, "12 10 11"},
		{"7 10:12", 2, ""},
		{"7 10:4294967295", 2, ""},
		{"7 x", 1, ""},
		{"x 7", 1, ""},
		{"7 0", 1, ""},
		{"7", 1, ""},
	}
	for _, c := range cases {
		var refs []string
		for _, p := range places(reply{code: "APPENDUID", args: c.args}, c.count) {
			if p.Ref != "" && p.Validity == "7" {
				refs = append(refs, string(p.Ref))
			}
		}
		if got := strings.Join(refs, " "); got != c.want {
			t.Errorf("%s for %d items: %q, want %q", c.args, c.count, got, c.want)
		}
	}
}

func TestWaits(t *testing.T) {
	cases := []struct {
		line             string
		waits, everybody bool
	}{
		{"A NO [OVERQUOTA] full", true, false},
		{"A NO [LIMIT] too much", true, false},
		{"A NO [UNAVAILABLE] later", true, true},
		{"A NO [TRYCREATE] none", true, true},
		{"A NO Quota exceeded (mailbox for user is full)", true, false},
		{"A NO Server is busy, try again", true, true},
		{"A BAD Request is throttled. Suggested Backoff Time: 300000 milliseconds", true, true},
		{"A NO Request is throttled.", true, true},
		{"A NO [TOOBIG] temporarily funny", false, false},
		{"A NO Message contains NUL", false, false},
		{"A BAD Command argument error", false, false},
		{"A NO [NOPERM] not yours", false, false},
	}
	for _, c := range cases {
		r := parseReply(c.line)
		if r.waits() != c.waits || r.everybody() != c.everybody {
			t.Errorf("%s: waits %v, for everybody %v", c.line, r.waits(), r.everybody())
		}
	}
}

func TestClassify(t *testing.T) {
	cases := []struct {
		err  error
		want error
	}{
		{errors.New("EOF"), bridge.ErrConnection},
		{&imap.Error{Type: "NO", Code: "UNAVAILABLE"}, bridge.ErrBusy},
		{refusal{reply{kind: "NO", code: "INUSE"}}, bridge.ErrBusy},
		{&imap.Error{Type: "BYE", Text: "bye"}, bridge.ErrConnection},
		{fmt.Errorf("x: %w", bridge.ErrLogin), bridge.ErrLogin},
	}
	for _, c := range cases {
		if got := classify(c.err); !errors.Is(got, c.want) || !errors.Is(got, c.err) {
			t.Errorf("%v becomes %v, want %v", c.err, got, c.want)
		}
	}
	plain := &imap.Error{Type: "NO", Text: "no"}
	if got := classify(plain); got != error(plain) || classify(nil) != nil {
		t.Errorf("a refusal becomes %v", got)
	}
}

func TestSearchable(t *testing.T) {
	cases := []struct{ value, want string }{
		{"<123@example.com>", "<123@example.com>"},
		{"<a b@example.com>", "b@example.com>"},
		{`<"odd"@example.com>`, "@example.com>"},
		{"<größe@example.com>", "e@example.com>"},
		{"<a>", ""},
		{strings.Repeat("x", 2000), ""},
	}
	for _, c := range cases {
		if got := searchable(c.value); got != c.want {
			t.Errorf("%q is searched for as %q, want %q", c.value, got, c.want)
		}
	}
}

func TestKeepable(t *testing.T) {
	flags := cutover.NewFlags(`\Seen`, `\Flagged`, `\Strange`, "Work", "two words", "par(en", "größe", "$Forwarded")
	cases := []struct {
		permanent []imap.Flag
		want      string
	}{
		{nil, `$Forwarded Work \Flagged \Seen`},
		{[]imap.Flag{`\Seen`, `\*`}, `$Forwarded Work \Flagged \Seen`},
		{[]imap.Flag{`\Seen`, `\Answered`}, `\Seen`},
		{[]imap.Flag{`\Seen`, `$forwarded`}, `$Forwarded \Seen`},
	}
	for _, c := range cases {
		got := flagsOf(keywordsOf(c.permanent).keepable(flags)).String()
		if got != c.want {
			t.Errorf("of %v, %v keeps %s, want %s", flags, c.permanent, got, c.want)
		}
	}
}
