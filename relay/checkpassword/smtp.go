package checkpassword

import (
	"fmt"
	"strings"
)

// smtp is the dialog of RFC 4954.
func (d *dialog) smtp(user string, password []byte) (answer, error) {
	if _, err := d.expect("220", nil); err != nil {
		return answer{}, err
	}
	able, err := d.hello()
	if err != nil {
		return answer{}, err
	}
	if d.cfg.Security == StartTLS {
		if _, err := d.expect("220", []byte("STARTTLS")); err != nil {
			return answer{}, err
		}
		if err := d.startTLS(); err != nil {
			return answer{}, err
		}
		if able, err = d.hello(); err != nil {
			return answer{}, err
		}
	}
	a, err := d.smtpLogin(able, user, password)
	if err == nil {
		_ = d.say([]byte("QUIT"))
	}
	return a, err
}

// hello returns the mechanisms that the server offers.
func (d *dialog) hello() (able map[string]bool, err error) {
	reply, err := d.expect("250", []byte("EHLO "+d.cfg.Hello))
	if err != nil {
		return nil, err
	}
	able = map[string]bool{}
	for _, line := range strings.Split(reply, "\n") {
		if words := strings.Fields(strings.ToUpper(strings.Replace(line, "=", " ", 1))); len(words) > 0 && words[0] == "AUTH" { // AUTH=LOGIN is how it was written once
			for _, w := range words[1:] {
				able[w] = true
			}
		}
	}
	return able, nil
}

// smtpLogin never sends a secret in the command's own line: it might be too long for it (RFC 4954 §4), and old servers refuse one there.
func (d *dialog) smtpLogin(able map[string]bool, user string, password []byte) (answer, error) {
	var steps [][]byte
	switch {
	case able["PLAIN"]:
		steps = [][]byte{[]byte("AUTH PLAIN"), plainResponse(user, password)}
	case able["LOGIN"]:
		steps = [][]byte{[]byte("AUTH LOGIN"), encode([]byte(user)), encode(password)}
	default:
		return answer{}, fmt.Errorf("%w: it offers neither AUTH PLAIN nor LOGIN", errProtocol)
	}
	defer clear(steps[len(steps)-1])
	for i, step := range steps {
		code, reply, err := d.reply(step)
		last := i == len(steps)-1
		switch {
		case err != nil:
			return answer{}, err
		case last:
			return answer{yes: code == "235", no: code == "535", reply: reply}, nil
		case code != "334":
			return answer{reply: reply}, nil // it did not want to hear the password: that says nothing of it
		}
	}
	return answer{}, errProtocol
}

// expect says something, if there is something to say, and demands a code.
func (d *dialog) expect(want string, line []byte) (string, error) {
	code, reply, err := d.reply(line)
	if err == nil && code != want {
		err = fmt.Errorf("it says %.200q", reply)
	}
	return reply, err
}

// reply returns a reply's code and its lines, the code in front of the first alone.
func (d *dialog) reply(line []byte) (code, text string, err error) {
	if line != nil {
		if err := d.say(line); err != nil {
			return "", "", err
		}
	}
	for {
		got, err := d.line()
		if err != nil {
			return "", "", err
		}
		if len(got) < 3 || code != "" && got[:3] != code {
			return "", "", fmt.Errorf("%w: it says %.20q", errProtocol, got)
		}
		if code == "" {
			code, text = got[:3], got
		} else {
			text += "\n" + got[min(4, len(got)):]
		}
		if len(got) == 3 || got[3] == ' ' {
			return code, text, nil
		}
	}
}
