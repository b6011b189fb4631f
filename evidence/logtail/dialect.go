package logtail

import "slices"

// Dialect names.
const (
	Postfix  = "postfix"
	Dovecot  = "dovecot"
	Exim     = "exim"
	Cyrus    = "cyrus"
	Courier  = "courier"
	Sendmail = "sendmail"
	Qmail    = "qmail"
	Zimbra   = "zimbra"
)

// dialect is how one kind of server writes its log.
type dialect struct {
	name   string
	writes func(program string) bool // whether syslog's tag names one of its programs
	bare   func(text string) bool    // whether a line without host and tag is its own; nil where it writes none
	parse  func(h header, s *State, event *Event) Result
}

// dialects are those we know. The first that knows a line reads it.
var dialects = []dialect{
	{Postfix, isPostfix, nil, parsePostfix},
	{Dovecot, isDovecotProgram, isDovecot, parseDovecot},
	{Exim, isEximProgram, isExim, parseExim},
	{Cyrus, isCyrusProgram, nil, parseCyrus},
	{Courier, isCourierProgram, nil, parseCourier},
	{Sendmail, isSendmailProgram, nil, parseSendmail},
	{Qmail, isQmailProgram, isQmail, parseQmail},
	{Zimbra, nobody, isZimbra, parseZimbra},
}

func nobody(string) bool { return false }

// Dialects are the names of the dialects we know.
func Dialects() []string {
	names := make([]string, len(dialects))
	for i, d := range dialects {
		names[i] = d.name
	}
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// known tells whether a name is a dialect's.
func known(name string) bool { return slices.Contains(Dialects(), name) }

// of finds the dialect of a line without its stamp; nil is another program's. Not ok is a line of no form that we know.
func of(rest string) (d *dialect, h header, ok bool) {
	if h, ok = cutHeader(rest); ok {
		for i := range dialects {
			if d = &dialects[i]; d.writes(h.program) {
				return d, h, true
			}
		}
	}
	for i := range dialects {
		if d = &dialects[i]; d.bare != nil && d.bare(rest) {
			return d, header{text: rest}, true
		}
	}
	return nil, h, ok
}
