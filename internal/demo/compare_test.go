package demo

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"posthouse/internal/testserver"
)

const anna = "anna@example.com"

// pairOfServers holds three messages on both sides, one of them twice, and one that was captured.
func pairOfServers(t *testing.T) (b *book, legacy, cloud *testserver.IMAP) {
	t.Helper()
	b = newBook()
	legacy, cloud = testserver.NewIMAP(testserver.IMAPConfig{}), testserver.NewIMAP(testserver.IMAPConfig{})
	for _, s := range []*testserver.IMAP{legacy, cloud} {
		s.AddUser(anna, "x")
	}
	for s, sent := range map[*testserver.IMAP]string{legacy: "Gesendet", cloud: "Sent Items"} {
		must(t, s.CreateFolder(anna, sent, `\Sent`))
		add(t, s, inbox, "one", `\Seen`)
		add(t, s, inbox, "two")
		add(t, s, inbox, "two", `\Flagged`)
		add(t, s, sent, "three", `\Seen`)
	}
	for _, m := range []struct{ folder, text string }{{inbox, "one"}, {inbox, "two"}, {inbox, "two"}, {`\Sent`, "three"}} {
		b.put(anna, m.folder, sha256.Sum256(body(m.text)), m.text)
	}
	b.taken([]string{anna}, sha256.Sum256(body("late")), "late")
	add(t, cloud, inbox, ours+"late")
	return b, legacy, cloud
}

const ours = "Return-Path: <a@b.example>\r\nReceived: from x ([127.0.0.1])\r\n\tby mx.cloud.example " + serverMark + ";\r\n\tMon, 02 Nov 2026 00:00:00 UTC\r\n" +
	"Received: from mail.acme.example ([127.0.1.1])\r\n\tby mail.example.com (posthouse) with ESMTP id 01JD9F3K7Q01JD9F3K7Q01JD9F\r\n\tfor <anna@example.com>;\r\n\tMon, 02 Nov 2026 00:00:00 UTC\r\n" +
	"X-Posthouse-Trace: 01JD9F3K7Q01JD9F3K7Q01JD9F.0123456789ABCDEFGHIJKLMNOP\r\n"

func body(text string) []byte {
	head, name := "", text
	if i := strings.LastIndex(text, "\r\n"); i >= 0 {
		head, name = text[:i+2], text[i+2:]
	}
	return fmt.Appendf(nil, "%sSubject: %s\r\n\r\n%s\r\n", head, name, name)
}

var noon = time.Date(2026, time.November, 2, 12, 0, 0, 0, time.UTC)

