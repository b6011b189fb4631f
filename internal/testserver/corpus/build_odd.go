package corpus

import (
	"fmt"
	"strings"
)

const maxLine = 998 // octets of a line without its CRLF (RFC 5322 §2.1.1)

func buildFolded(d *draft) {
	d.set("Subject", strings.ReplaceAll("a subject that was folded at each and every blank it has", " ", crlf+" "))
	d.set("To", "\r\n\t"+mailboxField(d.to)+",\r\n\t \tsecond@partner.example,\r\n third@partner.example")
	d.set("Message-ID", "\r\n "+d.id) // Exchange and Outlook fold here
	d.add("References", "<1@x.example>\r\n\t<2@x.example>\r\n   <3@x.example>")
	buildPlain(d)
}

func buildLongHeader(d *draft) {
	recipients := make([]string, 300)
	for i := range recipients {
		recipients[i] = fmt.Sprintf("person.%d@partner.example", i)
	}
	d.add("Cc", strings.Join(recipients, ","+crlf+" "))
	d.add("X-Spam-Report", strings.Repeat("x", 900-len("X-Spam-Report: ")))
	buildPlain(d)
}

func buildDoubleFields(d *draft) {
	d.add("Subject", "a second subject")
	d.add("To", "second@partner.example")
	d.add("Date", d.date.AddDate(0, 0, -3).Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	buildPlain(d)
}

func buildEmptySubject(d *draft) {
	d.set("Subject", "")
	buildPlain(d)
}

func buildNoSubject(d *draft) {
	d.drop("Subject")
	buildPlain(d)
}

// buildOddDate writes Date forms that are obsolete (RFC 5322 §4.3), sloppy or impossible.
func buildOddDate(d *draft) {
	formats := []string{
		"2 Jan 06 15:04 GMT", "Mon, 2 Jan 2006 15:04:05 EST", "2006-01-02T15:04:05Z", "Mon Jan _2 15:04:05 2006",
		"Mon, 02 Jan 2006 15:04:05 -0700 (Central European Summer Time)", "Mon, 02 Jan 2006 25:61:00 +9900", "02/01/2006 15:04",
		"Mo, 02 Jan 2006 15:04:05 +0100", "Mon,  2 Jan 2006 15:04:05", "Thu, 01 Jan 1970 00:00:00 +0000",
	}
	d.set("Date", d.date.Format(pick(d.g, formats)))
	buildPlain(d)
}

func buildNoDate(d *draft) {
	d.drop("Date")
	buildPlain(d)
}

func buildNoMessageID(d *draft) {
	d.drop("Message-ID")
	d.id = ""
	buildPlain(d)
}

func buildOddMessageID(d *draft) {
	bare := strings.Trim(d.id, "<>")
	d.id = pick(d.g, []string{bare, "< " + bare + " >", "<" + bare, "<" + bare + "> (added by mail.example)", "<caf\xe9." + bare + ">", "<a b." + bare + ">"})
	d.set("Message-ID", d.id)
	buildPlain(d)
}

func buildSameID(d *draft) {
	for _, m := range d.g.recent {
		if m.MessageID != "" && m.Kind != OddMessageID {
			d.id = m.MessageID
			break
		}
	}
	d.set("Message-ID", d.id)
	buildPlain(d)
}

func buildShort(d *draft) {
	d.text("text/plain", "", pick(d.g, []string{"k" + crlf, "ok" + crlf, crlf, "." + crlf, " " + crlf, "?"}))
}

func buildNoBody(d *draft) {
	d.bare = d.g.rng.IntN(2) == 0
}

func buildDots(d *draft) {
	d.text("text/plain; charset=us-ascii", "7bit", strings.Join([]string{".", "..", "...and so on", ".hidden", "", ".", "", ". ", ".\t", "x.", "..",
		d.g.prose("en", 300) + ".", ""}, crlf))
}

func buildLongLines(d *draft) {
	var b strings.Builder
	for range 1 + d.g.rng.IntN(8) {
		b.WriteString(strings.Repeat(d.g.token(), maxLine)[:maxLine] + crlf)
	}
	b.WriteString("." + strings.Repeat("d", maxLine-1) + crlf)
	d.text("text/plain; charset=us-ascii", "7bit", b.String())
}

func buildNoFinalEOL(d *draft) {
	d.text("text/plain; charset=us-ascii", "7bit", d.g.prose("en", 500)+"no line end after this")
}

// buildRawHeader puts octets above 127 where RFC 5322 wants encoded words, as old web forms do.
func buildRawHeader(d *draft) {
	d.set("Subject", pick(d.g, []string{encodeTo("iso-8859-1", "R\u00e9union d\u00e9plac\u00e9e"), "Größe in UTF-8, nicht kodiert"}))
	d.set("From", encodeTo("iso-8859-1", "Jos\u00e9 <")+d.from.Addr+">")
	d.text("text/plain", "8bit", encodeTo("iso-8859-1", d.g.prose("fr", 500)))
}

func buildBadMIME(d *draft) {
	switch d.g.rng.IntN(3) {
	case 0:
		d.text("multipart/mixed; boundary=\"never\"", "", d.g.prose("en", 400))
	case 1:
		d.text("text/plain; charset=x-klingon", "x-unknown", d.g.prose("de", 400))
	default:
		d.text("text/plain; charset=\"utf-8", "base64", "this is !! not base64"+crlf)
	}
}

func buildNoFrom(d *draft) {
	d.drop("From")
	d.add("Sender", mailboxField(d.from))
	buildPlain(d)
}

func buildTrailingSpace(d *draft) {
	d.text("text/plain; charset=us-ascii", "7bit", "trailing blanks   "+crlf+"and tabs\t\t"+crlf+"\f"+crlf+d.g.prose("en", 300)+
		"   "+crlf+strings.Repeat(crlf, 12))
}
