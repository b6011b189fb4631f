package corpus

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"
	"time"
)

func digest(folders []Folder) [32]byte {
	h := sha256.New()
	for _, f := range folders {
		h.Write([]byte(f.Path + f.Use))
		for _, m := range f.Messages {
			h.Write(m.Bytes)
			h.Write([]byte(strings.Join(m.Flags, " ") + m.Internal.Format(time.RFC3339)))
		}
	}
	return [32]byte(h.Sum(nil))
}

func TestSameSeedSameMail(t *testing.T) {
	one, two, other := New(7).Mailbox(300), New(7).Mailbox(300), New(8).Mailbox(300)
	if digest(one) != digest(two) {
		t.Error("two generators with one seed differ")
	}
	if digest(one) == digest(other) {
		t.Error("two seeds yield the same mail")
	}
}

// transportable reports why a message could not cross SMTP and IMAP unchanged.
func transportable(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return "NUL"
	}
	for line := range bytes.SplitSeq(b, []byte("\r\n")) {
		if len(line) > maxLine {
			return "line too long"
		}
		if bytes.ContainsAny(line, "\r\n") {
			return "bare CR or LF"
		}
	}
	return ""
}

func TestEveryKindIsTransportable(t *testing.T) {
	g := New(3)
	g.MaxSize = 256 << 10
	from, to, when := people[0], people[1], g.Last
	for _, kind := range Kinds() {
		for range 8 {
			m := g.Make(kind, from, to, when)
			if reason := transportable(m.Bytes); reason != "" {
				t.Errorf("%s: %s", kind, reason)
			}
			if m.Kind != kind && kind != Duplicate {
				t.Errorf("asked for %s, got %s", kind, m.Kind)
			}
			if len(m.Bytes) > g.MaxSize+2048 {
				t.Errorf("%s: %d octets", kind, len(m.Bytes))
			}
		}
	}
}

func TestEveryKindComesRound(t *testing.T) {
	g := New(5)
	seen := map[Kind]int{}
	for range 2 * len(newDeck()) {
		seen[g.Next().Kind]++
	}
	for _, kind := range Kinds() {
		if kind != Large && seen[kind] == 0 {
			t.Errorf("%s never came", kind)
		}
	}
	if seen[Plain] <= seen[Dots] {
		t.Error("everyday mail should outnumber oddities")
	}
}

func TestMailboxHoldsExactlyN(t *testing.T) {
	for _, n := range []int{0, 1, 17, 700} {
		folders := New(uint64(n)).Mailbox(n)
		if got, _ := Total(folders); got != n {
			t.Errorf("Mailbox(%d) holds %d", n, got)
		}
	}
}

func TestMailboxTree(t *testing.T) {
	for _, lang := range Languages() {
		g := New(11)
		g.Language = lang
		checkTree(t, lang, g.Mailbox(500))
	}
}

func checkTree(t *testing.T, lang string, folders []Folder) {
	t.Helper()
	seen := map[string]bool{}
	uses := map[string]bool{}
	for _, f := range folders {
		if seen[f.Path] {
			t.Errorf("%s: folder %q twice", lang, f.Path)
		}
		seen[f.Path] = true
		if i := strings.LastIndexByte(f.Path, '/'); i >= 0 && !seen[f.Path[:i]] {
			t.Errorf("%s: %q comes before its parent", lang, f.Path)
		}
		if f.Use != "" && uses[f.Use] {
			t.Errorf("%s: %s twice", lang, f.Use)
		}
		uses[f.Use] = true
		if !slices.IsSortedFunc(f.Messages, func(a, b Message) int { return a.Internal.Compare(b.Internal) }) {
			t.Errorf("%s: %q is not in the order of arrival", lang, f.Path)
		}
	}
	if !uses[`\Sent`] || !uses[`\Trash`] || folders[0].Path != "INBOX" {
		t.Errorf("%s: special folders missing", lang)
	}
}

