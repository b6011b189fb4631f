package imapstore

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/emersion/go-imap/v2"

	"posthouse/bridge"
)

var (
	errClosed = fmt.Errorf("store is closed: %w", bridge.ErrConnection)
	// errNoRoom: there is no permit for a further connection.
	errNoRoom = errors.New("no connection left within the limit")
	// errSilent: the server completed a FETCH without an item that exists.
	errSilent = errors.New("server did not deliver it, although it exists")
	// errShort: a literal ended before its announced length.
	errShort = errors.New("server sent fewer octets than it announced")
	errTaken = errors.New("larger than what is read at all")
)

// answered returns what the server said when err is its tagged NO or BAD, and not a broken connection.
func answered(err error) (reply, bool) {
	var ours refusal
	if errors.As(err, &ours) {
		return ours.reply, true
	}
	var theirs *imap.Error
	if errors.As(err, &theirs) && theirs.Type != imap.StatusResponseTypeBye {
		return reply{kind: string(theirs.Type), code: strings.ToUpper(string(theirs.Code)), text: theirs.Text}, true
	}
	return reply{}, false
}

// classify gives an error of a command the sentinel that the seam wants, and the name of the server that asks to wait.
func (s *Store) classify(err error) error { return s.o.named(classify(err)) }

// named writes the server's name into the Busy of a new error.
func (o Options) named(err error) error {
	var busy *bridge.Busy
	if errors.As(err, &busy) {
		busy.Server = o.Server
	}
	return err
}

func classify(err error) error {
	if err == nil || errors.Is(err, bridge.ErrConnection) || errors.Is(err, bridge.ErrLogin) {
		return err
	}
	said, ok := answered(err)
	switch {
	case !ok:
		return fmt.Errorf("%w: %w", bridge.ErrConnection, err)
	case errors.Is(err, bridge.ErrBusy):
	case said.waits():
		return asBusy(said, err)
	}
	return err
}

// faultless reports whether a connection broke that was made and that the server did not mean to end: then what it said may be to blame, as go-imap gives up over what it cannot read.
func (s *Store) faultless(ctx context.Context, err error) bool {
	var unconnected connectError
	var orderly parting
	return ctx.Err() == nil && !s.isClosed() && errors.Is(err, bridge.ErrConnection) && !errors.Is(err, bridge.ErrBusy) && !errors.As(err, &unconnected) && !errors.As(err, &orderly)
}

// sizeCodes (RFC 4469, RFC 5530) and sizeWords tell that a message was refused for its size. A line or a header that is too long is something else.
var sizeCodes = map[string]bool{"TOOBIG": true, "LIMIT": true}

var sizeWords = regexp.MustCompile(`(?i)(message|mail|item) (is )?too (large|big)|size limit|(maximum|exceeds|over) .{0,20}size|quota`)

// tooLarge reports whether the server clearly refused a message for its size.
func (r reply) tooLarge() bool {
	return sizeCodes[r.code] || sizeWords.MatchString(r.text)
}

// keywordWords tell that a server takes no further keyword: Cyrus says "Too many user flags in mailbox".
var keywordWords = regexp.MustCompile(`(?i)keyword|\bflags?\b`)

// keywords reports whether what the server refused may be the keywords of a message rather than the message.
func (r reply) keywords() bool {
	return keywordWords.MatchString(r.text) || !r.waits() && (r.code == "LIMIT" || !r.tooLarge())
}
