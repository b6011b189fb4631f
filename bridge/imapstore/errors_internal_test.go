package imapstore

import (
	"errors"
	"testing"

	"posthouse/bridge"
)

// TestVerdict: what is said of a message's size is told from what a repair may mend, and both from what another time may bring.
func TestVerdict(t *testing.T) {
	refused, large, busy := bridge.ErrRefused, bridge.ErrTooLarge, bridge.ErrBusy
	for _, c := range []struct {
		reply reply
		want  error
	}{
		{reply{kind: "NO", text: "Message contains NUL"}, refused},
		{reply{kind: "NO", text: "Message contains bare newlines"}, refused},
		{reply{kind: "BAD", text: "Command Argument Error. 11"}, refused},
		{reply{kind: "NO", text: "header line too long"}, refused},
		{reply{kind: "NO", text: "Header too large"}, refused},
		{reply{kind: "NO", code: "CANNOT", text: "no"}, refused},
		{reply{kind: "NO", code: "TOOBIG", text: "no"}, large},
		{reply{kind: "NO", code: "LIMIT", text: "no"}, large},
		{reply{kind: "NO", text: "Message too large"}, large},
		{reply{kind: "NO", text: "The message is too big"}, large},
		{reply{kind: "BAD", text: "exceeds maximum message size"}, large},
		{reply{kind: "NO", text: "message size limit of 35651584"}, large},
		{reply{kind: "NO", code: "OVERQUOTA", text: "no"}, busy},
		{reply{kind: "NO", text: "Request is throttled"}, busy},
	} {
		err := verdict(bridge.PutItem{}, c.reply).Err
		if !errors.Is(err, c.want) || errors.Is(err, large) != (c.want == large) {
			t.Errorf("%s: %v, want %v", c.reply.said(), err, c.want)
		}
	}
}