func TestDuplicatesAndSharedIDs(t *testing.T) {
	byDigest, byID := map[[32]byte]int{}, map[string]map[[32]byte]bool{}
	for _, f := range New(2).Mailbox(600) {
		for _, m := range f.Messages {
			sum := sha256.Sum256(m.Bytes)
			byDigest[sum]++
			if byID[m.MessageID] == nil {
				byID[m.MessageID] = map[[32]byte]bool{}
			}
			byID[m.MessageID][sum] = true
		}
	}
	duplicates, shared := 0, 0
	for _, n := range byDigest {
		duplicates += n - 1
	}
	for id, sums := range byID {
		if id != "" && len(sums) > 1 {
			shared++
		}
	}
	if duplicates == 0 || shared == 0 {
		t.Errorf("%d true duplicates, %d shared Message-IDs: want some of each", duplicates, shared)
	}
}

func TestSizes(t *testing.T) {
	g := New(4)
	g.Large, g.MaxSize = 20, 512<<10
	var small, large int
	for range 1500 {
		switch n := len(g.Next().Bytes); {
		case n <= 30<<10:
			small++
		case n >= 90<<10:
			large++
		}
	}
	if small < 1350 || large < 10 {
		t.Errorf("%d small, %d large", small, large)
	}
}

func TestMaxSizeBounds(t *testing.T) {
	g := New(4)
	g.MaxSize, g.Large = 16<<10, 300
	for range 400 {
		if m := g.Next(); len(m.Bytes) > g.MaxSize+(4<<10) {
			t.Fatalf("%s of %d octets, limit %d", m.Kind, len(m.Bytes), g.MaxSize)
		}
	}
}

func TestNamedOddities(t *testing.T) {
	g := New(6)
	from, to, when := people[0], people[1], g.Last
	tests := []struct {
		kind Kind
		want func(b string) bool
	}{
		{NoSubject, func(b string) bool { return !strings.Contains(b, "\r\nSubject:") }},
		{EmptySubject, func(b string) bool { return strings.Contains(b, "\r\nSubject:\r\n") }},
		{NoDate, func(b string) bool { return !strings.Contains(b, "\r\nDate:") }},
		{NoMessageID, func(b string) bool { return !strings.Contains(b, "Message-ID:") }},
		{DoubleFields, func(b string) bool { return strings.Count(b, "\r\nSubject:") == 2 }},
		{Dots, func(b string) bool { return strings.Contains(b, "\r\n.\r\n..\r\n") }},
		{ISO2022JP, func(b string) bool { return strings.Contains(b, "\x1b$B") && isASCII(b) }},
		{Latin1, func(b string) bool { return strings.Contains(b, "\xe9") }},
		{Invite, func(b string) bool { return strings.Contains(b, "BEGIN:VEVENT\r\n") }},
		{DSN, func(b string) bool { return strings.Contains(b, "report-type=delivery-status") }},
		{NoFinalEOL, func(b string) bool { return !strings.HasSuffix(b, "\r\n") }},
		{Forwarded, func(b string) bool { return strings.Count(b, "Message-ID:") == 2 }},
	}
	for _, tt := range tests {
		if m := g.Make(tt.kind, from, to, when); !tt.want(string(m.Bytes)) {
			t.Errorf("%s is not what it says:\n%s", tt.kind, m.Bytes)
		}
	}
}

func TestWordsFitRFC2047(t *testing.T) {
	for _, s := range []string{"Größe und Übersicht über alles, was gestern war", "会議のお知らせ会議のお知らせ会議のお知らせ"} {
		for line := range strings.SplitSeq(words("utf-8", s), "\r\n ") {
			if len(line) > 75 {
				t.Errorf("encoded word of %d octets: %s", len(line), line)
			}
		}
	}
}

func BenchmarkNext(b *testing.B) {
	g := New(1)
	for b.Loop() {
		g.Next()
	}
}
