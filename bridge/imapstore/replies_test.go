package imapstore

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"posthouse/bridge"
	"posthouse/cutover"
)

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

// TestBusy: how servers ask to wait, in their words.
func TestBusy(t *testing.T) {
	const none, throttled, crowded, full, later = bridge.BusyKind(""), bridge.Throttled, bridge.Crowded, bridge.Full, bridge.Later
	for _, c := range []struct {
		line string
		want bridge.BusyKind
		wait time.Duration
	}{
		// Microsoft
		{"A BAD Request is throttled. Suggested Backoff Time: 299892 milliseconds", throttled, 299892 * time.Millisecond},
		{"A NO Request is throttled. Suggested Backoff Time: 1500 milliseconds", throttled, 1500 * time.Millisecond},
		{"* BYE Request is throttled. Suggested Backoff Time: 60000 milliseconds", throttled, time.Minute},
		{"A NO Request is throttled.", throttled, 0},
		{"A BAD Server Busy", throttled, 0},
		{"A NO Server Unavailable. 15", throttled, 0},
		{"A BAD User is authenticated but not connected.", throttled, 0},
		{"A NO [THROTTLED] later", throttled, 0},
		{"A NO APPEND failed: MapiExceptionShutoffQuotaExceeded", full, 0},
		{"A NO The mailbox has exceeded the maximum mailbox size", full, 0},
		{"* BYE Connection is closed. 13", none, 0},
		{"* BYE Session invalidated - AccessTokenExpired", none, 0},
		{"A BAD Command Argument Error. 11", none, 0},
		{"A BAD Command Argument Error. 12, try again", none, 0},
		// Google
		{"A NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)", throttled, 0},
		{"A NO [ALERT] Account exceeded command or bandwidth limits. (Failure)", throttled, 0},
		{"A NO [ALERT] Too many simultaneous connections. (Failure)", crowded, 0},
		{"* BYE [ALERT] Too many simultaneous connections. (Failure)", crowded, 0},
		{"* BYE [UNAVAILABLE] Temporary System Error", throttled, 0},
		{"A NO [OVERQUOTA] User is over quota (Failure)", full, 0},
		// Dovecot, Cyrus, Courier and others
		{"A NO [OVERQUOTA] Quota exceeded (mailbox for user is full)", full, 0},
		{"A NO [OVERQUOTA] Over quota", full, 0},
		{"A NO [ALERT] You exceeded your mail quota.", full, 0},
		{"A NO Quota exceeded (mailbox for user is full)", full, 0},
		{"A NO [LIMIT] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)", crowded, 0},
		{"* BYE Too many connections from your address", crowded, 0},
		{"A NO [LIMIT] Rate limit hit", throttled, 0},
		{"A NO [LIMIT] too much", none, 0},
		{"A NO [LIMIT] Too many flags", none, 0},
		{"A NO [UNAVAILABLE] Internal error occurred. Refer to server log for more information.", throttled, 0},
		{"A NO [INUSE] Mailbox is locked, will abort", later, 0},
		{"A NO [TRYCREATE] none", later, 0},
		{"A NO [SERVERBUG] oops", later, 0},
		{"A NO Server is busy, try again in 5 minutes", throttled, 5 * time.Minute},
		{"A NO temporary failure", later, 0},
		{"* BYE temporary failure", none, 0},
		{"* BYE Autologout; idle for too long", none, 0},
		{"A NO [TOOBIG] temporarily funny", none, 0},
		{"A NO Message contains NUL", none, 0},
		{"A NO [NOPERM] not yours", none, 0},
		{"A NO [CANNOT] too many parts", none, 0},
	} {
		r := parseReply(c.line)
		if got := r.busy(); got != c.want {
			t.Errorf("%s: %q, want %q", c.line, got, c.want)
		}
		if got := asBusy(r, refusal{r}).Wait; got != c.wait {
			t.Errorf("%s: names a pause of %v, want %v", c.line, got, c.wait)
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
	if got := (&Store{o: Options{Server: "cloud"}}).classify(refusal{parseReply("A BAD Server Busy")}); !errors.Is(got, bridge.ErrBusy) || got.(*bridge.Busy).Server != "cloud" || got.(*bridge.Busy).Said != "BAD Server Busy" {
		t.Errorf("it becomes %#v", got)
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
