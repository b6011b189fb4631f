package cutover_test

import (
	"slices"
	"testing"

	"posthouse/cutover"
)

func TestNewFlags(t *testing.T) {
	for _, test := range []struct{ raw, want []string }{
		{nil, nil},
		{[]string{""}, nil},
		{[]string{`\Recent`, `\RECENT`}, nil},
		{[]string{`\SEEN`, `\seen`, `\Seen`}, []string{`\Seen`}},
		{[]string{"b", `\flagged`, "a", `\ANSWERED`}, []string{`\Answered`, `\Flagged`, "a", "b"}},
		{[]string{"$Junk", "x", "$junk", "X"}, []string{"$Junk", "x"}},
	} {
		if got := cutover.NewFlags(test.raw...); !slices.Equal(got, test.want) {
			t.Errorf("NewFlags(%q) = %q, want %q", test.raw, got, test.want)
		}
	}
}

func TestNewFlagsKeepsItsArgument(t *testing.T) {
	raw := []string{"b", `\SEEN`, "a"}
	cutover.NewFlags(raw...)
	if !slices.Equal(raw, []string{"b", `\SEEN`, "a"}) {
		t.Errorf("the argument became %q", raw)
	}
}

func TestFlagsRoundTrip(t *testing.T) {
	for _, flags := range []cutover.Flags{cutover.NewFlags(), cutover.NewFlags(`\Seen`), cutover.NewFlags("$Forwarded", `\Draft`, "Label")} {
		if got := cutover.ParseFlags(flags.String()); !slices.Equal(got, flags) {
			t.Errorf("%q is read back as %q", flags.String(), got)
		}
	}
	if got := cutover.ParseFlags("  \\seen\t\\Recent  x "); !slices.Equal(got, []string{`\Seen`, "x"}) {
		t.Errorf("odd blanks: %q", got)
	}
}

func TestFlagsEqualAndHas(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"", "", true},
		{`\Seen`, "", false},
		{"", `\Seen`, false},
		{`\Seen $Junk`, `$junk \seen`, true},
		{`\Seen a`, `\Seen b`, false},
		{"a A", "a b", false},
		{"a b", "a A", false},
		{`\Seen`, `\Seen \Recent`, true},
	} {
		if got := cutover.ParseFlags(test.a).Equal(cutover.ParseFlags(test.b)); got != test.want {
			t.Errorf("%q equals %q: %v", test.a, test.b, got)
		}
	}
	flags := cutover.NewFlags(`\Seen`, "$MDNSent")
	if !flags.Has(`\seen`) || !flags.Has("$mdnsent") || flags.Has("Seen") || flags.Has("") {
		t.Errorf("%q has the wrong flags", flags)
	}
}

func TestDisposition(t *testing.T) {
	for _, test := range []struct {
		d              cutover.Disposition
		final, inCloud bool
	}{
		{"", false, false},
		{cutover.Intended, false, false},
		{cutover.Copied, true, true},
		{cutover.Adopted, true, true},
		{cutover.Captured, true, true},
		{cutover.Merged, true, false},
		{cutover.Skipped, true, false},
		{cutover.Gone, true, false},
		{cutover.Refused, true, false},
	} {
		if test.d.Final() != test.final || test.d.InCloud() != test.inCloud {
			t.Errorf("%q: final %v, in the cloud %v", test.d, test.d.Final(), test.d.InCloud())
		}
	}
}

func TestFolderPath(t *testing.T) {
	keys := map[string]string{}
	for _, path := range []cutover.FolderPath{{"INBOX"}, {"a", "b"}, {"a/b"}, {"a / b"}, {"a.b"}, {"", "a"}, {"a", ""}, {"Entwürfe", "2019"}} {
		if back := cutover.PathFromKey(path.Key()); !slices.Equal(back, path) {
			t.Errorf("%q comes back as %q", path, back)
		}
		if other, taken := keys[path.Key()]; taken {
			t.Errorf("%q has the key of %s", path, other)
		}
		keys[path.Key()] = path.String()
	}
	if got := (cutover.FolderPath{"Projects", "2019"}).String(); got != "Projects / 2019" {
		t.Errorf("shown as %q", got)
	}
}

func TestVirtual(t *testing.T) {
	for role, want := range map[cutover.FolderRole]bool{cutover.All: true, cutover.Flagged: true, cutover.Archive: false, cutover.Inbox: false, cutover.NoRole: false} {
		if role.Virtual() != want {
			t.Errorf("%q is virtual: %v", role, role.Virtual())
		}
	}
}

func TestAccountOfASide(t *testing.T) {
	m := cutover.Mailbox{Legacy: cutover.Account{Server: "old"}, Cloud: cutover.Account{Server: "new"}}
	if m.On(cutover.Legacy).Server != "old" || m.On(cutover.Cloud).Server != "new" {
		t.Errorf("accounts %+v and %+v", m.On(cutover.Legacy), m.On(cutover.Cloud))
	}
}
