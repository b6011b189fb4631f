package reason

import "regexp"

var (
	// hostWords are names that tell of no spam: of lists and of hosts.
	hostWords = regexp.MustCompile(`spam(haus|cop|rats)|(https?://)?[a-z0-9-]+(\.[a-z0-9-]+)+\S*`)
	// messageWords are how one message is spoken of. Of "messages" and "mail" servers speak when they mean all that we send.
	messageWords = regexp.MustCompile(`\b(message|e-?mail|content|body|subject)\b`)
	fromWords    = regexp.MustCompile(`\bsender('s)? (address|domain|is|was|reject|den|block|verif|must|polic)|envelope.?sender|mail from\b.{0,40}(reject|block|den)|\bforged?\b|\bforger|spoof|does not match envelope`)
	contentWords = regexp.MustCompile(`(prohibit|forbid|not (allowed|permitted|accepted)|polic|reject|block|banned|den(y|ied)|refus|restrict|violat).{0,60}\bcontent|` +
		`\bcontent.{0,60}(prohibit|forbid|not (allowed|permitted|accepted)|polic|reject|block|banned|den(y|ied)|refus|restrict|violat)|\bur[il]s?\b|\bmacros?\b|\blinks\b`)
	ruleWords = regexp.MustCompile(`\bpolic(y|ies)\b|security rule|transport rule`)
)

// judged holds back what would go into the mailbox by another way: a reply whose code or words are of us, of size or of form, and which speaks of the message's content or sender as well. Nobody can
// tell which of the two it was refused for; so a person looks. It is not kept without an alarm either: mail that somebody waits for must not vanish among spam.
func judged(r reply, c Class) Class {
	if !c.Rescue() || r.subject == 1 { // the form of an address
		return c
	}
	text := hostWords.ReplaceAllString(r.text, "")
	switch {
	case spamWords.MatchString(text) && messageWords.MatchString(text), fromWords.MatchString(text), contentWords.MatchString(text):
		return Policy
	case (c == Size || c == Form || c == Login || c == TLS) && r.code/10 != 53 && ruleWords.MatchString(text) && !sizeWords.MatchString(text):
		return Policy
	case (c == Size || c == Form) && r.bare() && (r.subject == 7 || r.subject < 0 && allowWords.MatchString(text) && !sizeWords.MatchString(text)):
		return Policy
	}
	return c
}

// bare reports whether the code is all that speaks of size or form.
func (r reply) bare() bool {
	return (r.code == 552 || r.code >= 500 && r.code <= 504) && !formWords.MatchString(r.text) && !loginWords.MatchString(r.text)
}
