package testserver

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"slices"
	"strings"
	"time"
)

// Rendering is what a server does to a message before it stores it. The zero value keeps every octet.
type Rendering struct {
	// Body renders bodies anew, as Exchange does: other transfer encodings, other boundaries, other line breaks. No body keeps its digest; what it says stays.
	Body bool
	// Subject is put before every subject: "[EXTERN] ".
	Subject string
	// MessageID and Date invent the field where it is missing.
	MessageID, Date bool
	// Drop names header fields that do not survive.
	Drop []string
}

// Render returns the message as the server stores it; data is not changed. at is the invented date.
func (r Rendering) Render(data []byte, at time.Time) []byte {
	head := headerLength(data)
	header, body := fieldsOf(data[:head]), data[head:]
	empty := data[len(header.bytes()):head] // the empty line, if there is one
	header = slices.DeleteFunc(header, func(f rawField) bool { return containsFold(r.Drop, f.name) })
	if r.Subject != "" {
		header.set("Subject", r.Subject+header.value("Subject"))
	}
	if r.MessageID && header.value("Message-ID") == "" {
		header.set("Message-ID", fmt.Sprintf("<%x.%d@invented.example>", sha256.Sum256(data), at.UnixNano()))
	}
	if r.Date && header.value("Date") == "" {
		header.set("Date", at.Format(time.RFC1123Z))
	}
	if r.Body {
		empty, body = []byte("\r\n"), renderBody(&header, body)
	}
	return slices.Concat(header.bytes(), empty, body)
}

// renderBody never returns the same octets.
func renderBody(header *rawHeader, body []byte) []byte {
	anew := renderPart(header, body)
	if bytes.Equal(anew, body) {
		return slices.Concat(body, []byte("\r\n"))
	}
	return anew
}

// rawField is a field with its folds and line end.
type rawField struct {
	name string
	raw  []byte
}

type rawHeader []rawField

func fieldsOf(header []byte) rawHeader {
	var fields rawHeader
	eachField(header, func(name string, raw []byte) { fields = append(fields, rawField{name, raw}) })
	return fields
}

func (h rawHeader) index(name string) int {
	return slices.IndexFunc(h, func(f rawField) bool { return strings.EqualFold(f.name, name) })
}

func (h rawHeader) value(name string) string {
	i := h.index(name)
	if i < 0 {
		return ""
	}
	_, value, _ := strings.Cut(string(h[i].raw), ":")
	return strings.TrimSpace(value)
}

// set replaces the first field of that name, or adds it.
func (h *rawHeader) set(name, value string) {
	field := rawField{name, []byte(name + ": " + value + "\r\n")}
	if i := h.index(name); i >= 0 {
		(*h)[i] = field
		return
	}
	*h = append(*h, field)
}

func (h rawHeader) bytes() []byte {
	var all []byte
	for _, f := range h {
		all = append(all, f.raw...)
	}
	return all
}

// renderPart returns the body of a message or part anew, and changes its header accordingly. What is no sound MIME stays.
func renderPart(header *rawHeader, body []byte) []byte {
	kind, params, err := mime.ParseMediaType(unfold(header.value("Content-Type")))
	switch {
	case err != nil && header.value("Content-Type") != "", strings.HasPrefix(kind, "message/"):
		return body
	case strings.HasPrefix(kind, "multipart/"):
		return renderParts(header, kind, params, body)
	}
	return reencode(header, body)
}

func unfold(value string) string { return strings.ReplaceAll(value, "\r\n", "") }

// renderParts renders every part, and gives them another boundary. Preamble and epilogue are lost.
func renderParts(header *rawHeader, kind string, params map[string]string, body []byte) []byte {
	parts, ok := partsOf(body, params["boundary"])
	if !ok {
		return body
	}
	params["boundary"] = fmt.Sprintf("=_%x", sha256.Sum256([]byte(params["boundary"])))[:40]
	anew := mime.FormatMediaType(kind, params)
	if anew == "" {
		return body
	}
	header.set("Content-Type", strings.ReplaceAll(anew, "; ", ";\r\n\t"))
	var out []byte
	for _, part := range parts {
		n := headerLength(part)
		inner := fieldsOf(part[:n])
		rendered := renderPart(&inner, part[n:])
		out = slices.Concat(out, []byte("--"+params["boundary"]+"\r\n"), inner.bytes(), []byte("\r\n"), rendered, []byte("\r\n"))
	}
	return append(out, "--"+params["boundary"]+"--\r\n"...)
}

// partsOf splits at the boundary (RFC 2046 §5.1.1). It fails where the boundary does not end the body.
func partsOf(body []byte, boundary string) (parts [][]byte, ok bool) {
	if boundary == "" {
		return nil, false
	}
	start := -1
	for at := 0; at < len(body); {
		line := body[at:]
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line = line[:i+1]
		}
		switch text := string(bytes.TrimRight(line, " \t\r\n")); text {
		case "--" + boundary, "--" + boundary + "--":
			if start >= 0 {
				parts = append(parts, bytes.TrimSuffix(body[start:max(start, at)], []byte("\r\n")))
			}
			if text != "--"+boundary {
				return parts, len(parts) > 0
			}
			start = at + len(line)
		}
		at += len(line)
	}
	return nil, false
}

// reencode writes base64 as quoted-printable, and all else as base64 in short lines.
func reencode(header *rawHeader, body []byte) []byte {
	var plain []byte
	var err error
	encoding := strings.ToLower(header.value("Content-Transfer-Encoding"))
	switch encoding {
	case "base64":
		plain, err = io.ReadAll(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(body)))
	case "quoted-printable":
		plain, err = io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body)))
	case "", "7bit", "8bit", "binary":
		plain = body
	default:
		return body
	}
	if err != nil || len(plain) == 0 {
		return body
	}
	var out bytes.Buffer
	if encoding == "base64" {
		header.set("Content-Transfer-Encoding", "quoted-printable")
		w := quotedprintable.NewWriter(&out)
		w.Binary = true
		_, _ = w.Write(plain)
		_ = w.Close()
		return append(out.Bytes(), "=\r\n"...)
	}
	header.set("Content-Transfer-Encoding", "base64")
	for line := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(plain)), 60) {
		out.Write(line)
		out.WriteString("\r\n")
	}
	return out.Bytes()
}
