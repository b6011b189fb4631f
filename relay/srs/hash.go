package srs

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"strings"
	"time"
)

const (
	minHash = 4
	maxHash = 27 // all of a SHA-1 in base64, without the sign that fills it up
)

func (r *Rewriter) hash(parts ...string) string {
	return digest(r.cfg.Secrets[0], parts)[:r.cfg.HashLength]
}

// signed reports whether a hash of enough letters is that of one of our secrets.
func (r *Rewriter) signed(hash string, parts ...string) bool {
	if len(hash) < r.cfg.HashLength || len(hash) > maxHash {
		return false
	}
	for _, secret := range r.cfg.Secrets {
		if subtle.ConstantTimeCompare([]byte(lower(hash)), []byte(lower(digest(secret, parts)[:len(hash)]))) == 1 {
			return true
		}
	}
	return false
}

func digest(secret string, parts []string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	for _, part := range parts {
		mac.Write([]byte(lower(part)))
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// lower changes the letters of ASCII alone, octet by octet, as others do here.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

const (
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	cycle   = 1024 // days until a stamp returns
)

// stampOf is the day.
func stampOf(now time.Time) string {
	d := days(now)
	return string([]byte{letters[d>>5], letters[d&31]})
}

// ageOf is how long ago, in whole days, the stamp was made. One of the future is nearly a cycle old.
func ageOf(stamp string, now time.Time) (age time.Duration, ok bool) {
	if len(stamp) != 2 {
		return 0, false
	}
	stamp = lower(stamp)
	high, low := strings.IndexByte(lower(letters), stamp[0]), strings.IndexByte(lower(letters), stamp[1])
	if high < 0 || low < 0 {
		return 0, false
	}
	return time.Duration((days(now)-(high<<5+low)+cycle)%cycle) * day, true
}

func days(now time.Time) int { return int(((now.Unix()/86400)%cycle + cycle) % cycle) }
