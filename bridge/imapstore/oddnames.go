package imapstore

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2"

	"posthouse/bridge"
)

// Some servers list names that are not modified UTF-7: "R&D" as some client once created it, or Latin-1. go-imap gives up the connection over them,
// and could not send them either. Then LIST is read by ourselves, and such a folder gets a stand-in name which conn replaces by the true octets.

// standIn begins a stand-in. Nobody can guess it: what a message says must never be taken for one.
var standIn = "posthouse-odd-name-" + rand.Text() + "-"

func standInFor(raw string) string { return standIn + hex.EncodeToString([]byte(raw)) }

// oddName returns the octets that a stand-in stands for.
func oddName(name string) (raw string, ok bool) {
	digits, ok := strings.CutPrefix(name, standIn)
	octets, err := hex.DecodeString(digits)
	return string(octets), ok && err == nil
}

// putOddNames replaces stand-ins in a command by what they stand for.
func putOddNames(p []byte) []byte {
	if !bytes.Contains(p, []byte(standIn)) {
		return p
	}
	before, rest, found := bytes.Cut(p, []byte(`"`+standIn))
	digits, after, closed := bytes.Cut(rest, []byte(`"`))
	octets, err := hex.DecodeString(string(digits))
	if !found || !closed || err != nil {
		return p
	}
	return []byte(string(before) + quoted(string(octets)) + string(after))
}

// listOurselves reads LIST by ourselves.
func (s *Store) listOurselves(ctx context.Context) ([]*imap.ListData, error) {
	lines, err := s.ask(ctx, `LIST "" "*"`)
	if err != nil {
		return nil, err
	}
	var list []*imap.ListData
	for _, line := range lines {
		if data, ok := parseList(line); ok {
			list = append(list, data)
		}
	}
	return list, nil
}

// ask sends one command over a connection that go-imap never sees.
func (s *Store) ask(ctx context.Context, command string) ([]reply, error) {
	s.control.rest() // its permit is what this connection needs
	made, release, err := s.connect(ctx, false)
	if err != nil {
		return nil, err
	}
	defer release()
	defer made.conn.Close()
	defer s.onClose(func() { made.conn.Close() })()
	stop := context.AfterFunc(ctx, func() { made.conn.Close() })
	defer stop()
	made.conn.expect(s.o.Timeout)
	lines, err := made.command(command)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", bridge.ErrConnection, err)
	}
	return lines, nil
}

// parseList reads `(\HasNoChildren) "/" name`, of LIST or LSUB.
func parseList(line reply) (*imap.ListData, bool) {
	attrs, rest, ok := strings.Cut(strings.TrimPrefix(line.text, "("), ")")
	if line.kind != "LIST" && line.kind != "LSUB" || !ok {
		return nil, false
	}
	data := &imap.ListData{}
	for _, attr := range strings.Fields(attrs) {
		data.Attrs = append(data.Attrs, knownAttr(attr))
	}
	delim, rest := word(rest)
	raw, _ := word(rest)
	if delim != "" && !strings.EqualFold(delim, "NIL") {
		data.Delim, _ = utf8.DecodeRuneInString(delim)
	}
	data.Mailbox = nameOf(raw)
	return data, raw != ""
}

func knownAttr(attr string) imap.MailboxAttr {
	for _, known := range attributeRoles {
		if strings.EqualFold(attr, string(known.attr)) {
			return known.attr
		}
	}
	for _, known := range []imap.MailboxAttr{imap.MailboxAttrNoSelect, imap.MailboxAttrNonExistent} {
		if strings.EqualFold(attr, string(known)) {
			return known
		}
	}
	return imap.MailboxAttr(attr)
}

// word takes the next atom or quoted string off a line.
func word(line string) (first, rest string) {
	line = strings.TrimLeft(line, " ")
	if !strings.HasPrefix(line, `"`) {
		first, rest, _ = strings.Cut(line, " ")
		return first, rest
	}
	var b strings.Builder
	for i := 1; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			return b.String(), line[i+1:]
		case c == '\\' && i+1 < len(line):
			i++
			b.WriteByte(line[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

// nameOf is the name as go-imap would have it, or a stand-in where it could not send it back.
func nameOf(raw string) string {
	if strings.EqualFold(raw, "INBOX") {
		return "INBOX"
	}
	if name, ok := decodeName(raw); ok && encodeName(name) == raw {
		return name
	}
	return standInFor(raw)
}

// visible is what people see of a name. An odd one is UTF-8 as it is, or else Latin-1.
func visible(name string) string {
	raw, odd := oddName(name)
	if !odd {
		return name
	}
	if utf8.ValidString(raw) {
		return raw
	}
	runes := make([]rune, len(raw))
	for i := range len(raw) {
		runes[i] = rune(raw[i])
	}
	return string(runes)
}
