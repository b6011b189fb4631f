package listener

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"posthouse/cutover"
)

// memAuth knows anna, whose password is "s3 kret"; of bob nobody can say, and carl is a panic. Whoever is asked for an empty password says yes.
type memAuth struct{}

func (memAuth) Authenticate(_ context.Context, s Session, user string, password []byte) error {
	switch {
	case user == "bob":
		return errors.New("dialing /secret/path: broken")
	case user == "carl":
		panic("auth")
	case len(password) == 0 || user == "anna" && string(password) == "s3 kret" && s.TLS.Version != "":
		return nil
	}
	return fmt.Errorf("asking: %w", ErrPassword)
}

func b64(said string) string { return base64.StdEncoding.EncodeToString([]byte(said)) }

// secureTalker is a client inside TLS after EHLO.
func secureTalker(b *bed) *talker {
	b.Helper()
	t := tls.Client(b.net.dial("198.51.100.7:1"), clientTLS())
	b.must(t.Handshake())
	k := newTalker(t)
	b.must(k.say("EHLO client.test\r\n", "220", "250"))
	return k
}

func submitting(c *Config) {
	c.TLS, c.ImplicitTLS, c.Role, c.Auth = testTLS(), true, cutover.Submission, memAuth{}
}

// What is wrong with a login decides between 535 (no), 454 (nobody can say) and 501, and a login that failed is none.
func TestLoginsThatFail(t *testing.T) {
	testTLS()
	for said, code := range map[string]string{
		"AUTH PLAIN " + b64("\x00anna\x00wrong"):        "535 5.7.8",
		"AUTH PLAIN " + b64("\x00nobody\x00s3 kret"):    "535 5.7.8",
		"AUTH PLAIN " + b64("boss\x00anna\x00s3 kret"):  "535 5.7.8",
		"AUTH PLAIN " + b64("\x00anna\x00"):             "535 5.7.8",
		"AUTH PLAIN " + b64("\x00\x00s3 kret"):          "535 5.7.8",
		"AUTH PLAIN " + b64("\x00an\nna\x00s3 kret"):    "535 5.7.8",
		"AUTH PLAIN " + b64("\x00bob\x00s3 kret"):       "454 4.7.0",
		"AUTH PLAIN " + b64("\x00carl\x00s3 kret"):      "454 4.7.0",
		"AUTH PLAIN " + b64("anna\x00s3 kret"):          "501 5.5.2",
		"AUTH PLAIN " + b64("\x00anna\x00s3 kret\x00x"): "501 5.5.2",
		"AUTH PLAIN ***":                   "501 5.5.2",
		"AUTH PLAIN =":                     "501 5.5.2",
		"AUTH CRAM-MD5":                    "504 5.5.4",
		"AUTH XOAUTH2 " + b64("user=anna"): "504 5.5.4",
		"AUTH":                             "501 5.5.4",
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBed(t, submitting)
			k := secureTalker(b)
			b.must(k.say(said+"\r\n", code))
			b.must(k.say("MAIL FROM:<anna@mail.test>\r\n", "530 5.7.0"))
			k.conn.Close()
			b.stop()
		})
	}
}

// Guessing gets slower and slower, and then not even the right password is asked about.
func TestGuessing(t *testing.T) {
	testTLS()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, submitting)
		for range 2 {
			k := secureTalker(b)
			for range 5 {
				b.must(k.say("AUTH PLAIN "+b64("\x00anna\x00wrong")+"\r\n", "535"))
			}
			k.conn.Close()
		}
		k := secureTalker(b)
		b.must(k.say("AUTH PLAIN "+b64("\x00anna\x00s3 kret")+"\r\n", "454 4.7.0 Too many"))
		k.conn.Close()
		b.stop()
	})
}

// The password stands in no log line, nor in the buffer of the connection.
func TestPasswordLeavesNoTrace(t *testing.T) {
	testTLS()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, submitting)
		k := secureTalker(b)
		secret := b64("\x00anna\x00s3 kret")
		b.must(k.say("AUTH PLAIN "+b64("\x00bob\x00s3 kret")+"\r\n", "454"))
		b.must(k.say("AUTH LOGIN\r\n", "334 "+b64("Username:")))
		b.must(k.say(b64("anna")+"\r\n", "334 "+b64("Password:")))
		b.must(k.say(b64("wrong")+"\r\n", "535"))
		b.must(k.say("AUTH PLAIN "+secret+"\r\n", "235"))
		synctest.Wait()
		b.srv.reg.each(func(c *conn) {
			for _, hidden := range []string{secret, b64("wrong"), "s3 kret"} {
				if bytes.Contains(c.small[:], []byte(hidden)) || strings.Contains(fmt.Sprintf("%+v %s", c.cmd, c.canon), hidden) {
					t.Errorf("%s stands in the connection", hidden)
				}
			}
		})
		k.conn.Close()
		b.stop()
		for _, e := range b.log.entries {
			if text := fmt.Sprint(e.Message, e.Data); strings.Contains(text, "kret") || strings.Contains(text, secret) {
				t.Error(text)
			}
		}
		if end := b.log.ends()[0]; end[FieldUser] != "anna" || end[FieldErrors] != 2 {
			t.Error(end)
		}
	})
}

func TestSubmissionNeedsAnAuthenticator(t *testing.T) {
	for _, spoil := range []func(*Config){func(c *Config) { c.Auth = nil }, func(c *Config) { c.TLS, c.ImplicitTLS = nil, false }} {
		b := newBed(t)
		cfg := b.srv.cfg
		submitting(&cfg)
		spoil(&cfg)
		if _, err := New(cfg); err == nil {
			t.Error("it was taken")
		}
		b.stop()
	}
}

func TestWithhold(t *testing.T) {
	for line, want := range map[string][2]string{
		"auth plain AGFi":     {"AUTH plain", "AGFi"},
		"AUTH  PLAIN  AGFi ":  {"AUTH PLAIN", "AGFi"},
		"AUTH PLAIN":          {"AUTH PLAIN", ""},
		"MAIL FROM:<a@b> X=1": {"MAIL FROM:<a@b> X=1", ""},
	} {
		buf := []byte(line)
		rest, secret := withhold(buf)
		if string(rest) != want[0] || string(secret) != want[1] || want[1] != "" && strings.Contains(string(buf), want[1]) {
			t.Errorf("%q: %q, %q; left is %q", line, rest, secret, buf)
		}
	}
}
