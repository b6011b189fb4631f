package storetest

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"posthouse/cutover"
)

// Message is a message to deliver.
type Message struct {
	Raw   []byte
	Flags cutover.Flags
	Date  time.Time
}

// message returns the nth message of the suite: all are different, with a date of their own.
func (s *suite) message(n int) Message {
	if s.Kind.Objects() {
		return Message{Raw: s.object(n, "")}
	}
	raw := fmt.Sprintf("Message-ID: <%d.suite@example.com>\r\nDate: %s\r\nFrom: Anna <anna@example.com>\r\nTo: bob@example.com\r\nSubject: message %d\r\n\r\nbody %d\r\n",
		n, day(n).Format(time.RFC1123Z), n, n)
	return Message{Raw: []byte(raw), Date: day(n)}
}

// day is an instant in a zone with half an hour in it.
func day(n int) time.Time {
	return time.Date(2019, 3, 1+n%28, 11, n%60, 30, 0, time.FixedZone("", 5*3600+1800))
}

func (s *suite) identity(n int) cutover.Identity {
	if s.Kind.Objects() {
		return cutover.IdentityOfUID(s.Kind, fmt.Sprintf("%d@suite.example.com", n))
	}
	return cutover.IdentityOf(s.message(n).Raw)
}

// which tells the number of a message of the suite by its identity.
func (s *suite) which(item cutover.Item, highest int) int {
	s.Helper()
	for n := 1; n <= highest; n++ {
		if id := s.identity(n); id.Key == item.Identity.Key && id.Loose == item.Identity.Loose {
			return n
		}
	}
	s.Fatalf("item %+v is none of the messages delivered", item)
	return 0
}

// content is a body in memory; claimed, if set, is a size that it does not have.
type content struct {
	raw     []byte
	claimed int64
}

func (c content) Size() int64 {
	if c.claimed != 0 {
		return c.claimed
	}
	return int64(len(c.raw))
}

func (c content) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(c.raw)), nil }

func (c content) Close() error { return nil }

// nobody is a reference that no item of the suite has. It is well below 2^32: Cyrus 3.6 forgets the rest of a set that reaches the last few UIDs.
const nobody cutover.Ref = "2000000000"

// odd are bodies that try what carries them.
func (s *suite) odd() map[string][]byte {
	if s.Kind.Objects() {
		return s.oddObjects()
	}
	head := "Message-ID: <odd@example.com>\r\nDate: Mon, 2 Nov 2026 10:00:00 +0100\r\nFrom: a@example.com\r\n"
	big := strings.Repeat("0123456789012345678901234567890123456789012345678901234567890123456789\r\n", 1)
	all := map[string][]byte{
		"plain":         []byte(head + "\r\nhello\r\n"),
		"no final EOL":  []byte(head + "\r\nhello"),
		"no body":       []byte(head + "\r\n"),
		"literals":      []byte(head + "\r\n{5}\r\nhello {3+}\r\n)\r\n* OK\r\nA1 OK done\r\n"),
		"dots":          []byte(head + "\r\n.\r\n..\r\n. .\r\n"),
		"8 bit":         []byte(head + "Subject: Gr\xfc\xdfe\r\n\r\n\xff\xfe\x80 caf\xc3\xa9\r\n"),
		"empty lines":   []byte(head + "\r\n\r\n\r\n\r\n"),
		"long line":     []byte(head + "\r\n" + strings.Repeat("x", 100_000) + "\r\n"),
		"folded header": []byte("Message-ID:\r\n <odd.folded@example.com>\r\n" + "From: a@example.com\r\nX-Folded: a\r\n\tb\r\n c\r\n\r\nx\r\n"),
		"300 KiB":       []byte(head + "\r\n" + strings.Repeat(big, 300<<10/len(big))),
		"3 MiB":         []byte(head + "\r\n" + strings.Repeat(big, 3<<20/len(big))),
	}
	if s.EndsLines {
		delete(all, "no final EOL")
	}
	if s.ASCIIHeaders {
		delete(all, "8 bit")
	}
	return all
}
