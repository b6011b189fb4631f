package listener

import (
	"context"
	"io"
	"net/netip"
	"time"

	"posthouse/cutover"
)

// Intake decides about recipients and takes messages. Its methods are called from many goroutines at once, and never twice at the same time for one
// connection's command. The context ends when the connection does or when Stop gives up waiting.
type Intake interface {
	// Recipient decides about one RCPT TO. nil accepts; a *Refusal is passed to the client; any other error is logged and becomes 451.
	//
	// rcpt is local@domain as the client wrote it, split at the last @; its local part is quoted if, and only if, it has to be (RFC 5321
	// §4.1.2). Without a domain it is a bare local part: that of a printer or cron, or "postmaster", in any case (RFC 5321 §4.5.1).
	Recipient(ctx context.Context, s Session, rcpt string) error
	// Begin opens the durable place for one message. Errors are answered as Recipient's are; a full disk becomes 452.
	Begin(ctx context.Context, s Session, e Envelope) (Message, error)
}

// Message is the place of one message. The listener streams the exact octets of the body into it (dots unstuffed, nothing else changed) from
// one goroutine, then calls exactly one of Commit and Abort.
type Message interface {
	io.Writer
	// Commit returns when body, envelope, deliveries and observation are durable. The id is named in the 250. A Commit that fails has ended the
	// message; Abort is not called after it.
	Commit(ctx context.Context) (id string, err error)
	// Abort forgets the message.
	Abort()
}

// Session describes a client as it was when its transaction began. It is a value; keeping it is safe.
type Session struct {
	ID        string         // unique per connection, 13 characters [a-z2-7]
	Listener  string         // the listener's name in the configuration
	Role      cutover.Route  // what the listener is for
	Hostname  string         // the name by which we greet: "by" in Received
	Remote    netip.AddrPort // the true client; the zero value if the network knows no addresses
	Local     netip.AddrPort
	Helo      string // name given with HELO or EHLO, octets outside letters, digits and .-_:[] replaced by "?"; at most 255 octets
	ESMTP     bool   // EHLO, not HELO
	TLS       TLSState
	User      string    // authenticated user; "" if none
	From      string    // reverse path of the transaction, as in Envelope; "" before one and for the null sender
	Connected time.Time // when the connection was accepted
}

// With is the protocol's name for a Received field (RFC 3848, RFC 6531 §4.3).
func (s Session) With(utf8 bool) string {
	if !s.ESMTP {
		return "SMTP"
	}
	name := "ESMTP"
	if utf8 {
		name = "UTF8SMTP"
	}
	if s.TLS.Version != "" {
		name += "S"
	}
	if s.User != "" {
		name += "A"
	}
	return name
}

// TLSState names version and cipher suite as crypto/tls does ("TLS 1.3", "TLS_AES_128_GCM_SHA256"). The zero value is plain text.
type TLSState struct {
	Version string
	Cipher  string
	Client  string // the certificate that the client showed, unchecked: its name and "sha256:" with the digest of the whole; "" if none
}

// Envelope is what the client said about one message.
type Envelope struct {
	From       string // reverse path without brackets, quoted where it has to be; "" is the null sender; a bare local part has no domain
	Body       string // BODY=: "", "7BIT" or "8BITMIME"
	Size       int64  // SIZE= as announced, in octets; 0 if not
	SMTPUTF8   bool
	RequireTLS bool   // REQUIRETLS (RFC 8689)
	Return     string // RET=: "", "FULL" or "HDRS"
	EnvelopeID string // ENVID=, xtext as given
	Recipients []Recipient
}

// Recipient is one accepted RCPT TO.
type Recipient struct {
	Address string // as offered to Intake.Recipient
	Notify  string // NOTIFY= in upper case, as "SUCCESS,FAILURE"; "" if absent
	ORcpt   string // ORCPT= (RFC 3461 §4.2), "type;xtext" as given; "" if absent
}

// Observer is told what the Intake does not see, so that evidence can count it. It is called on the connections' goroutines and must not
// block. A panic in it ends the connection it was called for.
type Observer interface {
	// Connected is called once the client got a session; those turned away are told to Abused only.
	Connected(s Session)
	// RecipientRefused is called for every RCPT TO that was not accepted.
	RecipientRefused(s Session, rcpt string, why *Refusal)
	// MessageRefused is called for every message that was not accepted, at MAIL, DATA or its end, with the reply's code and enhanced code.
	MessageRefused(s Session, code string)
	// Abused is called when a client breaks the protocol or a limit.
	Abused(s Session, what Abuse)
}

// Abuse is a kind of misuse.
type Abuse string

const (
	TooManyConnections Abuse = "too many connections"
	TooManyOfClient    Abuse = "too many connections of one client"
	TooManyOfNetwork   Abuse = "too many connections of one network"
	SilentInCrowd      Abuse = "silent in a full listener"
	BadProxy           Abuse = "no header of the PROXY protocol"
	EarlyTalker        Abuse = "spoke before the greeting"
	SlowBody           Abuse = "message too slow"
	TooManyErrors      Abuse = "too many errors"
	TooManyRefused     Abuse = "too many refused recipients"
	TooManyAccepted    Abuse = "too many recipients"
	TooManyCommands    Abuse = "too many commands without a message"
	BareLineEnd        Abuse = "bare CR or LF in a command"
	BadOctets          Abuse = "control octets in a command"
	LongLine           Abuse = "command line too long"
	ForeignProtocol    Abuse = "not SMTP"
	BadChunk           Abuse = "malformed BDAT"
	InjectedText       Abuse = "text sent ahead of the TLS handshake"
	BodyAsCommands     Abuse = "body sent after a refused DATA"
)

type nobody struct{}

func (nobody) Connected(Session)                          {}
func (nobody) RecipientRefused(Session, string, *Refusal) {}
func (nobody) MessageRefused(Session, string)             {}
func (nobody) Abused(Session, Abuse)                      {}
