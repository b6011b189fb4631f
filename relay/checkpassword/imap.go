package checkpassword

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// imap is the dialog of RFC 9051. A greeting of PREAUTH is no answer to anything.
func (d *dialog) imap(user string, password []byte, client netip.Addr) (answer, error) {
	greeting, err := d.line()
	if err != nil {
		return answer{}, err
	}
	if !strings.HasPrefix(strings.ToUpper(greeting), "* OK") {
		return answer{}, fmt.Errorf("%w: it greets with %.100q", errProtocol, greeting)
	}
	if d.cfg.Security == StartTLS {
		if _, err := d.demand("STARTTLS"); err != nil {
			return answer{}, err
		}
		if err := d.startTLS(); err != nil {
			return answer{}, err
		}
	}
	able, err := d.demand("CAPABILITY")
	if err != nil {
		return answer{}, err
	}
	if able["ID"] && client.IsValid() {
		if err := d.introduce(client); err != nil {
			return answer{}, err
		}
	}
	a, err := d.imapLogin(able["AUTH=PLAIN"], user, password)
	if err == nil {
		_ = d.say([]byte("z LOGOUT"))
	}
	return a, err
}

// introduce tells for whom we ask; whether it is believed does not matter here.
func (d *dialog) introduce(client netip.Addr) error {
	if err := d.say(fmt.Appendf(nil, `i ID ("name" "posthouse" "x-originating-ip" "%s")`, client.Unmap().WithZone(""))); err != nil {
		return err
	}
	_, err := d.tagged("i", nil)
	return err
}

// demand gives a command that must succeed, and returns the capabilities that were named meanwhile.
func (d *dialog) demand(command string) (able map[string]bool, err error) {
	if err := d.say([]byte("c " + command)); err != nil {
		return nil, err
	}
	able = map[string]bool{}
	reply, err := d.tagged("c", func(untagged string) {
		if words := strings.Fields(strings.ToUpper(untagged)); len(words) > 0 && words[0] == "CAPABILITY" {
			for _, w := range words[1:] {
				able[w] = true
			}
		}
	})
	if err == nil && !strings.HasPrefix(reply, "OK") {
		err = fmt.Errorf("%s: %s", command, reply)
	}
	return able, err
}

func (d *dialog) imapLogin(plain bool, user string, password []byte) (answer, error) {
	steps := [][]byte{
		fmt.Appendf(nil, "a LOGIN {%d}", len(user)), fmt.Appendf(nil, "%s {%s}", user, strconv.Itoa(len(password))), password,
	}
	if plain {
		response := plainResponse(user, password)
		defer clear(response)
		steps = [][]byte{[]byte("a AUTHENTICATE PLAIN"), response}
	}
	for i, step := range steps {
		if err := d.say(step); err != nil {
			return answer{}, err
		}
		if i == len(steps)-1 {
			break
		}
		if reply, err := d.continued(); err != nil || reply != "" {
			return answer{reply: reply}, err // it did not want to hear the password: that says nothing of it
		}
	}
	reply, err := d.tagged("a", nil)
	kind, _, _ := strings.Cut(reply, " ")
	return answer{yes: kind == "OK", no: kind == "NO", reply: reply}, err
}

// continued waits for leave to go on; a reply instead is returned.
func (d *dialog) continued() (reply string, err error) {
	for {
		line, err := d.line()
		switch {
		case err != nil:
			return "", err
		case line == "+" || strings.HasPrefix(line, "+ "):
			return "", nil
		case strings.HasPrefix(line, "* BYE"):
			return line[2:], nil
		case !strings.HasPrefix(line, "* "):
			_, reply, _ := strings.Cut(line, " ")
			return reply, nil
		}
	}
}

// tagged waits for a command's reply, its first word in upper case. A BYE is one too.
func (d *dialog) tagged(tag string, untagged func(string)) (string, error) {
	for {
		line, err := d.line()
		if err != nil {
			return "", err
		}
		who, what, _ := strings.Cut(line, " ")
		kind, rest, _ := strings.Cut(what, " ")
		what = strings.TrimSpace(strings.ToUpper(kind) + " " + rest)
		switch {
		case who == tag, who == "*" && strings.HasPrefix(what, "BYE"):
			return what, nil
		case who == "*" && untagged != nil:
			untagged(what)
		case who != "*":
			return "", fmt.Errorf("%w: it says %.20q", errProtocol, who)
		}
	}
}
