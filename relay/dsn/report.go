package dsn

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Action is what became of a message (RFC 3464 §2.3.3).
type Action string

const (
	Failed    Action = "failed"
	Delayed   Action = "delayed"
	Delivered Action = "delivered"
	Relayed   Action = "relayed" // to a system that tells nothing itself
)

// Report is one notification about one recipient. All times are written in UTC.
type Report struct {
	ID        string // for Message-ID and boundary: nobody can guess it
	MTA       string // our host name
	From, To  string // addresses; To is the sender whom it is for
	At        time.Time
	Action    Action
	Status    string // enhanced code (RFC 3463)
	Why       string // for people; of a failure or delay
	Signature string // the organisation; may be empty

	Recipient  string // as the sender wrote it
	ORcpt      string // type;address, decoded; may be empty
	EnvelopeID string // decoded; may be empty
	Arrived    time.Time
	MessageID  string // of the message, with angle brackets; may be empty
}

// Write writes the notification, with the message in its octets, or else its header alone.
func (r Report) Write(w io.Writer, message io.Reader, whole bool) error {
	out := bufio.NewWriter(w)
	boundary := "=_" + r.ID
	out.WriteString(lines(r.header(boundary)...))
	part(out, boundary, "text/plain; charset=us-ascii", r.text())
	part(out, boundary, "message/delivery-status", r.fields())
	kind, encoding := "text/rfc822-headers", "7bit"
	if whole {
		kind, encoding = "message/rfc822", "8bit"
	}
	fmt.Fprintf(out, "\r\n--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n", boundary, kind, encoding)
	if err := returned(out, message, whole); err != nil {
		return err
	}
	fmt.Fprintf(out, "\r\n--%s--\r\n", boundary)
	return out.Flush()
}

func (r Report) header(boundary string) []string {
	all := []string{
		"From: Mail Delivery System <" + word(r.From) + ">", "To: <" + address(r.To) + ">", "Subject: " + r.subject(),
		"Date: " + r.At.UTC().Format(time.RFC1123Z), "Message-ID: <" + r.ID + "@" + word(r.MTA) + ">",
	}
	if id := word(r.MessageID); id != "" && len(id) < maxWord {
		all = append(all, "References: "+id)
	}
	return append(all,
		"Auto-Submitted: auto-replied", "MIME-Version: 1.0",
		"Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\""+boundary+"\"", "Content-Transfer-Encoding: 8bit", "",
		"This is a delivery status notification (RFC 3464).")
}

func (r Report) subject() string {
	return map[Action]string{
		Failed: "Your message was not delivered", Delayed: "Your message has not been delivered yet", Delivered: "Your message was delivered", Relayed: "Your message was passed on",
	}[r.Action]
}

func (r Report) text() string {
	what := map[Action]string{
		Failed:    "could not be delivered: " + plain(r.Why) + ". It will not be tried again.",
		Delayed:   "could not be delivered yet: " + plain(r.Why) + ". It is kept safe, and we go on trying to deliver it. You need not send it again.",
		Delivered: "lies in the recipient's mailbox.",
		Relayed:   "was passed on to the recipient's mail system, which does not confirm that it was delivered. No more is told of it.",
	}[r.Action]
	text := lines("Your message of "+r.Arrived.UTC().Format("Mon, 2 Jan 2006 15:04 UTC")+" to", "", "    "+plain(r.Recipient), "", what)
	if r.Signature != "" {
		text += lines("", plain(r.Signature))
	}
	return text
}

// fields are those of the message and of the recipient (RFC 3464 §2.2 and §2.3).
func (r Report) fields() string {
	all := []string{"Reporting-MTA: dns; " + word(r.MTA)}
	if r.EnvelopeID != "" {
		all = append(all, "Original-Envelope-Id: "+plain(r.EnvelopeID))
	}
	all = append(all, "Arrival-Date: "+r.Arrived.UTC().Format(time.RFC1123Z), "")
	if kind, a, ok := strings.Cut(r.ORcpt, ";"); ok {
		all = append(all, "Original-Recipient: "+word(kind)+"; "+encoded(a))
	}
	kind := "rfc822"
	if !ascii(r.Recipient) {
		kind = "utf-8"
	}
	return lines(append(all, "Final-Recipient: "+kind+"; "+encoded(r.Recipient), "Action: "+string(r.Action), "Status: "+word(r.Status))...)
}

func part(out *bufio.Writer, boundary, kind, text string) {
	fmt.Fprintf(out, "\r\n--%s\r\nContent-Type: %s\r\n\r\n%s", boundary, kind, text)
}

func lines(all ...string) string { return strings.Join(all, "\r\n") + "\r\n" }

// maxHeader is how much of a header is returned.
const maxHeader = 64 << 10

// returned writes the message, or its header in ASCII.
func returned(out *bufio.Writer, message io.Reader, whole bool) error {
	if whole {
		_, err := io.Copy(out, message)
		return err
	}
	in := bufio.NewReaderSize(io.LimitReader(message, maxHeader), maxHeader)
	for {
		line, err := in.ReadString('\n')
		text := strings.TrimRight(line, "\r\n")
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if text == "" {
			return nil
		}
		out.WriteString(strings.Map(func(c rune) rune {
			if c != '\t' && (c < ' ' || c > '~') {
				return '?'
			}
			return c
		}, text) + "\r\n")
	}
}
