package logtail

import "strings"

// header is a log line without its prefix.
type header struct {
	program string // as in the tag: postfix/submission/smtpd; "" in a log that names neither host nor tag
	pid     string // "" where the tag has none
	text    string // the message
}

// cutHeader splits what follows the stamp of a syslog line: host tag[pid]: text.
func cutHeader(rest string) (header, bool) {
	host, after, ok := strings.Cut(rest, " ")
	if ok && strings.HasPrefix(host, "<") && strings.HasSuffix(host, ">") { // FreeBSD's syslogd -v: <mail.info>
		host, after, ok = strings.Cut(after, " ")
	}
	switch {
	case ok && strings.HasSuffix(host, "]:"): // syslog of its own host, told to leave the name away
		after = rest
	case !ok || strings.HasSuffix(host, ":"): // without a host it is a program's own log
		return header{}, false
	}
	tag, text, ok := strings.Cut(after, ": ")
	if !ok {
		tag, text = strings.TrimSuffix(after, ":"), ""
	}
	tag, pid, _ := strings.Cut(tag, "[")
	if strings.ContainsAny(tag, " \t") {
		return header{program: "-", text: after}, true // "last message repeated 3 times", kernel lines
	}
	return header{program: tag, pid: strings.TrimSuffix(pid, "]"), text: unrepeated(withoutMessageID(text))}, true
}

// withoutMessageID takes off what Solaris' syslogd writes before every message: [ID 801593 mail.info].
func withoutMessageID(text string) string {
	if !strings.HasPrefix(text, "[ID ") {
		return text
	}
	_, rest, ok := strings.Cut(text, "] ")
	if !ok {
		return text
	}
	return rest
}

// unrepeated takes the message out of rsyslog's "message repeated 3 times: [ …]".
func unrepeated(text string) string {
	if !strings.HasPrefix(text, "message repeated ") {
		return text
	}
	_, inner, ok := strings.Cut(text, " times: [ ")
	if !ok {
		return text
	}
	return strings.TrimSuffix(inner, "]")
}

// angled returns what stands between key< and the next >.
func angled(text, key string) (string, bool) {
	start := strings.Index(text, key)
	if start < 0 {
		return "", false
	}
	value, _, ok := strings.Cut(text[start+len(key):], ">")
	return value, ok
}

// field returns the value of ", key=" up to the next comma.
func field(text, key string) string {
	start := strings.Index(text, key)
	if start < 0 {
		return ""
	}
	value, _, _ := strings.Cut(text[start+len(key):], ",")
	return value
}
