package corpus

import (
	"bytes"
	"encoding/base64"
	"mime/quotedprintable"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
)

var charsets = map[string]encoding.Encoding{
	"iso-8859-1":  charmap.ISO8859_1,
	"koi8-r":      charmap.KOI8R,
	"iso-2022-jp": japanese.ISO2022JP,
	"gb18030":     simplifiedchinese.GB18030,
}

// encodeTo returns the octets of s in the charset; what the charset lacks becomes its substitute.
func encodeTo(charset, s string) string {
	enc, known := charsets[charset]
	if !known {
		return s
	}
	out, err := encoding.ReplaceUnsupported(enc.NewEncoder()).String(s)
	if err != nil {
		return s
	}
	return out
}

func quotedPrintable(s string) string {
	var b bytes.Buffer
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(s)) // a bytes.Buffer takes everything
	_ = w.Close()
	return b.String()
}

// base64Lines encodes in lines of 76 octets (RFC 2045 §6.8), with a final CRLF.
func base64Lines(data []byte) string {
	const raw = 57 // octets that make 76
	var b strings.Builder
	b.Grow(len(data)/raw*78 + 80)
	for len(data) > 0 {
		n := min(len(data), raw)
		b.WriteString(base64.StdEncoding.EncodeToString(data[:n]))
		b.WriteString(crlf)
		data = data[n:]
	}
	return b.String()
}
