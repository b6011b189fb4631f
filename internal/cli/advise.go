package cli

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"posthouse/evidence"
	"posthouse/internal/control"
)

func newAdvise(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "advise NAME", Short: "A text to write to somebody who still uses the old server", Args: cobra.ExactArgs(1),
		Long: `Prints a text that can be sent as it is: to the postmaster of a sender outside, or to whom a device or a mail program belongs. The name is one of posthouse senders, a
domain, or the address from which somebody came last. Nothing is sent.

Exit code: 0, 1 when nobody of that name is known, 4 for a sender outside while the MX record is not known to be switched.`,
		ValidArgsFunction: a.completeSenders,
		RunE:              func(c *cobra.Command, args []string) error { return a.advise(c.Context(), args[0]) },
	}
}

func (a *app) advise(ctx context.Context, name string) error {
	r, err := a.reach()
	if err != nil {
		return err
	}
	s, err := r.senders(ctx)
	if err != nil {
		return err
	}
	who, err := findSender(s.Senders, name)
	if err != nil {
		return err
	}
	if who.Name == evidence.Newcomers {
		return &failure{code: exitFailed, what: "nobody knows who newcomers will be: there is no one to write to", next: "posthouse senders"}
	}
	if who.Channel == evidence.Arriving && s.Switched.IsZero() { // who asked him to look it up anew would be wrong
		return &failure{
			code: exitNotYet, what: "the MX record is not known to be switched: " + who.Name + " delivers where it leads",
			cause: "it was not switched yet, DNS is not watched, or it was switched before the first look", next: "posthouse dns; say when it was switched: verdict.mx_switched",
		}
	}
	advice := adviceTo(who, s, a.zone)
	if a.json {
		a.out.object(advice)
		return a.out.err
	}
	for l := range strings.Lines(advice.text()) {
		a.out.print(line{{plain, strings.TrimSuffix(l, "\n")}})
	}
	return a.out.err
}

// findSender finds one by his name, else the likeliest to come of those that a domain names, else the only one who came from an address.
func findSender(all []evidence.Sender, name string) (evidence.Sender, error) {
	var called, there []evidence.Sender
	address, _ := netip.ParseAddr(strings.Trim(name, "[]"))
	for _, one := range all {
		if strings.EqualFold(one.Name, name) {
			return one, nil
		}
		if one.Called(name) {
			called = append(called, one)
		}
		if address.IsValid() && one.CameFrom(address) {
			there = append(there, one)
		}
	}
	found, here := append(called, there...), distinct(there)
	switch {
	case len(called) == 0 && len(here) > 1: // who of them is meant nobody can tell
		return evidence.Sender{}, &failure{code: exitFailed, what: fmt.Sprintf("%d came from %s: name one of %s", len(here), name, strings.Join(here, ", ")), next: "posthouse senders --all"}
	case len(found) > 0:
		return found[0], nil
	}
	return evidence.Sender{}, &failure{code: exitFailed, what: fmt.Sprintf("nobody named %q is known%s", name, didYouMean(name, distinct(all))), next: "posthouse senders --all"}
}

// distinct are the names of some, each once: who logs in may send, too.
func distinct(some []evidence.Sender) (names []string) {
	for _, one := range some {
		if !slices.Contains(names, one.Name) {
			names = append(names, one.Name)
		}
	}
	return names
}

// advice is a text to somebody.
type advice struct {
	Schema  string `json:"schema"`
	Name    string `json:"name"`
	To      string `json:"to,omitempty"` // an address, where there is one
	Subject string `json:"subject"`
	Body    string `json:"body"`
}

const adviceSchema = "posthouse.advice/1"

func (a advice) text() string {
	to := ""
	if a.To != "" {
		to = "To: " + a.To + "\n"
	}
	return to + "Subject: " + a.Subject + "\n\n" + a.Body
}

func adviceTo(who evidence.Sender, s control.Senders, zone *time.Location) advice {
	a := advice{Schema: adviceSchema, Name: who.Name}
	last := "It was last seen on " + who.LastOld.In(zone).Format("2 January 2006, 15:04 MST") + ".\n"
	switch who.Channel {
	case evidence.Sending:
		a.Subject = "Mail settings of " + who.Name
		a.Body = who.Name + " still sends its mail by our old mail server, which will be switched off.\n" + last +
			"Please set the new server in its mail settings (SMTP host), and send a test message.\n"
	case evidence.Login:
		if strings.Contains(who.Name, "@") {
			a.To = who.Name
		}
		a.Subject = "Please set up your mail program anew"
		a.Body = "A mail program or phone still reads the mailbox of " + who.Name + " on our old mail server, which will\nbe switched off. " + last +
			"Please remove the old account there, and set up the new one.\n"
	default:
		return adviceOutside(a, who, s, zone)
	}
	return a
}

// adviceOutside is for a postmaster.
func adviceOutside(a advice, who evidence.Sender, s control.Senders, zone *time.Location) advice {
	if organisation := evidence.OrganisationOf(who.Name); organisation != "" {
		a.To = "postmaster@" + organisation
	}
	domains, since := strings.Join(s.Domains, ", "), ""
	if !s.Switched.IsZero() {
		since = " on " + s.Switched.In(zone).Format("2 January 2006")
	}
	last := who.LastOld.In(zone).Format("2 January 2006, 15:04 MST")
	seen := fmt.Sprintf("Your system %s still delivers to the old address, the last time on\n%s. That address will be switched off.", who.Name, last)
	if who.LastOld.Before(s.Switched) {
		seen = fmt.Sprintf("Your system %s has not sent to us since; the last time was on\n%s. The old address will be switched off.", who.Name, last)
	}
	a.Subject = "Your mail to " + domains + ": the MX record has changed"
	a.Body = fmt.Sprintf(`Our mail moved to another provider%s, and the MX record of %s with it.

%s

Please have it look up the MX record anew: restart what caches DNS, and remove any fixed route,
hosts entry or IP address for our domain. A short test message to any of our addresses
afterwards shows us that it works. Thank you.
`, since, domains, seen)
	return a
}
