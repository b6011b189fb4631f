package listener

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/emersion/go-smtp"

	"posthouse/ledger"
)

// Refusal is a decision not to take something, as the client will read it.
type Refusal struct {
	Code     int    // 400 to 599; anything else is answered 451. 421 ends the session
	Enhanced [3]int // RFC 3463; the zero value becomes X.0.0
	Text     string // public: one line of printable ASCII, no path and no inner error
	Err      error  // the cause, for the log; may be nil
}

// Error is for logs: the reply and, if there is one, its cause.
func (r *Refusal) Error() string {
	s := fmt.Sprintf("%d %d.%d.%d %s", r.Code, r.Enhanced[0], r.Enhanced[1], r.Enhanced[2], r.Text)
	if r.Err != nil {
		s += ": " + r.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Err }

// Temporary reports whether the client may try again.
func (r *Refusal) Temporary() bool { return r.Code/100 != 5 }

var (
	refuseFull     = &Refusal{Code: 452, Enhanced: [3]int{4, 3, 1}, Text: "Insufficient storage here, try again later"}
	refuseFailed   = &Refusal{Code: 451, Enhanced: [3]int{4, 3, 0}, Text: "Temporary failure here, try again later"}
	refusePanic    = &Refusal{Code: 421, Enhanced: [3]int{4, 3, 0}, Text: "Temporary failure here, try again later"}
	refuseCut      = &Refusal{Code: 451, Enhanced: [3]int{4, 4, 2}, Text: "The message did not arrive whole"}
	refuseTooLarge = &Refusal{Code: 552, Enhanced: [3]int{5, 3, 4}, Text: "Message is larger than allowed here"}
	refuseUTF8     = &Refusal{Code: 553, Enhanced: [3]int{5, 6, 7}, Text: "This address needs SMTPUTF8"}
	refusePlain    = &Refusal{Code: 530, Enhanced: [3]int{5, 7, 0}, Text: "REQUIRETLS needs STARTTLS first"}
)

// publicRefusal turns any error into what the client may read. The second result says whether the error was unforeseen and has to be logged.
func publicRefusal(err error) (*Refusal, bool) {
	var r *Refusal
	if errors.As(err, &r) && r != nil {
		if r.Code < 400 || r.Code > 599 {
			return refuseFailed, true
		}
		return r, false
	}
	if errors.Is(err, ledger.ErrNoSpace) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return refuseFull, true
	}
	return refuseFailed, true
}

// reply is the refusal in go-smtp's form. go-smtp sends any other error type as a permanent failure with the error's own text.
func (r *Refusal) reply() *smtp.SMTPError {
	return &smtp.SMTPError{Code: r.Code, EnhancedCode: r.Enhanced, Message: oneLine(r.Text)}
}

// text is what stands after the code.
func (r *Refusal) text() string { return replyText(r.Code, r.Enhanced, r.Text) }

// replyText is a reply after its code: the enhanced code, and text in one line.
func replyText(code int, enhanced [3]int, text string) string {
	if enhanced == [3]int{} {
		enhanced[0] = code / 100
	}
	return fmt.Sprintf("%d.%d.%d %s", enhanced[0], enhanced[1], enhanced[2], oneLine(text))
}

// maxReplyText keeps reply lines within RFC 5321 §4.5.3.1.5 (512 octets).
const maxReplyText = 400

// oneLine makes text fit for a reply line.
func oneLine(text string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
	return clean[:min(len(clean), maxReplyText)]
}