func add(t *testing.T, s *testserver.IMAP, folder, text string, flags ...string) uint32 {
	t.Helper()
	uid, err := s.Append(anna, folder, body(text), flags, noon)
	must(t, err)
	return uid
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestCompare(t *testing.T) {
	tests := []struct {
		name                    string
		harm                    func(t *testing.T, legacy, cloud *testserver.IMAP)
		missing, twice, changed int
		says                    string
	}{
		{"equal", func(*testing.T, *testserver.IMAP, *testserver.IMAP) {}, 0, 0, 0, ""},
		{"one is gone", func(t *testing.T, _, cloud *testserver.IMAP) { must(t, cloud.Remove(anna, inbox, 1)) }, 1, 0, 0, "missing: anna@example.com INBOX, one"},
		{"of two only one is left", func(t *testing.T, _, cloud *testserver.IMAP) { must(t, cloud.Remove(anna, inbox, 3)) }, 1, 0, 0, "missing: anna@example.com INBOX, two"},
		{"captured and gone", func(t *testing.T, _, cloud *testserver.IMAP) { must(t, cloud.Remove(anna, inbox, 4)) }, 1, 0, 0, "missing: anna@example.com INBOX, late"},
		{"a copy too many", func(t *testing.T, _, cloud *testserver.IMAP) { add(t, cloud, inbox, "one", `\Seen`) }, 0, 1, 0, "twice: anna@example.com INBOX, one"},
		{"captured and copied too", func(t *testing.T, _, cloud *testserver.IMAP) { add(t, cloud, inbox, "late") }, 0, 1, 0, "twice: anna@example.com INBOX, late"},
		{"a third of what lay there twice", func(t *testing.T, _, cloud *testserver.IMAP) { add(t, cloud, inbox, "two") }, 0, 1, 0, "twice: anna@example.com INBOX, two"},
		{"in the wrong folder", func(t *testing.T, _, cloud *testserver.IMAP) {
			_, err := cloud.Move(anna, "Sent Items", 1, inbox)
			must(t, err)
		}, 1, 1, 0, "missing: anna@example.com \\Sent, three; a copy is anna@example.com INBOX UID 5"},
		{"other flags", func(t *testing.T, _, cloud *testserver.IMAP) { must(t, cloud.SetFlags(anna, inbox, 1)) }, 0, 0, 1, `has "\\seen"`},
		{"another date", func(t *testing.T, _, cloud *testserver.IMAP) {
			must(t, cloud.Remove(anna, inbox, 1))
			_, err := cloud.Append(anna, inbox, body("one"), []string{`\Seen`}, noon.Add(time.Second))
			must(t, err)
		}, 0, 0, 1, "12:00:01"},
		{"an octet more", func(t *testing.T, _, cloud *testserver.IMAP) {
			must(t, cloud.Remove(anna, inbox, 1))
			_, err := cloud.Append(anna, inbox, append(body("one"), '\n'), []string{`\Seen`}, noon)
			must(t, err)
		}, 1, 0, 1, "is no message that anybody sent"},
		{"our fields twice", func(t *testing.T, _, cloud *testserver.IMAP) {
			must(t, cloud.Remove(anna, inbox, 4))
			add(t, cloud, inbox, ours+ours+"late")
		}, 1, 0, 1, "is no message that anybody sent"},
		{"taken away on the old side", func(t *testing.T, legacy, _ *testserver.IMAP) { must(t, legacy.Remove(anna, inbox, 1)) }, 0, 0, 1, "is no longer on the old server"},
		{"doubled on the old side", func(t *testing.T, legacy, _ *testserver.IMAP) {
			add(t, legacy, inbox, ours+"late")
			add(t, legacy, inbox, ours+"late")
		}, 0, 1, 0, "twice on the old server: anna@example.com INBOX, late"},
		{"teed", func(t *testing.T, legacy, _ *testserver.IMAP) { add(t, legacy, inbox, ours+"late") }, 0, 0, 0, ""},
		{"from nowhere on the old side", func(t *testing.T, legacy, _ *testserver.IMAP) { add(t, legacy, inbox, "forged") }, 0, 0, 1, "on the old server is no message that anybody sent"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, legacy, cloud := pairOfServers(t)
			tt.harm(t, legacy, cloud)
			c, err := compare(b, legacy, cloud, []string{anna})
			must(t, err)
			if c.Messages != 5 || c.Missing != tt.missing || c.Twice != tt.twice || c.Changed != tt.changed {
				t.Errorf("%d missing, %d twice, %d changed of %d; want %d, %d, %d of 5: %q", c.Missing, c.Twice, c.Changed, c.Messages, tt.missing, tt.twice, tt.changed, c.Findings)
			}
			if tt.says != "" && !slices.ContainsFunc(c.Findings, func(f string) bool { return strings.Contains(f, tt.says) }) {
				t.Errorf("%q does not say %q", c.Findings, tt.says)
			}
			if c.Clean() != (tt.missing+tt.twice+tt.changed == 0) {
				t.Error("clean is not what the counts say")
			}
		})
	}
}

func TestCompareStranger(t *testing.T) {
	b, legacy, cloud := pairOfServers(t)
	if _, err := compare(b, legacy, cloud, []string{"nobody@example.com"}); err == nil {
		t.Error("a mailbox that is not there was compared")
	}
}
