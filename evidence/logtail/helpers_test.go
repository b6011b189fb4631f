package logtail

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"
)

func keys(b *bounded[string, int]) []string {
	var all []string
	for key := range b.each {
		all = append(all, key)
	}
	return all
}

func TestBoundedForgetsTheOldest(t *testing.T) {
	b := newBounded[string, int](2)
	b.put("a", 1)
	b.put("b", 2)
	b.put("a", 3) // counts as new
	b.put("c", 4)
	if got := keys(b); !reflect.DeepEqual(got, []string{"a", "c"}) {
		t.Errorf("kept %v", got)
	}
	if v, ok := b.get("a"); !ok || v != 3 {
		t.Errorf("a is %d, %v", v, ok)
	}
	b.remove("a")
	b.put("d", 5)
	if got := keys(b); !reflect.DeepEqual(got, []string{"c", "d"}) {
		t.Errorf("kept %v", got)
	}
}

func TestBoundedSweeps(t *testing.T) {
	b := newBounded[string, int](3)
	b.put("stays", 0)
	for i := range 1000 {
		key := fmt.Sprint(i)
		b.put(key, i)
		b.remove(key)
	}
	if len(b.order) > 3*2+16 || b.len() != 1 {
		t.Errorf("%d arrivals are remembered for %d entries", len(b.order), b.len())
	}
	if _, ok := b.get("stays"); !ok {
		t.Error("an entry was swept away")
	}
}

func TestRateAlarm(t *testing.T) {
	tests := []struct {
		name                    string
		foreign, known, unknown int
		after                   int // known lines after the unknown
		want                    bool
	}{
		{"nothing", 0, 0, 0, 0, false},
		{"four of four", 0, 0, 4, 0, false},
		{"five of five", 0, 0, 5, 0, true},
		{"five of two hundred", 0, 195, 5, 0, false},
		{"five behind much of others", 100_000, 0, 5, 0, true},
		{"after a long good time", 0, 100_000, 40, 0, true},
		{"over", 0, 1000, 40, 2000, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r rate
			for _, part := range []struct {
				n      int
				result Result
			}{{tt.foreign, Foreign}, {tt.known, Known}, {tt.unknown, Unparsed}, {tt.after, Parsed}} {
				for range part.n {
					r.add(part.result)
				}
			}
			if got := r.alarm(); got != tt.want {
				t.Errorf("alarm %v at %.3f", got, r.share())
			}
		})
	}
}

func TestYears(t *testing.T) {
	day := func(year int, month time.Month, day int) time.Time {
		return time.Date(year, month, day, 12, 0, 0, 0, time.UTC)
	}
	tests := []struct {
		name string
		ref  time.Time
		read bool
		line string
		want time.Time
	}{
		{"first, this year", day(2026, 11, 23), false, "Nov 22 12:00:00 x", day(2026, 11, 22)},
		{"first, the clock is a little behind", day(2026, 11, 23), false, "Nov 24 11:00:00 x", day(2026, 11, 24).Add(-time.Hour)},
		{"first, last year", day(2026, 11, 23), false, "Nov 25 12:00:00 x", day(2025, 11, 25)},
		{"first, at New Year", day(2026, 12, 31), false, "Jan  1 00:00:00 x", day(2027, 1, 1).Add(-12 * time.Hour)},
		{"first, a leap day", day(2027, 3, 1), false, "Feb 29 12:00:00 x", day(2024, 2, 29)},
		{"December to January", day(2026, 12, 31), true, "Jan  1 12:00:00 x", day(2027, 1, 1)},
		{"January to December, out of order", day(2027, 1, 1), true, "Dec 31 12:00:00 x", day(2026, 12, 31)},
		{"a silent summer", day(2026, 5, 1), true, "Oct  1 12:00:00 x", day(2026, 10, 1)},
		{"leap day", day(2028, 2, 28), true, "Feb 29 12:00:00 x", day(2028, 2, 29)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := stamps{zone: time.UTC, ref: tt.ref, read: tt.read}
			got, rest, ok := s.cut(tt.line)
			if !ok || !got.Equal(tt.want) || rest != "x" {
				t.Errorf("got %v %q %v, want %v", got, rest, ok, tt.want)
			}
		})
	}
	s := stamps{zone: time.UTC, ref: day(2026, 2, 28), read: true}
	if _, _, ok := s.cut("Feb 29 12:00:00 x"); ok {
		t.Error("a leap day in a year without one was read")
	}
}

func TestSplitClient(t *testing.T) {
	tests := []struct {
		text, name, client string
		ok                 bool
	}{
		{"mail.example[192.0.2.1]", "mail.example", "192.0.2.1", true},
		{"unknown[192.0.2.1]:25", "", "192.0.2.1", true},
		{"mail.example[2001:db8::1]", "mail.example", "2001:db8::1", true},
		{"mail.example[IPv6:2001:db8::1]", "mail.example", "2001:db8::1", true},
		{"mail.example[::ffff:192.0.2.1]", "mail.example", "192.0.2.1", true},
		{"local[unknown]", "local", "", true},
		{"mail.example", "", "", false},
		{"mail.example[192.0.2.1", "", "", false},
		{"mail.example[there]", "", "", false},
	}
	for _, tt := range tests {
		name, client, ok := splitClient(tt.text)
		want := netip.Addr{}
		if tt.client != "" {
			want = netip.MustParseAddr(tt.client)
		}
		if name != tt.name || client != want || ok != tt.ok {
			t.Errorf("%s: got %q %v %v", tt.text, name, client, ok)
		}
	}
}

