package listener

import (
	"fmt"
	"strings"

	"github.com/sirupsen/logrus"
)

// Keys of the line that ends every connection. They are stable: people and tools search by them.
const (
	FieldSession  = "session"     // Session.ID
	FieldListener = "listener"    // the listener's name
	FieldRole     = "role"        // the listener's role
	FieldClient   = "client"      // client address and port
	FieldHelo     = "helo"        // name given with HELO or EHLO
	FieldUser     = "user"        // who has logged in, "" if nobody
	FieldTLS      = "tls"         // version and cipher suite, "" for plain text
	FieldMessages = "messages"    // messages answered 250
	FieldFailed   = "failed"      // messages begun and not answered 250
	FieldRefused  = "refused"     // recipients not accepted
	FieldErrors   = "errors"      // other replies 4xx and 5xx
	FieldBytes    = "bytes"       // octets of accepted messages
	FieldDuration = "duration_ms" // from accept to close, milliseconds
	FieldEnd      = "end"         // why it ended, one of the End constants or an Abuse
	FieldProxy    = "proxy"       // address and port of the proxy that named the client; absent without one
)

// Values of FieldEnd; an Abuse stands there too.
const (
	EndQuit          = "quit"
	EndHangUp        = "client hung up"
	EndReset         = "connection failed"
	EndIdle          = "idle too long"
	EndLong          = "session too long"
	EndStalled       = "stalled inside a message"
	EndCut           = "cut inside a message"
	EndTLS           = "TLS handshake failed"
	EndShutdown      = "shutdown"
	EndRefused       = "told 421"
	EndPanic         = "internal error"
	EndNotConfigured = "not configured"
)

// Further keys of the line that tells what was not taken of a transaction.
const (
	FieldFrom = "from" // its sender
	FieldTo   = "to"   // the recipient that was refused, or those of the message that was
	FieldCode = "code" // of the reply
	FieldText = "text" // the rest of the reply, enhanced code first
)

// refusedMessage is the text of that line.
const refusedMessage = "refused"

// refused tells of a reply that declines a sender, a recipient or a message. 503 is none: what comes before its time follows from what was told already.
// A client that is only refused cannot fill the log with it: the line that ends its connection has the number.
func (c *conn) refused(code, text string) {
	if code == "503" {
		return
	}
	if c.cmd.verb != "RCPT" {
		enhanced, _, _ := strings.Cut(text, " ")
		c.cfg.Observer.MessageRefused(c.info, code+" "+enhanced)
	}
	if c.stats.told++; c.stats.told > maxTold {
		return
	}
	from, to := clip(c.txn.from), listed(c.txn.to)
	switch c.cmd.verb {
	case "MAIL":
		from, to = clip(c.cmd.said), ""
	case "RCPT":
		to = clip(c.cmd.said)
	}
	c.log().WithFields(logrus.Fields{FieldHelo: c.info.Helo, FieldFrom: from, FieldTo: to, FieldCode: code, FieldText: text}).Info(refusedMessage)
}

// listed are recipients as far as a line of the log goes.
func listed(all []string) string {
	const most = 10
	text := make([]string, min(len(all), most))
	for i := range text {
		text[i] = clip(all[i])
	}
	if more := len(all) - most; more > 0 {
		text = append(text, fmt.Sprintf("%d more", more))
	}
	return strings.Join(text, ", ")
}

// clip keeps a client's words at the length of an address (RFC 5321 §4.5.3.1).
func clip(said string) string {
	return strings.ToValidUTF8(said[:min(len(said), 320)], "?")
}

// endMessage is the text of the line that ends every connection.
const endMessage = "smtp connection ended"

// errorLog gives go-smtp's own complaints to the logger.
type errorLog struct{ log logrus.FieldLogger }

func (l errorLog) Printf(format string, v ...any) {
	l.log.Error("go-smtp: " + strings.TrimSpace(fmt.Sprintf(format, v...)))
}

func (l errorLog) Println(v ...any) {
	l.log.Error("go-smtp: " + strings.TrimSpace(fmt.Sprintln(v...)))
}
