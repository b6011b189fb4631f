package imapstore

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"posthouse/bridge"
	"posthouse/internal/login"
	"posthouse/internal/pace"
)

// How servers ask to wait, in their words. Exchange and Microsoft 365 throttle in words only, by NO, BAD and BYE; Google puts [OVERQUOTA] before what has nothing to do with a full
// mailbox, and [ALERT] before anything.
var (
	throttleWords = regexp.MustCompile(`(?i)throttl|suggested backoff|server (is )?(too )?busy|server (is )?(temporarily )?unavailable|authenticated but not connected|bandwidth limit|rate limit|too many (requests|commands|logins?|login attempts|attempts)|slow down`)
	crowdWords    = regexp.MustCompile(`(?i)too many ((simultaneous|concurrent|open|imap) )*(connections|sessions)|(maximum|exceeded|limit) .{0,30}connections|connections? (count )?limit|concurrent connections`)
	fullWords     = regexp.MustCompile(`(?i)over ?quota|quota ?exceeded|exceed\w* .{0,20}quota|mailbox (is )?full|exceed\w* .{0,20}(mailbox|storage) (size|limit)`)
	// laterWords are what servers without codes say of other things that pass.
	laterWords = regexp.MustCompile(`(?i)back-?off|try again|temporar|too many|mailbox (is )?locked`)
)

// throttleCodes throttle whatever the words are. RFC 5530 has UNAVAILABLE for a subsystem that is down.
var throttleCodes = map[string]bool{"UNAVAILABLE": true, "THROTTLED": true}

// wordyCodes are those after which the words tell more than the code; "" is none. LIMIT alone is a limit of the implementation, which a message too large for Dovecot's
// quota_max_mail_size, or one with too many flags, will meet again.
var wordyCodes = map[string]bool{"": true, "ALERT": true, "OVERQUOTA": true, "LIMIT": true, "INUSE": true, "SERVERBUG": true, "UNAVAILABLE": true, "THROTTLED": true}

// laterCodes are the response codes (RFC 5530, RFC 9208) after which the same command may succeed another time.
var laterCodes = map[string]bool{"INUSE": true, "SERVERBUG": true, "TRYCREATE": true, "CORRUPTION": true}

// busy tells why the server asks to come back later; "" when it does not.
func (r reply) busy() bridge.BusyKind {
	final := r.kind == "NO" || r.kind == "OK" // neither the end of the connection nor what we should not have said
	switch {
	case wordyCodes[r.code] && crowdWords.MatchString(r.text):
		return bridge.Crowded
	case wordyCodes[r.code] && throttleWords.MatchString(r.text), throttleCodes[r.code]:
		return bridge.Throttled
	case !final:
		return ""
	case r.code == "OVERQUOTA", (r.code == "" || r.code == "ALERT") && fullWords.MatchString(r.text):
		return bridge.Full
	case laterCodes[r.code], (r.code == "" || r.code == "ALERT") && laterWords.MatchString(r.text):
		return bridge.Later
	}
	return ""
}

// waits reports whether the server asks, by code or in words, to come back later.
func (r reply) waits() bool { return r.busy() != "" }

// everybody reports whether what the server said holds for every item alike, so that trying them one by one is of no use.
func (r reply) everybody() bool {
	return r.waits() && r.busy() != bridge.Full && !keywordWords.MatchString(r.text)
}

// slows reports whether nothing more should be sent now.
func (r reply) slows() bool {
	kind := r.busy()
	return kind == bridge.Throttled || kind == bridge.Crowded
}

// asBusy is the reply, which waits, as the seam wants it.
func asBusy(r reply, cause error) *bridge.Busy {
	return &bridge.Busy{Kind: r.busy(), Said: strings.TrimSpace(r.said()), Wait: pace.Named(r.text), Err: cause}
}

// busyLogin returns the Busy of a connection that could not be made because the server asks to wait; nil when that is not why.
func busyLogin(err error) *bridge.Busy {
	var refused refusal
	said := errors.As(err, &refused)
	if said && refused.slows() {
		return asBusy(refused.reply, err)
	}
	var failed *login.Error
	if !errors.As(err, &failed) || failed.Kind != login.ErrThrottled {
		return nil
	}
	b := &bridge.Busy{Kind: bridge.Throttled, Said: failed.Error(), Wait: failed.Wait, Err: err}
	if said {
		b.Said = strings.TrimSpace(refused.said())
	}
	return b
}

// parting is a connection that the server closed with words of its own.
type parting struct{ error }

func (p parting) Unwrap() error { return p.error }

// hungUp adds the server's last words to the error of a connection that it closed.
func hungUp(words string, err error) error {
	if words == "" {
		return err
	}
	err = parting{fmt.Errorf("server hung up, saying %q: %w", words, err)}
	if r := parseReply("* BYE " + words); r.slows() {
		return fmt.Errorf("%w: %w", bridge.ErrConnection, asBusy(r, err))
	}
	return err
}
