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
	FieldTLS      = "tls"         // version and cipher suite, "" for plain text
	FieldMessages = "messages"    // messages answered 250
	FieldFailed   = "failed"      // messages begun and not answered 250
	FieldRefused  = "refused"     // recipients not accepted
	FieldErrors   = "errors"      // other replies 4xx and 5xx
	FieldBytes    = "bytes"       // octets of accepted messages
	FieldDuration = "duration_ms" // from accept to close, milliseconds
	FieldEnd      = "end"         // why it ended, one of the End constants or an Abuse
)

// Values of FieldEnd; an Abuse stands there too.
const (
	EndQuit          = "quit"
	EndHangUp        = "client hung up"
	EndReset         = "connection failed"
	EndIdle          = "idle too long"
	EndStalled       = "stalled inside a message"
	EndCut           = "cut inside a message"
	EndTLS           = "TLS handshake failed"
	EndShutdown      = "shutdown"
	EndRefused       = "told 421"
	EndPanic         = "internal error"
	EndNotConfigured = "not configured"
)

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
