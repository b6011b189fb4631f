package neighbour

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Folder is a folder as LIST shows it. Name is the server's: modified UTF-7 with the server's separator.
type Folder struct {
	Name      string
	Separator string
	Use       string // `\Sent` and the like, or empty
	NoSelect  bool
}

// Folders lists all folders.
func (m *Mailbox) Folders() []Folder {
	m.t.Helper()
	var all []Folder
	list := `LIST "" "*"`
	if m.has("LIST-EXTENDED") || m.has("SPECIAL-USE") {
		list += " RETURN (SPECIAL-USE)"
	}
	for _, res := range m.do(list) {
		if rest, ok := strings.CutPrefix(res.text, "* LIST ("); ok {
			all = append(all, parseList(rest, res.literals))
		}
	}
	return all
}

// parseList reads what follows "* LIST (".
func parseList(rest string, literals [][]byte) Folder {
	attributes, rest, _ := strings.Cut(rest, ") ")
	separator, name, _ := strings.Cut(rest, " ")
	f := Folder{Name: unquote(name), Separator: unquote(separator)}
	if len(literals) > 0 {
		f.Name = string(literals[0])
	}
	for _, attribute := range strings.Fields(attributes) {
		switch strings.ToLower(attribute) {
		case `\noselect`, `\nonexistent`:
			f.NoSelect = true
		case `\sent`, `\drafts`, `\trash`, `\junk`, `\archive`:
			f.Use = attribute
		}
	}
	return f
}

func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' {
		return s
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(s[1 : len(s)-1])
}

// Create makes a folder and subscribes to it.
func (m *Mailbox) Create(name string) {
	m.t.Helper()
	m.do("CREATE " + quote(name))
	m.do("SUBSCRIBE " + quote(name))
}

// Rename gives a folder, and those below it, another name.
func (m *Mailbox) Rename(from, to string) {
	m.t.Helper()
	m.do("RENAME " + quote(from) + " " + quote(to))
}

// Delete removes a folder.
func (m *Mailbox) Delete(name string) {
	m.t.Helper()
	m.do("DELETE " + quote(name))
}

// Unsubscribe takes a folder out of those that clients show.
func (m *Mailbox) Unsubscribe(name string) {
	m.t.Helper()
	m.do("UNSUBSCRIBE " + quote(name))
}

// Subscribed lists the folders that clients show, sorted.
func (m *Mailbox) Subscribed() []string {
	m.t.Helper()
	var all []string
	for _, res := range m.do(`LSUB "" "*"`) {
		if rest, ok := strings.CutPrefix(res.text, "* LSUB ("); ok {
			all = append(all, parseList(rest, res.literals).Name)
		}
	}
	slices.Sort(all)
	return all
}

// Allow gives another user rights to a folder (RFC 4314).
func (m *Mailbox) Allow(folder, user, rights string) {
	m.t.Helper()
	m.do("SETACL " + quote(folder) + " " + user + " " + rights)
}

// Upload is a message to append.
type Upload struct {
	Bytes []byte
	Flags []string
	Date  time.Time
}

// Append puts messages into a folder, many in one command where the server can (RFC 3502).
func (m *Mailbox) Append(folder string, messages ...Upload) {
	m.t.Helper()
	batch := 1
	if m.has("MULTIAPPEND") {
		batch = 200
	}
	for part := range slices.Chunk(messages, batch) {
		m.tag++
		fmt.Fprintf(m.w, "a%d APPEND %s", m.tag, quote(folder))
		for _, u := range part {
			m.literal(u)
		}
		fmt.Fprint(m.w, "\r\n")
		m.finish("APPEND " + folder)
	}
}

// literal sends one message of an APPEND.
func (m *Mailbox) literal(u Upload) {
	m.t.Helper()
	fmt.Fprintf(m.w, " (%s) %s {%d", strings.Join(u.Flags, " "), quote(u.Date.Format("_2-Jan-2006 15:04:05 -0700")), len(u.Bytes))
	if m.has("LITERAL+") {
		fmt.Fprint(m.w, "+}\r\n")
	} else {
		fmt.Fprint(m.w, "}\r\n")
		m.await()
	}
	if _, err := m.w.Write(u.Bytes); err != nil {
		m.t.Fatalf("IMAP: appending: %v", err)
	}
}

// Message is one message as it lies in a folder.
type Message struct {
	UID    string
	Header string
	Body   [32]byte // SHA-256 of what follows the header
	Whole  [32]byte // SHA-256 of all octets
	Size   int
	Flags  string // sorted, without \Recent
	Date   time.Time
}

