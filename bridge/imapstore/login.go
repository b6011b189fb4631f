package imapstore

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-sasl"

	"posthouse/internal/login"
)

// authenticate logs in by SASL, or by LOGIN where the server offers no mechanism.
func (o Options) authenticate(ctx context.Context, s *session) error {
	if s.caps == nil {
		if _, err := s.command("CAPABILITY"); err != nil {
			return err
		}
	}
	if !s.known {
		if err := o.prove(ctx, s); err != nil {
			return err
		}
	}
	return s.refreshCapabilities()
}

func (o Options) prove(ctx context.Context, s *session) error {
	offered := s.mechanisms()
	if o.Password != nil && (o.SASL == nil || len(offered) == 0 && !s.caps.has("LOGINDISABLED")) {
		return o.plainLogin(s)
	}
	if o.SASL == nil {
		return &login.Error{Kind: login.ErrDisabled, Err: errors.New("no way to log in was configured")}
	}
	client, err := o.SASL(ctx, offered...)
	if err != nil {
		return credentialError{err}
	}
	err = s.sasl(client)
	if _, refused := answered(err); refused && o.Refused != nil {
		o.Refused(client)
	}
	return explained(err)
}

func (s *session) mechanisms() []string {
	var offered []string
	for name := range s.caps {
		if mechanism, ok := strings.CutPrefix(name, "AUTH="); ok {
			offered = append(offered, mechanism)
		}
	}
	return offered
}

// credentialError is an error of whoever gives the credentials.
type credentialError struct{ error }

func (e credentialError) Unwrap() error { return e.error }

// person reports whether an error of connecting needs a person: the server refused the login, or there are no credentials to log in with.
func person(err error) bool {
	var none credentialError
	later := errors.Is(err, login.ErrUnavailable) || errors.Is(err, login.ErrThrottled) || errors.Is(err, login.ErrUntrusted)
	return errors.Is(err, login.ErrRefused) || errors.Is(err, login.ErrDisabled) || errors.As(err, &none) && !later
}

// plainLogin never puts the password into an error: servers that echo it are not quoted beyond their own words.
func (o Options) plainLogin(s *session) error {
	username, password, err := o.Password()
	if err != nil {
		return credentialError{err}
	}
	if strings.ContainsAny(username+password, "\r\n\x00") {
		return &login.Error{Kind: login.ErrRefused, Err: errors.New("name or password holds a control character")}
	}
	s.caps = nil // those of before the login hold no more
	_, err = s.command("LOGIN " + quoted(username) + " " + quoted(password))
	return explained(err)
}

// explained classifies a refusal by its code and words.
func explained(err error) error {
	var refused refusal
	if !errors.As(err, &refused) {
		return err
	}
	return login.ExplainReply(refused.said(), err)
}

// sasl runs the exchange of RFC 9051 §6.2.2.
func (s *session) sasl(client sasl.Client) error {
	mechanism, initial, err := client.Start()
	if err != nil {
		return err
	}
	s.tag++
	tag := fmt.Sprintf("L%d", s.tag)
	line := tag + " AUTHENTICATE " + mechanism
	if initial != nil && s.caps.has("SASL-IR") {
		line += " " + encodeSASL(initial)
		initial = nil
	}
	if err := s.send(line); err != nil {
		return err
	}
	return s.answerChallenges(tag, client, initial)
}

func (s *session) answerChallenges(tag string, client sasl.Client, initial []byte) error {
	for {
		r, err := s.read()
		if err != nil {
			return err
		}
		switch {
		case r.tag == "+":
			if err := s.answerChallenge(r, client, initial); err != nil {
				return err
			}
			initial = nil
		case r.tag == tag && r.kind == "OK":
			s.caps = nil // those of before the login hold no more
			s.note(r)
			return nil
		case r.tag == tag, r.kind == "BYE":
			return refusal{r}
		default:
			s.note(r)
		}
	}
}

func (s *session) answerChallenge(r reply, client sasl.Client, initial []byte) error {
	challenge, err := base64.StdEncoding.DecodeString(strings.TrimSpace(r.text))
	if err != nil {
		challenge = nil // some servers put words where nothing is meant
	}
	answer := initial
	if initial == nil {
		if answer, err = client.Next(challenge); err != nil {
			return err
		}
	}
	return s.send(base64.StdEncoding.EncodeToString(answer))
}

// encodeSASL writes an empty initial response as "=" (RFC 4959).
func encodeSASL(b []byte) string {
	if len(b) == 0 {
		return "="
	}
	return base64.StdEncoding.EncodeToString(b)
}

// refreshCapabilities asks when the answer to the login did not tell.
func (s *session) refreshCapabilities() error {
	if s.caps != nil {
		return nil
	}
	_, err := s.command("CAPABILITY")
	return err
}
