package relay

import "fmt"

// Refusal is an answer to an SMTP command that declines it: code, enhanced code (RFC 3463) and a text that anybody may read.
type Refusal struct {
	Code     int
	Enhanced [3]int
	Text     string
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("%d %d.%d.%d %s", r.Code, r.Enhanced[0], r.Enhanced[1], r.Enhanced[2], r.Text)
}

var (
	errNotOurs   = &Refusal{550, [3]int{5, 7, 1}, "Relaying denied: this domain is not served here"}
	errNoRoute   = &Refusal{550, [3]int{5, 1, 2}, "This domain is none that mail can be sent to"}
	errNoSuch    = &Refusal{550, [3]int{5, 1, 1}, "No such address here"}
	errNotSure   = &Refusal{451, [3]int{4, 1, 1}, "Address not known here yet, try again later"}
	errAskLater  = &Refusal{451, [3]int{4, 4, 3}, "Cannot tell now whether this address exists, try again later"}
	errNotSigned = &Refusal{550, [3]int{5, 7, 1}, "Relaying denied: this SRS address was not made here"}
	errTooOld    = &Refusal{550, [3]int{5, 1, 1}, "This SRS address has expired"}
	errForged    = &Refusal{554, [3]int{5, 6, 0}, "Far too many Authentication-Results fields that bear our name"}
	errMalformed = &Refusal{553, [3]int{5, 1, 3}, "Address is not valid"}
)
