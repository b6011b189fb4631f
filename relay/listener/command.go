package listener

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
)

// command is one parsed command line.
type command struct {
	verb string // upper case
	arg  string
	said string // what MAIL and RCPT name, for the log
	path path   // of MAIL and RCPT; arg is then what follows it
	size int64  // SIZE= of MAIL, 0 if absent
}

// verbMessage stands in for DATA once the body was asked for, so that the next reply is known to be the message's.
const verbMessage = "(message)"

// parseCommand splits a line without its CRLF. It never fails: unknown verbs are for the caller to refuse.
func parseCommand(line string) command {
	verb, arg, _ := strings.Cut(strings.TrimRight(line, " "), " ")
	return command{verb: upper(verb), arg: strings.TrimLeft(arg, " ")}
}

// upper raises ASCII letters only: strings.ToUpper would turn some non-ASCII letters into command letters.
func upper(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}

var (
	errBareLineEnd = errors.New("bare CR or LF")
	errOctets      = errors.New("control octets")
)

// checkLine wants a whole line with its CRLF and returns it without. Bare CR or LF in commands is how mail is smuggled past a server that
// reads line ends more loosely than its neighbour.
func checkLine(line []byte) ([]byte, error) {
	body, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok || bytes.IndexByte(body, '\r') >= 0 {
		return nil, errBareLineEnd
	}
	for _, c := range body {
		if c < ' ' && c != '\t' || c == 0x7f {
			return nil, errOctets
		}
	}
	return body, nil
}

// parseChunk reads the arguments of BDAT (RFC 3030 §2): a size below 2^32 and, perhaps, LAST. The octets follow the command whatever the
// reply, so a size that cannot be read leaves the stream without a frame.
func parseChunk(arg string) (size int64, last bool, err error) {
	fields := strings.Fields(arg)
	if len(fields) == 2 && upper(fields[1]) == "LAST" {
		last, fields = true, fields[:1]
	}
	if len(fields) != 1 {
		return 0, false, errors.New("want a size and perhaps LAST")
	}
	n, err := strconv.ParseUint(fields[0], 10, 32)
	return int64(n), last, err
}

// param finds an ESMTP parameter's value as given, case of the name ignored. Of several the last counts, as in go-smtp.
func param(params, name string) string {
	var found string
	for _, f := range strings.Fields(params) {
		if key, value, _ := strings.Cut(f, "="); upper(key) == name {
			found = value
		}
	}
	return found
}

// heloName makes the name a client gives itself fit for a header field: odd names are common and no reason to lose mail.
func heloName(arg string) string {
	name, _, _ := strings.Cut(arg, " ")
	clean := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune(".-_:[]", r):
			return r
		}
		return '?'
	}, name)
	return clean[:min(len(clean), maxHeloName)]
}
