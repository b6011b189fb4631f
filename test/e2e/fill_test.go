package e2e

import (
	"encoding/base64"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"posthouse/internal/testserver/corpus"
	"posthouse/test/neighbour"
)

// fill puts n varied messages into a person's mailbox on the old server and returns in how many folders they lie.
func (w *world) fill(seed uint64, p person, n int) (folders int) {
	w.t.Helper()
	g := corpus.New(seed)
	g.Owner = corpus.Address{Name: p.name, Addr: p.address()}
	g.Language, g.MaxSize, g.Large = p.language, 512<<10, 4
	m := w.open(w.legacy, p)
	defer m.Close()
	for _, f := range g.Mailbox(n) {
		name := utf7(strings.ReplaceAll(f.Path, "/", "."))
		if f.Path != "INBOX" {
			m.Create(name)
		}
		if len(f.Messages) > 0 {
			folders++
			m.Append(name, uploads(f.Messages)...)
		}
	}
	return folders
}

// append puts one message into a person's INBOX on the old server.
func (w *world) append(p person, raw []byte) {
	w.t.Helper()
	m := w.open(w.legacy, p)
	defer m.Close()
	m.Append("INBOX", neighbour.Upload{Bytes: raw, Date: time.Now()})
}

func uploads(messages []corpus.Message) []neighbour.Upload {
	all := make([]neighbour.Upload, len(messages))
	for i, m := range messages {
		all[i] = neighbour.Upload{Bytes: m.Bytes, Flags: m.Flags, Date: m.Internal}
	}
	return all
}

// utf7 writes a folder's name as IMAP does (RFC 3501 §5.1.3).
func utf7(name string) string {
	var b strings.Builder
	for len(name) > 0 {
		plain := strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r > '~' })
		if plain < 0 {
			plain = len(name)
		}
		b.WriteString(strings.ReplaceAll(name[:plain], "&", "&-"))
		name = name[plain:]
		shifted := strings.IndexFunc(name, func(r rune) bool { return r >= ' ' && r <= '~' })
		if shifted < 0 {
			shifted = len(name)
		}
		if shifted > 0 {
			b.WriteString("&" + base64Of(name[:shifted]) + "-")
		}
		name = name[shifted:]
	}
	return b.String()
}

func base64Of(text string) string {
	var octets []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		octets = append(octets, byte(unit>>8), byte(unit))
	}
	return strings.ReplaceAll(base64.RawStdEncoding.EncodeToString(octets), "/", ",")
}

// hasFlag tells whether a dumped message carries a flag.
func hasFlag(m neighbour.Message, flag string) bool {
	return slices.ContainsFunc(strings.Fields(m.Flags), func(f string) bool { return strings.EqualFold(f, flag) })
}
