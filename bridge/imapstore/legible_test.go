package imapstore

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/emersion/go-imap/v2"
)

func TestMended(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"* FLAGS (\\Seen [odd])", "* FLAGS ()"},
		{"* OK [PERMANENTFLAGS (\\Seen \\* Work \"two words\" gr\xf6\xdfe [odd)] kept", "* OK [PERMANENTFLAGS (\\Seen \\* Work)] flags"},
		{"* OK [PERMANENTFLAGS NIL] none", "* OK [PERMANENTFLAGS ()] flags"},
		{"* OK [COPYUID 7 1:3 4:6] moved", "* OK [COPYUID 7 1:3 4:6] moved"},
		{"* OK [UIDVALIDITY 7] valid", "* OK [UIDVALIDITY 7] valid"},
		{"* OK [UIDNEXT 4294967296] next", "* OK next"},
		{"* OK [UNSEEN 99999999999] first", "* OK first"},
		{"* OK [X-ODD", "* OK X-ODD"},
		{"* OK [X-ODD]", "* OK "},
		{"* NO [ALERT] the disk is full", "* NO the disk is full"},
		{"* BYE [UNAVAILABLE] later", "* BYE [UNAVAILABLE] later"},
		{"A1 OK [X-ODD", "A1 OK [X-ODD"},
		{"* 4294967296 RECENT", "* 0 RECENT"},
		{"* 3 EXISTS", "* 3 EXISTS"},
		{`* 1 FETCH (UID 1 FLAGS (\Seen Work) INTERNALDATE " 2-Nov-2026 09:00:00 +0000" RFC822.SIZE 7)`, `* 1 FETCH (UID 1 FLAGS (\Seen Work) INTERNALDATE " 2-Nov-2026 09:00:00 +0000" RFC822.SIZE 7)`},
		{`* 1 FETCH (FLAGS (\Seen "x" [y]) INTERNALDATE NIL RFC822.SIZE -1 UID 1)`, `* 1 FETCH (FLAGS (\Seen) RFC822.SIZE 0 UID 1)`},
		{`* 1 FETCH (UID 1 INTERNALDATE "" FLAGS NIL)`, `* 1 FETCH (UID 1 FLAGS ())`},
		{`* 1 FETCH (UID 1 FLAGS (unending INTERNALDATE "unending`, `* 1 FETCH (UID 1 FLAGS (unending INTERNALDATE "unending`},
		{`* 1 FETCH (UID 1 BODY[] "a FLAGS NIL b INTERNALDATE NIL" FLAGS (\Seen))`, `* 1 FETCH (UID 1 BODY[] "a FLAGS NIL b INTERNALDATE NIL" FLAGS (\Seen))`},
		{`* 1 FETCH (RFC822.SIZE NIL BODY[] "a RFC822.SIZE NIL")`, `* 1 FETCH (RFC822.SIZE 0 BODY[] "a RFC822.SIZE NIL")`},
	} {
		if got := string(mended([]byte(c.line + "\r\n"))); got != c.want+"\r\n" {
			t.Errorf("%q becomes %q, want %q", c.line, got, c.want)
		}
	}
}

// read is what comes out, whatever pieces come in.
func read(t *testing.T, wire string) string {
	t.Helper()
	whole, err := io.ReadAll(newLegible(strings.NewReader(wire)))
	if err != nil {
		t.Fatal(err)
	}
	for _, pieces := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader} {
		got, err := io.ReadAll(newLegible(pieces(strings.NewReader(wire))))
		if err != nil || !bytes.Equal(got, whole) {
			t.Fatalf("in other pieces %.300q is read as %.300q, %v, and not as %.300q", wire, got, err, whole)
		}
	}
	return string(whole)
}

func TestLegible(t *testing.T) {
	long := strings.Repeat("keyword ", 5000)
	for _, c := range []struct{ wire, want string }{
		{"* FLAGS NIL\r\n+ idling\r\n", "* FLAGS ()\r\n+ idling\r\n"},
		{"* 1 FETCH (BODY[] {13}\r\n* FLAGS NIL\r\n)\r\n* FLAGS NIL\r\n", "* 1 FETCH (BODY[] {13}\r\n* FLAGS NIL\r\n)\r\n* FLAGS ()\r\n"},
		{"* 1 FETCH (FLAGS (" + long + ") BODY[] {13}\r\n* FLAGS NIL\r\n)\r\n", "* 1 FETCH (FLAGS (" + long + ") BODY[] {13}\r\n* FLAGS NIL\r\n)\r\n"},
		{"* OK now {13}\r\n* FLAGS NIL\r\n", "* OK now {13}\r\n* FLAGS ()\r\n"},
		{"* 1 FETCH (BODY[] {0}\r\n)\r\n* FLAGS NIL\r\n", "* 1 FETCH (BODY[] {0}\r\n)\r\n* FLAGS ()\r\n"},
		{"* FLAGS NI", "* FLAGS NI"},
		{"", ""},
	} {
		if got := read(t, c.wire); got != c.want {
			t.Errorf("%.200q is read as %.200q, want %.200q", c.wire, got, c.want)
		}
	}
	for n := legibleBuffer - 40; n < legibleBuffer+40; n++ { // the announcement falls apart
		wire := "* 1 FETCH (" + strings.Repeat("x", n) + " {13}\r\n* FLAGS NIL\r\n)\r\n"
		if got := read(t, wire); got != wire {
			t.Errorf("with a line of %d octets the literal is changed", n)
		}
	}
}

func FuzzLegible(f *testing.F) {
	f.Add("* 1 FETCH (FLAGS NIL BODY[] {3}\r\nabc)\r\nA1 OK done\r\n")
	f.Add("* OK [PERMANENTFLAGS NIL] x\r\n* 4 RECENT\r\n")
	f.Fuzz(func(t *testing.T, wire string) {
		got := read(t, wire)
		if !strings.Contains(wire, "* ") && got != wire {
			t.Errorf("%q is read as %q", wire, got)
		}
		if again := read(t, got); again != got {
			t.Errorf("%q is put right once to %q and then to %q", wire, got, again)
		}
	})
}

func TestUIDsOf(t *testing.T) {
	for _, c := range []struct {
		set  imap.NumSet
		want []imap.UID
		bad  bool
	}{
		{nil, nil, false},
		{imap.UIDSet{{Start: 3, Stop: 5}, {Start: 9, Stop: 9}}, []imap.UID{3, 4, 5, 9}, false},
		{imap.UIDSet{{Start: 0, Stop: 0}, {Start: 2, Stop: 2}}, []imap.UID{2}, false},
		{imap.UIDSet{{Start: 5, Stop: 0}}, nil, true},
		{imap.UIDSet{{Start: 1, Stop: 4294967295}}, nil, true},
		{imap.UIDSet{{Start: 4294967295, Stop: 4294967295}}, []imap.UID{4294967295}, false},
		{imap.SeqSet{{Start: 1, Stop: 2}}, nil, false},
	} {
		if got, err := uidsOf(c.set, 1000); !slices.Equal(got, c.want) || (err != nil) != c.bad {
			t.Errorf("%v: %v, %v", c.set, got, err)
		}
	}
}
