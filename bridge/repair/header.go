package repair

import (
	"bytes"
	"slices"
)

// withoutZeros removes NUL octets, and lines of nothing else.
func withoutZeros(header []byte) []byte {
	if bytes.IndexByte(header, 0) < 0 {
		return header
	}
	kept := make([]byte, 0, len(header))
	for line := range bytes.Lines(header) {
		now := bytes.ReplaceAll(line, []byte{0}, nil)
		if len(now) == len(line) || len(text(now)) > 0 {
			kept = append(kept, now...)
		}
	}
	return kept
}

// strayField makes a field of a header line that is none.
const strayField = "X-Posthouse-Line: "

// onlyFields makes fields of the lines that are none ("From " of a mailbox file, text), and removes blanks before a colon.
func onlyFields(header []byte) []byte {
	var out []byte
	for line := range bytes.Lines(header) {
		if isBlank(line[0]) || len(text(line)) == 0 {
			out = append(out, line...)
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if name = bytes.TrimRight(name, " \t"); !isName(name) {
			out = append(append(out, strayField...), line...)
			continue
		}
		out = append(append(append(out, name...), ':'), value...)
	}
	return out
}

// isName reports whether a field may have this name (RFC 5322 §3.6.8). What is no field has the end of its line in it.
func isName(name []byte) bool {
	return len(name) > 0 && !slices.ContainsFunc(name, func(c byte) bool { return c <= ' ' || c > '~' })
}

// maxLine is how wide a line may be, its end not counted (RFC 5322 §2.1.1).
const maxLine = 998

// folded folds the lines that are too wide.
func folded(header []byte) []byte {
	var out []byte
	inField := false
	for line := range bytes.Lines(header) {
		from := 0 // of the text that a fold may follow
		if !isBlank(line[0]) {
			from = bytes.IndexByte(line, ':') + 1
			inField = from > 0
		}
		for inField && len(text(line)) > maxLine {
			at := foldAt(text(line), from)
			if at < 0 {
				break
			}
			out = append(append(out, line[:at]...), "\r\n"...)
			line, from = line[at:], 0
		}
		out = append(out, line...)
	}
	return out
}

// foldAt is the last blank before which the line can be folded so that the first part is not too wide, or else the first blank; -1 if there is none. Neither part may be blank: such a line ends
// a header for some readers.
func foldAt(line []byte, from int) int {
	best := -1
	end := len(bytes.TrimRight(line, " \t"))
	for i := len(line[:from]) + leading(line[from:]) + 1; i < end; i++ {
		if !isBlank(line[i]) || isBlank(line[i-1]) {
			continue
		}
		if best >= 0 && i > maxLine {
			break
		}
		best = i
	}
	return best
}

func leading(p []byte) int { return len(p) - len(bytes.TrimLeft(p, " \t")) }

// text is a line without its end.
func text(line []byte) []byte { return bytes.TrimRight(line, "\r\n") }

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func isHigh(c byte) bool { return c >= 0x80 }

func hasHigh(p []byte) bool { return slices.ContainsFunc(p, isHigh) }
