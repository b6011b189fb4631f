package corpus

import (
	"bytes"
	"fmt"
	"mime"
	"strings"
	"time"
)

const crlf = "\r\n"

// draft is a message being built: header fields by name, in the order they will be written, then a body.
type draft struct {
	g        *Generator
	from, to Address
	date     time.Time
	id       string

	fields []field
	body   bytes.Buffer
	bare   bool // end after the header, without the empty line
}

type field struct{ name, value string }

// newDraft starts a message with the fields that nearly every message has.
func (g *Generator) newDraft(from, to Address, when time.Time) *draft {
	g.serial++
	d := &draft{g: g, from: from, to: to, date: when.Add(-time.Duration(g.rng.IntN(90)) * time.Second)}
	d.id = fmt.Sprintf("<%x.%d@%s>", g.rng.Uint64(), g.serial, domainOf(from.Addr))
	if from != g.Owner {
		d.trace(when)
	}
	d.add("Message-ID", d.id)
	d.add("Date", d.date.Format(time.RFC1123Z))
	d.add("From", mailboxField(from))
	d.add("To", mailboxField(to))
	d.add("Subject", words("utf-8", pick(g, texts["en"].subjects)))
	d.add("MIME-Version", "1.0")
	return d
}

// trace adds what the servers on the way have written above the author's fields.
func (d *draft) trace(when time.Time) {
	d.add("Return-Path", "<"+d.from.Addr+">")
	d.add("Delivered-To", d.to.Addr)
	for i := range 1 + d.g.rng.IntN(3) {
		at := when.Add(-time.Duration(i) * time.Second).Format(time.RFC1123Z)
		d.add("Received", fmt.Sprintf("from mx%d.%s (mx%d.%s [192.0.2.%d])\r\n\tby mail.%s with ESMTPS id %08X\r\n\tfor <%s>; %s",
			i, domainOf(d.from.Addr), i, domainOf(d.from.Addr), 1+d.g.rng.IntN(250),
			domainOf(d.to.Addr), d.g.rng.Uint32(), d.to.Addr, at))
	}
}

func (d *draft) add(name, value string) { d.fields = append(d.fields, field{name, value}) }

// set replaces the first field of that name, or adds it.
func (d *draft) set(name, value string) {
	for i := range d.fields {
		if d.fields[i].name == name {
			d.fields[i].value = value
			return
		}
	}
	d.add(name, value)
}

func (d *draft) drop(name string) {
	kept := d.fields[:0]
	for _, f := range d.fields {
		if f.name != name {
			kept = append(kept, f)
		}
	}
	d.fields = kept
}

// text makes the message a single text part.
func (d *draft) text(contentType, encoding, body string) {
	d.add("Content-Type", contentType)
	if encoding != "" {
		d.add("Content-Transfer-Encoding", encoding)
	}
	d.body.WriteString(body)
}

func (d *draft) bytes() []byte {
	var b bytes.Buffer
	for _, f := range d.fields {
		b.WriteString(f.name + ":")
		if f.value != "" {
			b.WriteString(" " + f.value)
		}
		b.WriteString(crlf)
	}
	if !d.bare {
		b.WriteString(crlf)
	}
	b.Write(d.body.Bytes())
	return b.Bytes()
}

// mailboxField writes an address as a From or To field has it.
func mailboxField(a Address) string {
	if a.Name == "" {
		return a.Addr
	}
	if strings.ContainsAny(a.Name, ",.()\"") && isASCII(a.Name) {
		return `"` + strings.ReplaceAll(a.Name, `"`, `\"`) + `" <` + a.Addr + ">"
	}
	return words("utf-8", a.Name) + " <" + a.Addr + ">"
}

// words encodes text as RFC 2047 words of at most 75 octets, folded between them. ASCII stays as it is.
func words(charset, s string) string {
	if isASCII(s) {
		return s
	}
	var encoded []string
	runes := []rune(s)
	for len(runes) > 0 {
		n := min(len(runes), 10)
		encoded = append(encoded, mime.BEncoding.Encode(charset, encodeTo(charset, string(runes[:n]))))
		runes = runes[n:]
	}
	return strings.Join(encoded, crlf+" ")
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func domainOf(addr string) string { return addr[strings.LastIndexByte(addr, '@')+1:] }
