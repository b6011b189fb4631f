package corpus

import (
	"fmt"
	"strings"
	"time"
)

// part is one body part: its header lines, then its content, which ends with CRLF.
type part struct{ header, content string }

func textPart(subtype, content string) part {
	return part{"Content-Type: text/" + subtype + "; charset=utf-8" + crlf + "Content-Transfer-Encoding: 8bit" + crlf, content}
}

func (g *Generator) filePart(size int) part {
	names := []string{"report.pdf", "Übersicht März.xlsx", "scan 0003.tif", "見積書.docx", "photo.jpg"}
	name := pick(g, names)
	header := "Content-Type: application/octet-stream;" + crlf + "\tname=\"" + words("utf-8", name) + "\"" + crlf +
		"Content-Transfer-Encoding: base64" + crlf + "Content-Disposition: attachment; filename=\"" + words("utf-8", name) + "\"" + crlf
	return part{header, base64Lines(g.noise(size * 57 / 78))}
}

// multi makes a multipart entity of the parts; its own Content-Type is the part's header.
func (g *Generator) multi(subtype, params string, parts ...part) part {
	boundary := "=_" + g.token()
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("--" + boundary + crlf + p.header + crlf + p.content + crlf)
	}
	b.WriteString("--" + boundary + "--" + crlf)
	header := fmt.Sprintf("Content-Type: multipart/%s;%s\r\n\tboundary=\"%s\"\r\n", subtype, params, boundary)
	return part{header, b.String()}
}

// whole makes a part the message itself.
func (d *draft) whole(p part) {
	name, value, _ := strings.Cut(strings.TrimSuffix(p.header, crlf), ": ")
	d.add(name, value)
	d.body.WriteString(p.content)
}

func buildAlternative(d *draft) {
	lang := pick(d.g, []string{"de", "fr", "en", "ru"})
	d.set("Subject", words("utf-8", d.g.subject(lang)))
	size := d.g.size(500, 8<<10)
	d.whole(d.g.multi("alternative", "", textPart("plain", d.g.prose(lang, size)), textPart("html", d.html(lang, size))))
}

func buildAttachment(d *draft) {
	d.whole(d.g.multi("mixed", "", textPart("plain", d.g.prose("en", 400)), d.g.filePart(d.g.size(3<<10, 18<<10))))
}

func buildLarge(d *draft) {
	d.whole(d.g.multi("mixed", "", textPart("plain", d.g.prose("en", 400)), d.g.filePart(d.g.size(100<<10, d.g.MaxSize))))
}

func buildNested(d *draft) {
	g := d.g
	image := part{"Content-Type: image/png" + crlf + "Content-ID: <logo@" + g.token() + ">" + crlf +
		"Content-Transfer-Encoding: base64" + crlf + "Content-Disposition: inline" + crlf, base64Lines(g.noise(900))}
	related := g.multi("related", " type=\"text/html\";", textPart("html", d.html("fr", 900)), image)
	alternative := g.multi("alternative", "", textPart("plain", g.prose("fr", 600)), related)
	outer := g.multi("mixed", "", alternative, g.filePart(g.size(1<<10, 6<<10)), textPart("plain", "-- "+crlf+"footer"+crlf))
	d.whole(outer)
}

// buildForwarded encloses a whole message; its header must survive inside the body.
func buildForwarded(d *draft) {
	inner := d.g.newDraft(pick(d.g, people), d.from, d.date.Add(-26*time.Hour))
	buildUTF8QP(inner)
	enclosed := part{"Content-Type: message/rfc822" + crlf + "Content-Disposition: attachment" + crlf, string(inner.bytes())}
	d.set("Subject", "Fwd: "+d.g.subject("en"))
	d.whole(d.g.multi("mixed", "", textPart("plain", d.g.prose("en", 200)), enclosed))
}

func buildInvite(d *draft) {
	method := pick(d.g, []string{"REQUEST", "REQUEST", "CANCEL", "REPLY"})
	calendar := part{"Content-Type: text/calendar; charset=utf-8; method=" + method + crlf +
		"Content-Transfer-Encoding: 8bit" + crlf, d.event(method)}
	d.whole(d.g.multi("alternative", "", textPart("plain", d.g.prose("de", 300)), calendar))
}

func (d *draft) event(method string) string {
	start := d.date.UTC().Add(72 * time.Hour)
	const stamp = "20060102T150405Z"
	lines := []string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//corpus//EN", "METHOD:" + method, "BEGIN:VEVENT",
		"UID:" + d.g.token() + "@" + domainOf(d.from.Addr), "DTSTAMP:" + d.date.UTC().Format(stamp),
		"DTSTART:" + start.Format(stamp), "DTEND:" + start.Add(time.Hour).Format(stamp), "SUMMARY:" + d.g.subject("de"),
		"ORGANIZER:mailto:" + d.from.Addr, "ATTENDEE;RSVP=TRUE:mailto:" + d.to.Addr, "END:VEVENT", "END:VCALENDAR", ""}
	return strings.Join(lines, crlf)
}

// buildDSN is a non-delivery report (RFC 3464) about a message of the recipient's.
func buildDSN(d *draft) {
	host := domainOf(d.from.Addr)
	d.set("Return-Path", "<>")
	d.set("From", "Mail Delivery System <MAILER-DAEMON@"+host+">")
	d.set("Subject", "Undelivered Mail Returned to Sender")
	d.add("Auto-Submitted", "auto-replied")
	status := part{"Content-Type: message/delivery-status" + crlf, "Reporting-MTA: dns; " + host + crlf + crlf +
		"Final-Recipient: rfc822; gone@" + host + crlf + "Action: failed" + crlf + "Status: 5.1.1" + crlf +
		"Diagnostic-Code: smtp; 550 5.1.1 no such user" + crlf}
	lost := d.g.newDraft(d.to, d.from, d.date.Add(-time.Minute))
	buildPlain(lost)
	original := part{"Content-Type: message/rfc822" + crlf, string(lost.bytes())}
	d.whole(d.g.multi("report", " report-type=delivery-status;", textPart("plain", "Sorry."+crlf), status, original))
}
