package logtail

import "strings"

// classic writes a line of RFC 5424 (<22>1 STAMP HOST PROGRAM PID MSGID DATA TEXT) as syslog wrote it before: STAMP HOST PROGRAM[PID]: TEXT. Any other line is returned as it is.
func classic(line string) string {
	if !strings.HasPrefix(line, "<") { // nearly all
		return line
	}
	priority, rest, ok := strings.Cut(line, ">1 ")
	if !ok || len(priority) > len("<191") {
		return line
	}
	fields := strings.SplitN(rest, " ", 6)
	if len(fields) < 6 {
		return line
	}
	text, ok := withoutData(fields[5])
	if !ok {
		return line
	}
	program := fields[2]
	if pid := fields[3]; pid != "-" {
		program += "[" + pid + "]"
	}
	return fields[0] + " " + fields[1] + " " + program + ": " + strings.TrimPrefix(text, "\ufeff")
}

// withoutData takes off the structured data (RFC 5424 section 6.3): - or elements in brackets, in whose quoted values a backslash escapes.
func withoutData(text string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(text, "-"); !ok {
		for rest = text; strings.HasPrefix(rest, "["); {
			end := endOfElement(rest)
			if end < 0 {
				return "", false
			}
			rest, ok = rest[end:], true
		}
	}
	return strings.TrimPrefix(rest, " "), ok && (rest == "" || rest[0] == ' ')
}

// endOfElement is where an element ends, -1 if it does not.
func endOfElement(text string) int {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == ']' && !quoted:
			return i + 1
		}
	}
	return -1
}
