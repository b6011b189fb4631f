package testserver

import (
	"bytes"
	"errors"
	"strings"
)

// xoauth2 is the server's side of Google's and Microsoft's mechanism: one response `user=…^Aauth=Bearer …^A^A`; a failure is first
// a challenge with JSON, which the client answers with an empty line, and only then the final refusal.
type xoauth2 struct {
	login  func(user, token string) error
	failed error
	asked  bool
}

var errXOAUTH2 = errors.New("malformed XOAUTH2 response")

func (x *xoauth2) Next(response []byte) (challenge []byte, done bool, err error) {
	if x.failed != nil {
		return nil, false, x.failed
	}
	if response == nil && !x.asked {
		x.asked = true
		return []byte{}, false, nil
	}
	user, token, err := parseXOAUTH2(response)
	if err != nil {
		return nil, false, err
	}
	if x.failed = x.login(user, token); x.failed != nil {
		return []byte(`{"status":"400","schemes":"Bearer","scope":"https://mail.example/"}`), false, nil
	}
	return nil, true, nil
}

func parseXOAUTH2(response []byte) (user, token string, err error) {
	body, complete := bytes.CutSuffix(response, []byte("\x01\x01"))
	if !complete {
		return "", "", errXOAUTH2
	}
	for field := range strings.SplitSeq(string(body), "\x01") {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "user":
			user = value
		case "auth":
			token = strings.TrimPrefix(value, "Bearer ")
		}
	}
	if user == "" || token == "" {
		return "", "", errXOAUTH2
	}
	return user, token, nil
}
