package logtail

import (
	"os"
	"strings"
	"testing"
	"unicode/utf16"
)

// encoded writes text as a Windows program does.
func encoded(text string, big bool) string {
	var out strings.Builder
	for _, u := range utf16.Encode([]rune(text)) {
		low, high := byte(u), byte(u>>8)
		if big {
			low, high = high, low
		}
		out.WriteByte(low)
		out.WriteByte(high)
	}
	return out.String()
}

// kerioLine is a line by which mail arrives from a sender, at so many seconds after noon.
func kerioLine(seconds int, from string) string {
	return "[23/Nov/2026 12:00:" + string(rune('0'+seconds/10)) + string(rune('0'+seconds%10)) + "] Recv: Queue-ID: 63073369-00000001, Service: SMTP, From: <" + from +
		">, To: <anna@example.com>, Size: 958, Sender-Host: 203.0.113.2, Subject: Grüße, Msg-Id: <" + from + ">\r\n"
}

func froms(b *bench) string {
	var all []string
	for _, o := range b.memory.observations {
		all = append(all, o.From)
	}
	return strings.Join(all, " ")
}

func kerioBench(t *testing.T) *bench {
	return newBench(t, func(o *Options) { o.Dialects = []string{Kerio} })
}

// TestEncodings reads what Windows programs write, line by line and in pieces, across restarts.
func TestEncodings(t *testing.T) {
	cp1252 := func(s string) string { return strings.NewReplacer("ü", "\xfc", "ß", "\xdf").Replace(s) }
	lines := []string{kerioLine(1, "one@ü.example"), kerioLine(2, "two@x.example"), kerioLine(3, "dreißig@x.example")}
	all := strings.Join(lines, "")
	tests := map[string]string{
		"UTF-8": all, "UTF-8 with a mark": byteOrderMark + all, "Windows-1252": cp1252(all),
		"UTF-16LE": encoded(byteOrderMark+all, false), "UTF-16BE": encoded(byteOrderMark+all, true), "UTF-16LE without a mark": encoded(all, false),
	}
	for name, text := range tests {
		for _, piece := range []int{len(text), 7, 64} {
			b := kerioBench(t)
			for begin := 0; begin < len(text); begin += piece {
				b.write(b.path, text[begin:min(len(text), begin+piece)])
				if piece > 7 {
					b.restart()
				}
				b.poll()
			}
			if got := froms(b); got != "one@ü.example two@x.example dreißig@x.example" {
				t.Errorf("%s in pieces of %d: %q", name, piece, got)
			}
		}
	}
}

// TestPadding reads a file behind whose text zeros stand, which text takes the place of later.
func TestPadding(t *testing.T) {
	b := kerioBench(t)
	first, second := kerioLine(1, "one@x.example"), kerioLine(2, "two@x.example")
	for _, text := range []string{first + strings.Repeat("\x00", 4096), first + second + strings.Repeat("\x00", 4096-len(second)), first + second} {
		file, err := os.OpenFile(b.path, os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := file.Truncate(int64(len(text))); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		b.poll()
		b.poll()
	}
	if got := froms(b); got != "one@x.example two@x.example" {
		t.Error(got)
	}
}

// tracked is a line of message tracking by which mail arrives, with a subject.
func tracked(stamp, id, subject string) string {
	return stamp + ",203.0.113.9,mail.partner.example,10.0.0.5,EX01,,,SMTP,RECEIVE,1,<" + id + ">,anna@example.com,,1,1,,," + subject + ",a@partner.example,a@partner.example,0I:\r\n"
}

// TestQuotedLineBreaks keeps a line together whose subject holds line breaks, and loses no other line where a quote is missing.
func TestQuotedLineBreaks(t *testing.T) {
	text := tracked("2026-11-23T12:00:01.000Z", "1", "plain") +
		tracked("2026-11-23T12:00:02.000Z", "2", "\"two\r\nlines, and \"\"quotes\"\"\r\n\r\nmore\"") +
		tracked("2026-11-23T12:00:03.000Z", "3", `"never closed`) +
		tracked("2026-11-23T12:00:04.000Z", "4", `"closed"`) +
		tracked("2026-11-23T12:00:05.000Z", "5", "in \" between")
	for _, text := range []string{text, encoded(byteOrderMark+text, false)} {
		for _, piece := range []int{len(text), 11, 500} {
			b := newBench(t, func(o *Options) { o.Dialects = []string{ExchangeTracking} })
			for begin := 0; begin < len(text); begin += piece {
				b.write(b.path, text[begin:min(len(text), begin+piece)])
				b.poll()
			}
			more := tracked("2026-11-23T12:00:06.000Z", "6", "end")
			if text[1] == 0 || text[0] == 0xff {
				more = encoded(more, false)
			}
			b.write(b.path, more)
			b.poll()
			var ids []string
			for _, o := range b.memory.observations {
				ids = append(ids, o.Message)
			}
			if got := strings.Join(ids, ""); got != "<1><2><3><4><5><6>" {
				t.Errorf("in pieces of %d: %s", piece, got)
			}
		}
	}
}

func TestEncodingOf(t *testing.T) {
	for head, want := range map[string]encoding{
		"": octets, "ab": octets, "abcd": octets, "\xff\xfea\x00": utf16le, "\xfe\xff\x00a": utf16be, "a\x00b\x00": utf16le, "\x00a\x00b": utf16be, "\x00\x00\x00\x00": octets,
		"\xef\xbb\xbf[": octets,
	} {
		if got := encodingOf([]byte(head)); got != want {
			t.Errorf("%q: %d, want %d", head, got, want)
		}
	}
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