// Field returns a header field, unfolded, or "".
func (m Message) Field(name string) string {
	lines := strings.Split(strings.ReplaceAll(strings.ReplaceAll(m.Header, "\r\n ", " "), "\r\n\t", " "), "\r\n")
	for _, line := range lines {
		if field, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(field, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Read returns all messages of a folder.
func (m *Mailbox) Read(folder string) []Message {
	m.t.Helper()
	m.do("EXAMINE " + quote(folder))
	var all []Message
	for _, res := range m.do("UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])") {
		if len(res.literals) == 1 {
			all = append(all, m.message(res))
		}
	}
	m.leave()
	return all
}

// Has reports whether a folder is there. After a rename Dovecot may list what is not.
func (m *Mailbox) Has(folder string) bool {
	m.t.Helper()
	m.send("STATUS " + quote(folder) + " (UIDVALIDITY)")
	_, status := m.answer()
	return strings.HasPrefix(status, "OK")
}

// UIDs lists the messages of a folder.
func (m *Mailbox) UIDs(folder string) []string {
	m.t.Helper()
	m.do("EXAMINE " + quote(folder))
	var all []string
	for _, res := range m.do("UID SEARCH ALL") {
		if rest, ok := strings.CutPrefix(res.text, "* SEARCH"); ok {
			all = strings.Fields(rest)
		}
	}
	m.leave()
	return all
}

// ReadAll returns the messages of all folders, by name.
func (m *Mailbox) ReadAll() map[string][]Message {
	m.t.Helper()
	all := map[string][]Message{}
	for _, f := range m.Folders() {
		if !f.NoSelect {
			all[f.Name] = m.Read(f.Name)
		}
	}
	return all
}

// Count tells how many messages a folder holds.
func (m *Mailbox) Count(folder string) int {
	m.t.Helper()
	n := -1
	for _, res := range m.do("STATUS " + quote(folder) + " (MESSAGES)") {
		if _, rest, ok := strings.Cut(res.text, "(MESSAGES "); ok {
			fmt.Sscanf(rest, "%d", &n)
		}
	}
	return n
}

// Store changes the flags of all messages of a folder: how is "+FLAGS", "-FLAGS" or "FLAGS".
func (m *Mailbox) Store(folder, set, how string, flags ...string) {
	m.t.Helper()
	m.do("SELECT " + quote(folder))
	m.do("UID STORE " + set + " " + how + " (" + strings.Join(flags, " ") + ")")
	m.leave()
}

// Empty removes all messages of a folder for good.
func (m *Mailbox) Empty(folder string) {
	m.t.Helper()
	m.do("SELECT " + quote(folder))
	m.do(`UID STORE 1:* +FLAGS.SILENT (\Deleted)`)
	m.do("EXPUNGE")
	m.leave()
}

// Copy copies messages into another folder.
func (m *Mailbox) Copy(from, set, to string) {
	m.t.Helper()
	m.do("SELECT " + quote(from))
	m.do("UID COPY " + set + " " + quote(to))
	m.leave()
}

// Move moves messages; a server without MOVE (RFC 6851) copies and expunges.
func (m *Mailbox) Move(from, set, to string) {
	m.t.Helper()
	m.do("SELECT " + quote(from))
	if m.has("MOVE") {
		m.do("UID MOVE " + set + " " + quote(to))
	} else {
		m.do("UID COPY " + set + " " + quote(to))
		m.do("UID STORE " + set + ` +FLAGS.SILENT (\Deleted)`)
		m.do("UID EXPUNGE " + set)
	}
	m.leave()
}

// leave closes the folder and expunges nothing: STATUS of an open one may be what it was when it was opened.
func (m *Mailbox) leave() {
	m.t.Helper()
	if m.has("UNSELECT") {
		m.do("UNSELECT")
		return
	}
	m.do("EXAMINE INBOX")
	m.do("CLOSE") // of one that was opened to be read only
}

// message reads one FETCH response.
func (m *Mailbox) message(res response) Message {
	m.t.Helper()
	octets := res.literals[0]
	header, body := string(octets), ""
	if i := strings.Index(header, "\r\n\r\n"); i >= 0 {
		header, body = header[:i+2], header[i+4:]
	}
	found := Message{
		UID: after(res.text, "UID ", " )"), Header: header, Body: sha256.Sum256([]byte(body)), Whole: sha256.Sum256(octets), Size: len(octets),
	}
	flags := map[string]bool{}
	for _, f := range strings.Fields(after(res.text, "FLAGS (", ")")) {
		flags[f] = f != `\Recent`
	}
	maps.DeleteFunc(flags, func(_ string, keep bool) bool { return !keep })
	found.Flags = strings.Join(slices.Sorted(maps.Keys(flags)), " ")
	date, err := time.Parse("_2-Jan-2006 15:04:05 -0700", after(res.text, `INTERNALDATE "`, `"`))
	if err != nil {
		m.t.Fatalf("IMAP: INTERNALDATE in %q: %v", res.text, err)
	}
	found.Date = date
	return found
}

// after returns what follows mark in s, up to one of the octets of end.
func after(s, mark, end string) string {
	_, rest, _ := strings.Cut(s, mark)
	if i := strings.IndexAny(rest, end); i >= 0 {
		return rest[:i]
	}
	return rest
}