func TestCutLevel(t *testing.T) {
	for line, want := range map[string]string{"Info: x": "x false", "Warning: x": "x true", "Panic: Info: x": "Info: x true", "x": "x false", "Information: x": "Information: x false"} {
		if rest, talk := cutLevel(line); fmt.Sprint(rest, " ", talk) != want {
			t.Errorf("%s: got %q %v", line, rest, talk)
		}
	}
}

func TestSplitDovecot(t *testing.T) {
	tests := []struct {
		line                    string
		service, user, id, text string
		ok                      bool
	}{
		{"imap(anna)<18><S/+1>: Info: Logged out", "imap", "anna", "S/+1", "Info: Logged out", true},
		{"imap(anna (the 2nd))<18><S>: x", "imap", "anna (the 2nd)", "S", "x", true},
		{"imap(anna): x", "imap", "anna", "", "x", true},
		{"lmtp(4711, anna): x", "lmtp", "4711, anna", "", "x", true},
		{"auth: Debug: x: y", "auth", "", "", "Debug: x: y", true},
		{"Info: IMAP(anna): x", "imap", "anna", "", "x", true},
		{"auth", "", "", "", "", false},
		{"auth x: y", "", "", "", "", false},
		{"imap(anna", "", "", "", "", false},
		{"imap(anna)<18: x", "", "", "", "", false},
	}
	for _, tt := range tests {
		line, _ := cutLevel(tt.line)
		service, user, id, text, ok := splitDovecot(line)
		if service != tt.service || user != tt.user || id != tt.id || text != tt.text || ok != tt.ok {
			t.Errorf("%s: got %q %q %q %q %v", tt.line, service, user, id, text, ok)
		}
	}
}

func TestSuccessor(t *testing.T) {
	file := func(inode uint64, minutes int) candidate {
		return candidate{inode: inode, size: 1, time: noon.Add(time.Duration(minutes) * time.Minute)}
	}
	all := []candidate{file(1, 0), file(2, 10), file(3, 20)}
	empty := file(4, 15)
	empty.size = 0
	all = slices.Insert(all, 2, empty) // rotated before anything was written
	tests := []struct {
		name    string
		inode   uint64
		written int
		want    uint64 // 0: none
	}{
		{"first", 1, 0, 2}, {"middle", 2, 10, 3}, {"last", 3, 20, 0},
		{"gone, before all", 9, -5, 1}, {"gone, between", 9, 5, 2}, {"gone, as it was written", 9, 20, 3}, {"gone, after all", 9, 30, 0},
	}
	for _, tt := range tests {
		c, ok := successor(all, tt.inode, noon.Add(time.Duration(tt.written)*time.Minute))
		if c.inode != tt.want || ok != (tt.want != 0) {
			t.Errorf("%s: got %d %v, want %d", tt.name, c.inode, ok, tt.want)
		}
	}
}

func TestSnapshotRestores(t *testing.T) {
	c := Config{Source: "log", Own: []netip.Prefix{netip.MustParsePrefix("127.0.0.25/32")}}
	before := NewState(c, noon)
	for _, line := range []string{
		"Nov 23 11:00:00 mx postfix/smtpd[1]: 2BC793B8A4: client=localhost[127.0.0.1]",
		"Nov 23 11:00:00 mx postfix/cleanup[1]: 2BC793B8A4: message-id=<seen@x>",
		"Nov 23 11:00:00 mx postfix/qmgr[1]: 2BC793B8A4: from=<a@b.example>, size=1, nrcpt=1 (queue active)",
		"Nov 23 11:00:01 mx postfix/smtpd[1]: 3BC793B8A4: client=localhost[127.0.0.1]",
		"Nov 23 11:00:01 mx postfix/cleanup[1]: 3BC793B8A4: message-id=<seen@x>",
		"Nov 23 11:00:01 mx postfix/smtpd[1]: 4BC793B8A4: client=c.example[203.0.113.4]",
		"Nov 23 11:00:02 mx dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=127.0.0.25, session=<own>",
	} {
		Parse(line, before)
	}
	text, err := json.Marshal(before.snapshot())
	if err != nil {
		t.Fatal(err)
	}
	var snap snapshot
	if err := json.Unmarshal(text, &snap); err != nil {
		t.Fatal(err)
	}
	after := NewState(c, time.Time{})
	after.restore(snap)
	for line, want := range map[string]string{
		"Nov 23 11:00:03 mx postfix/qmgr[1]: 3BC793B8A4: from=<a@b.example>, size=1, nrcpt=1 (queue active)": "\tparsed\n",
		"Nov 23 11:00:03 mx postfix/qmgr[1]: 4BC793B8A4: from=<>, size=1, nrcpt=1 (queue active)": "\tparsed\n" +
			"\t" + `{"at":"2026-11-23T11:00:01Z","channel":"arriving","client":"203.0.113.4","sender":"c.example"}` + "\n",
		"Nov 23 11:00:03 mx dovecot: imap(anna)<9><own>: Disconnected: Logged out in=1 out=2": "\tparsed own login\n",
	} {
		if got := shown(Parse(line, after)); got != want {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
	if len(after.unheard()) != 0 || after.LastOwn().IsZero() {
		t.Error("what was heard is forgotten")
	}
}
