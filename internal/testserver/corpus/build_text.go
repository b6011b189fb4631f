package corpus

import (
	"encoding/base64"
	"strings"
)

func buildPlain(d *draft) {
	d.text("text/plain; charset=us-ascii", "7bit", d.g.prose("en", d.g.size(600, 12<<10)))
}

func buildUTF8QP(d *draft) {
	lang := pick(d.g, []string{"de", "fr"})
	d.set("Subject", words("utf-8", d.g.subject(lang)))
	d.text("text/plain; charset=utf-8", "quoted-printable", quotedPrintable(d.g.prose(lang, d.g.size(600, 8<<10))))
}

func buildUTF8Raw(d *draft) {
	lang := pick(d.g, []string{"de", "fr", "ru", "ja", "zh"})
	d.set("Subject", words("utf-8", d.g.subject(lang)))
	d.text("text/plain; charset=UTF-8", "8bit", d.g.prose(lang, d.g.size(600, 8<<10)))
}

func buildHTML(d *draft) {
	d.text("text/html; charset=utf-8", "8bit", d.html("de", d.g.size(800, 16<<10)))
}

// html wraps prose in the kind of markup that mail programs write.
func (d *draft) html(lang string, size int) string {
	body := strings.ReplaceAll(d.g.prose(lang, size), crlf, "<br>"+crlf)
	return "<html><head><meta charset=\"utf-8\"></head>" + crlf + "<body style=\"font:10pt sans-serif\"><p>" + crlf +
		body + "</p></body></html>" + crlf
}

// buildFlowed ends soft lines with a blank and stuffs lines that start with one (RFC 3676 §4).
func buildFlowed(d *draft) {
	text := strings.ReplaceAll(d.g.prose("en", d.g.size(400, 4<<10)), crlf, " "+crlf)
	d.text("text/plain; charset=us-ascii; format=flowed; delsp=no", "7bit",
		text+crlf+"> quoted line "+crlf+">> twice "+crlf+" From the start, stuffed"+crlf+"-- "+crlf+d.from.Addr+crlf)
}

func buildLatin1(d *draft) {
	d.set("Subject", words("iso-8859-1", d.g.subject("fr")))
	d.text("text/plain; charset=ISO-8859-1", "8bit", encodeTo("iso-8859-1", d.g.prose("fr", d.g.size(400, 6<<10))))
}

func buildKOI8R(d *draft) {
	d.set("Subject", words("koi8-r", d.g.subject("ru")))
	d.text("text/plain; charset=koi8-r", "8bit", encodeTo("koi8-r", d.g.prose("ru", d.g.size(400, 6<<10))))
}

func buildISO2022JP(d *draft) {
	d.set("Subject", words("iso-2022-jp", d.g.subject("ja")))
	lines := strings.Split(d.g.prose("ja", d.g.size(400, 4<<10)), crlf)
	for i, line := range lines {
		lines[i] = encodeTo("iso-2022-jp", line) // RFC 1468: back to ASCII at the end of each line
	}
	d.text("text/plain; charset=ISO-2022-JP", "7bit", strings.Join(lines, crlf))
}

func buildArabic(d *draft) {
	d.set("Subject", words("utf-8", d.g.subject("ar")))
	d.text("text/plain; charset=utf-8", "base64", base64Lines([]byte(d.g.prose("ar", d.g.size(400, 6<<10)))))
}

func buildChinese(d *draft) {
	d.set("Subject", words("gb18030", d.g.subject("zh")))
	d.text("text/plain; charset=gb18030", "base64", base64Lines([]byte(encodeTo("gb18030", d.g.prose("zh", d.g.size(400, 6<<10))))))
}

func buildEmoji(d *draft) {
	d.set("Subject", words("utf-8", d.g.subject("emoji")))
	d.text("text/plain; charset=utf-8", "8bit", d.g.prose("emoji", d.g.size(100, 2<<10)))
}

func buildList(d *draft) {
	d.add("List-Id", "Pumps and valves <pumps.lists.example>")
	d.add("List-Unsubscribe", "<mailto:pumps-leave@lists.example>,"+crlf+"\t<https://lists.example/leave>")
	d.add("List-Post", "<mailto:pumps@lists.example>")
	d.add("Precedence", "list")
	d.set("Subject", "[pumps] "+d.g.subject("en"))
	d.text("text/plain; charset=us-ascii", "", d.g.prose("en", d.g.size(600, 8<<10))+
		"_______________________________________________"+crlf+"pumps mailing list"+crlf)
}

func buildReceipt(d *draft) {
	d.add("Disposition-Notification-To", d.from.Addr)
	d.add("Return-Receipt-To", d.from.Addr)
	buildPlain(d)
}

// noise returns n octets that do not compress, like a photograph or an archive.
func (g *Generator) noise(n int) []byte {
	data := make([]byte, n)
	for i := 0; i < n; i += 8 {
		v := g.rng.Uint64()
		for j := i; j < min(i+8, n); j++ {
			data[j] = byte(v)
			v >>= 8
		}
	}
	return data
}

// token returns a short random word for boundaries and identifiers.
func (g *Generator) token() string {
	return base64.RawURLEncoding.EncodeToString(g.noise(9))
}
