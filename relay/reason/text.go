package reason

import (
	"regexp"
	"strconv"
	"strings"
)

// replies are a code and, where there is one, an enhanced code.
var replies = regexp.MustCompile(`^([245]\d\d)(?: ([245]\.\d{1,3}\.\d{1,3}))?(?: (.*))?$`)

// Text tells what the last words about a delivery mean: those of a reply as we write replies down, an IMAP server's, or an error of our own. None where they tell nothing.
func Text(said string) Class {
	if m := replies.FindStringSubmatch(said); m != nil {
		code, _ := strconv.Atoi(m[1])
		return Of(code, m[2], m[3])
	}
	text := strings.ToLower(said)
	for _, known := range []struct {
		words *regexp.Regexp
		class Class
	}{
		{nowayWords, NoDestination}, {certificateWords, TLS}, {unreachableWords, Unreachable}, {fullWords, Full}, {sizeWords, Size}, {rateWords, Throttled}, {formWords, Form},
	} {
		if known.words.MatchString(text) {
			return known.class
		}
	}
	return None
}

var (
	nowayWords       = regexp.MustCompile(`no destination of this name`)
	certificateWords = regexp.MustCompile(`x509:|tls:|starttls`)
	unreachableWords = regexp.MustCompile(`connection refused|i/o timeout|no route to host|no such host|network is unreachable|connection reset|cannot be reached|connection timed out|` +
		`server misbehaving|temporary failure in name resolution`)
)
