package imapstore

import (
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

// classify gives an error of a command the sentinel that the seam wants.
func classify(err error) error {
	if err == nil || errors.Is(err, bridge.ErrConnection) || errors.Is(err, bridge.ErrLogin) {
		return err
	}
	said, ok := answered(err)
	switch {
	case !ok:
		return fmt.Errorf("%w: %w", bridge.ErrConnection, err)
	case said.waits():
		return fmt.Errorf("%w: %w", bridge.ErrBusy, err)
	}
	return err
}

// laterCodes are the response codes (RFC 5530, RFC 9208) after which the same command may succeed another time. LIMIT is not among them: it is a limit of the implementation, which a
// message too large for Dovecot's quota_max_mail_size, or one with too many flags, will meet again.
var laterCodes = map[string]bool{"UNAVAILABLE": true, "INUSE": true, "SERVERBUG": true, "OVERQUOTA": true, "TRYCREATE": true, "CORRUPTION": true}

// laterWords are what servers without codes say: Exchange and Microsoft 365 throttle in words.
var laterWords = regexp.MustCompile(`(?i)throttl|back-?off|try again|temporar|too many|server (is )?busy|rate limit|over ?quota|quota exceeded|server unavailable|mailbox (is )?(full|locked)`)

// sizeCodes (RFC 4469, RFC 5530) and sizeWords tell that a message was refused for its size. A line or a header that is too long is something else.
var sizeCodes = map[string]bool{"TOOBIG": true, "LIMIT": true}

var sizeWords = regexp.MustCompile(`(?i)(message|mail|item) (is )?too (large|big)|size limit|(maximum|exceeds|over) .{0,20}size|quota`)

// tooLarge reports whether the server clearly refused a message for its size.
func (r reply) tooLarge() bool {
	return sizeCodes[r.code] || sizeWords.MatchString(r.text)
}

// waits reports whether the server asks, by code or in words, to come back later.
func (r reply) waits() bool {
	if r.kind == "BAD" && r.code == "" {
		return strings.Contains(strings.ToLower(r.text), "throttl") // Microsoft 365 says BAD Request is throttled
	}
	return laterCodes[r.code] || r.code == "" && laterWords.MatchString(r.text)
}

// everybody reports whether what the server said holds for every item alike, so that trying them one by one is of no use.
func (r reply) everybody() bool {
	return r.waits() && r.code != "OVERQUOTA" && !strings.Contains(strings.ToLower(r.text), "quota")
}
