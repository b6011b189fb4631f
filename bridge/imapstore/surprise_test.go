package imapstore_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/imapstore"
	"posthouse/cutover"
	"posthouse/ledger"
)

// surprise is a server with three messages that says something odd: lines in the answer to each command of a name, or another answer about its second message.
type surprise struct {
	at    string // the command: EXAMINE, SEARCH, FETCH, LIST
	lines string // said before the tagged answer
	// second, if not empty, stands for the details of the second message that are asked for: what is between its UID and its content.
	second string
	always bool // it is said although nobody asked
	lost   bool // the second message cannot be read for it
	deadly bool // the server hangs up when it is asked for the second message
}

// start serves it and returns options that lead there.
func (s surprise) start(t *testing.T) imapstore.Options {
	t.Helper()
	open, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			nc, err := open.Accept()
			if err != nil {
				return
			}
			all.Go(func() { s.serve(nc) })
		}
	})
	t.Cleanup(func() { open.Close(); all.Wait() })
	o := options(t, open.Addr().String())
	o.Lanes, o.Timeout = 1, 5*time.Second
	return o
}

func (s surprise) serve(nc net.Conn) {
	defer nc.Close()
	w := bufio.NewWriter(nc)
	say := func(format string, args ...any) { fmt.Fprintf(w, format+"\r\n", args...) }
	say("* PREAUTH [CAPABILITY IMAP4rev1 IDLE] hello")
	for lines := bufio.NewScanner(nc); w.Flush() == nil && lines.Scan(); {
		tag, command, _ := strings.Cut(lines.Text(), " ")
		name, _, _ := strings.Cut(strings.TrimPrefix(command, "UID "), " ")
		switch name {
		case "EXAMINE":
			say("* 3 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n* OK [UIDNEXT 4] next")
		case "SEARCH":
			say("* SEARCH 1 2 3")
		case "LIST":
			say(`* LIST () "/" INBOX`)
		case "FETCH":
			if _, set, _ := strings.Cut(command, "FETCH "); s.deadly && contains(set[:strings.Index(set, " ")], 2) {
				return
			}
			s.fetch(say, command)
		case "LOGOUT":
			say("* BYE bye")
		}
		if s.at == name && s.lines != "" {
			say("%s", s.lines)
		}
		say("%s OK done", tag)
	}
}

func (s surprise) fetch(say func(string, ...any), command string) {
	_, set, _ := strings.Cut(command, "FETCH ")
	set, wanted, _ := strings.Cut(set, " ")
	for uid := 1; uid <= 3; uid++ {
		if !contains(set, uid) {
			continue
		}
		details := ` FLAGS (\Seen) INTERNALDATE " 2-Nov-2026 09:00:00 +0000" RFC822.SIZE 100`
		if !strings.Contains(wanted, "INTERNALDATE") {
			details = ` FLAGS (\Seen)`
		}
		if first, _, _ := strings.Cut(s.second, " "); uid == 2 && first != "" && (s.always || strings.Contains(wanted, first)) {
			details = " " + s.second
		}
		text, section := fmt.Sprintf("Message-ID: <m%d@example>\r\n\r\n", uid), "BODY[HEADER.FIELDS (Message-ID)]"
		if strings.Contains(wanted, "BODY.PEEK[]") {
			text, section = text+likeAnswers, "BODY[]"
		}
		say("* %d FETCH (UID %d%s %s {%d}\r\n%s)", uid, uid, details, section, len(text), text)
	}
}

// likeAnswers is a body whose lines look like what is put right in answers.
const likeAnswers = "* FLAGS (bad])\r\n* 2 FETCH (FLAGS NIL INTERNALDATE NIL)\r\n* OK [PERMANENTFLAGS NIL] {5}\r\n* 3 RECENT\r\n"

// contains reads a set as go-imap writes it.
func contains(set string, uid int) bool {
	for part := range strings.SplitSeq(set, ",") {
		var first, last int
		if n, _ := fmt.Sscanf(part, "%d:%d", &first, &last); n == 1 {
			last = first
		}
		if first <= uid && uid <= last {
			return true
		}
	}
	return false
}

