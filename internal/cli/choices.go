package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/internal/control"
	"posthouse/ledger"
	"posthouse/relay/reason"
)

// What a flag chooses by must exist: a slip would choose nothing, and "nothing waits" is the wrong answer to it.

// slip is the first of the errors as wrong usage, nil if there is none.
func slip(next string, errs ...error) error {
	err := cmp.Or(errs...)
	if err == nil {
		return nil
	}
	return &failure{code: exitUsage, what: err.Error(), next: next, err: err}
}

// knownWords refuses the first of a flag's words that is none of the known ones.
func knownWords(flag string, given, known []string) error {
	for _, word := range given {
		if !slices.Contains(known, word) {
			return fmt.Errorf("--%s: no %s %q%s; there are %s", flag, flag, word, didYouMean(word, known), strings.Join(known, ", "))
		}
	}
	return nil
}

// knownWord is knownWords for a flag of one word, which may be left out.
func knownWord(flag, given string, known []string) error {
	if given == "" {
		return nil
	}
	return knownWords(flag, []string{given}, known)
}

// addressLike refuses what can be no address and no @DOMAIN.
func addressLike(flag, text string) error {
	local, domain := "", ""
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		local, domain = text[:at], text[at+1:]
	}
	quoted := strings.HasPrefix(local, `"`) && strings.HasSuffix(local, `"`)
	if text == "" || domain != "" && !strings.ContainsAny(domain, " \t<>") && (quoted || !strings.ContainsAny(local, " \t<>@")) {
		return nil
	}
	return fmt.Errorf("--%s: %q is neither an address nor @DOMAIN", flag, text)
}

// check refuses filters that can choose nothing.
func (f *queueFlags) check() error {
	return slip("posthouse queue list --help",
		knownWords("reason", f.reasons, queueReasons()), knownWords("state", f.states, queueStates), addressLike("from", f.from), addressLike("to", f.to))
}

// queueStates are those of deliveries; settled ones are listed when they are asked for.
var queueStates = []string{
	string(ledger.Held), string(ledger.Due), string(ledger.Sending), string(ledger.InDoubt), string(ledger.Accepted), string(ledger.Quiet), string(ledger.Dropped), string(ledger.Settled),
}

func queueReasons() []string {
	var names []string
	for _, class := range reason.All() {
		names = append(names, string(class))
	}
	return names
}

// The words of tail's filters.
var (
	tailChannels = []string{string(evidence.Arriving), string(evidence.Sending), string(evidence.Login), control.ChannelDelivered}
	tailRoutes   = []string{string(cutover.Arriving), string(cutover.Devices), string(cutover.Submission), string(cutover.Notices), string(evidence.Sending), string(evidence.Login), control.RouteDNS}
)

// check refuses filters that can choose nothing. Which sources there are the service tells.
func (f tailFlags) check(s control.Status) error {
	return slip("posthouse tail --help",
		knownWord("channel", f.channel, tailChannels), knownWord("route", f.route, tailRoutes), knownWord("source", f.source, tailSources(s)),
		addressLike("from", whole(f.from)), addressLike("to", whole(f.to)))
}

// whole is an address to try anna@ with, which tail takes in any domain.
func whole(text string) string {
	if strings.HasSuffix(text, "@") {
		return text + "example.com"
	}
	return text
}

func tailSources(s control.Status) []string {
	var names []string
	for _, source := range s.Sources {
		names = append(names, source.Name)
	}
	for _, l := range s.Listeners {
		names = append(names, l.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