var surprises = []surprise{
	{second: `INTERNALDATE NIL FLAGS (\Seen) RFC822.SIZE 100`},
	{second: `INTERNALDATE "" RFC822.SIZE 100`},
	{second: `INTERNALDATE "2026-11-02T09:00:00Z" RFC822.SIZE 100`},
	{second: `INTERNALDATE "2-Nov-2026 09:00:00 +0000" RFC822.SIZE 100`},
	{second: `INTERNALDATE " 0-Jan-0000 00:00:00 +0000" RFC822.SIZE 100`},
	{second: `RFC822.SIZE -1`},
	{second: `RFC822.SIZE 5000000000`},
	{second: `RFC822.SIZE NIL`},
	{second: `FLAGS NIL`},
	{second: `FLAGS (\Seen "quoted flag")`},
	{second: `FLAGS (\Seen [odd])`},
	{second: `FLAGS (\Seen  \Answered)`},
	{second: `FLAGS ()`},
	{second: `FLAGS (\Seen ` + strings.Repeat("keyword ", 5000) + `\Answered)`},
	{second: "FLAGS (\\Seen gr\xf6\xdfe)"},
	{second: `X-GM-LABELS (\Inbox "Work")`, always: true, lost: true},
	{second: `X-UNKNOWN 7`, always: true, lost: true},
	{second: `MODSEQ (0)`, always: true},
	{second: `ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)`, always: true},
	{second: `ENVELOPE ("bad" (("broken`, always: true, lost: true},
	{at: "FETCH", lines: "* 2 EXPUNGE"},
	{at: "FETCH", lines: "* 9 FETCH (FLAGS (\\Seen))"},
	{at: "FETCH", lines: "* 9 FETCH (UID 9 FLAGS (\\Seen))"},
	{at: "FETCH", lines: "* 0 FETCH (UID 2 FLAGS (\\Seen))"},
	{at: "FETCH", lines: "* OK [ALERT] The server goes down at eight"},
	{at: "FETCH", lines: "* NO [X-ODD a b (c)] hm"},
	{at: "FETCH", lines: "* BAD oops"},
	{at: "FETCH", lines: ""},
	{at: "FETCH", lines: "* XYZZY what is this"},
	{at: "FETCH", lines: "* 3 XYZZY"},
	{at: "FETCH", lines: "* FLAGS (\\Seen)"},
	{at: "FETCH", lines: "* STATUS INBOX (MESSAGES 3)"},
	{at: "FETCH", lines: "* SEARCH"},
	{at: "FETCH", lines: "\r\n"},
	{at: "FETCH", lines: "+ idling"},
	{at: "EXAMINE", lines: "* FLAGS (\\Seen [odd] \"quoted\")"},
	{at: "EXAMINE", lines: "* FLAGS NIL"},
	{at: "EXAMINE", lines: "* OK [PERMANENTFLAGS (\\Seen \\* [odd])] kept"},
	{at: "EXAMINE", lines: "* OK [PERMANENTFLAGS NIL] kept"},
	{at: "EXAMINE", lines: "* OK [UNSEEN 99999999999] first"},
	{at: "EXAMINE", lines: "* OK [UNSEEN 0] first"},
	{at: "EXAMINE", lines: "* OK [HIGHESTMODSEQ 0] none"},
	{at: "EXAMINE", lines: "* OK [NOMODSEQ] none"},
	{at: "EXAMINE", lines: "* OK [UIDNOTSTICKY] odd"},
	{at: "EXAMINE", lines: "* OK [X-ODD"},
	{at: "EXAMINE", lines: "* OK"},
	{at: "EXAMINE", lines: "* OK [MAILBOXID (F1)] id"},
	{at: "EXAMINE", lines: "* OK [CLOSED] before"},
	{at: "EXAMINE", lines: "* 0 RECENT"},
	{at: "EXAMINE", lines: "* 4294967296 RECENT"},
	{at: "EXAMINE", lines: "* LIST () \"/\" INBOX"},
	{at: "EXAMINE", lines: "* CAPABILITY IMAP4rev1"},
	{at: "EXAMINE", lines: "* 3 EXISTS"},
	{at: "SEARCH", lines: "* SEARCH"},
	{at: "SEARCH", lines: "* SEARCH 0"},
	{at: "SEARCH", lines: "* SEARCH 1 0 3"},
	{at: "SEARCH", lines: "* SEARCH 2 (MODSEQ 5)"},
	{at: "SEARCH", lines: "* SEARCH 2 "},
	{at: "SEARCH", lines: "* ESEARCH (TAG \"x\") UID"},
}

// TestSurprises: over nearly everything here go-imap gives up the connection, and with it the folder, or panics. What can be put right is, what cannot costs no other message.
func TestSurprises(t *testing.T) {
	for _, s := range surprises {
		t.Run(fmt.Sprintf("%s %.60s", s.at, s.second+s.lines), func(t *testing.T) {
			store := imapstore.New(s.start(t))
			defer store.Close()
			b, err := store.Next(t.Context(), inbox, "")
			if err != nil || len(b.Changes) != 3 {
				t.Fatalf("%d items, %v", len(b.Changes), err)
			}
			for _, c := range b.Changes {
				if lost := s.lost && c.Item.Ref == "2"; (c.Item.Identity.MessageID == "<m"+string(c.Item.Ref)+"@example>") == lost {
					t.Errorf("item %+v", c.Item)
				}
			}
			for ref, got := range fetched(t, store, "1", "2", "3") {
				if lost := s.lost && ref == "2"; (got == "Message-ID: <m"+string(ref)+"@example>\r\n\r\n"+likeAnswers) == lost {
					t.Errorf("body of %s: %q", ref, got)
				}
			}
		})
	}
}

// TestAFolderThatCannotBeOpened: a folder over which the connection breaks whenever it is opened is told from a lost connection, so that the others go on.
func TestAFolderThatCannotBeOpened(t *testing.T) {
	store := imapstore.New(surprise{at: "EXAMINE", lines: "* 99999999999 EXISTS"}.start(t))
	defer store.Close()
	_, err := store.Next(t.Context(), inbox, "")
	if err == nil || errors.Is(err, bridge.ErrConnection) || !strings.Contains(err.Error(), "whenever it is opened") {
		t.Errorf("got %v", err)
	}
	if folders, err := store.Folders(t.Context()); err != nil || len(folders) != 1 {
		t.Errorf("folders %v, %v", folders, err)
	}
}

// TestStatesThatCannotBeRead: a glance that the connection breaks over tells nothing, and each folder is looked at.
func TestStatesThatCannotBeRead(t *testing.T) {
	store := imapstore.New(surprise{at: "STATUS", lines: "* STATUS INBOX (MESSAGES NIL)"}.start(t))
	defer store.Close()
	glances, err := store.Glance(t.Context(), []cutover.Folder{inbox}, []ledger.Cursor{""})
	if err != nil || len(glances) != 1 || glances[0].Known {
		t.Errorf("glances %+v, %v", glances, err)
	}
	if b, err := store.Next(t.Context(), inbox, ""); err != nil || len(b.Changes) != 3 {
		t.Errorf("%d items, %v", len(b.Changes), err)
	}
}
