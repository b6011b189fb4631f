package evidence

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Led is a domain whose mail is still led to the old side by its MX records.
type Led struct {
	Domain string    `json:"domain"`
	Hosts  []string  `json:"hosts"`          // those of the old side, ours or the old server's own
	Server bool      `json:"server"`         // to the old server itself: mail comes to its mailboxes past our listeners
	Since  time.Time `json:"since,omitzero"` // when it was found to lead back, after it was switched
}

// led lists the domains whose mail goes where the verdict would have nobody listen.
func (j *judgement) led() []Reason {
	var reasons []Reason
	for _, l := range j.t.work.Led {
		if !l.Server && !j.LedToUs {
			continue
		}
		where := "to our listeners"
		if l.Server {
			where = "to the old server"
		}
		reasons = append(reasons, Reason{
			Code: MXRecord, Senders: []string{l.Domain}, Since: l.Since,
			Text: fmt.Sprintf("the MX record of %s leads %s: %s", l.Domain, where, strings.Join(l.Hosts, ", ")), Help: "switch it to the cloud; posthouse dns shows it",
		})
	}
	return reasons
}

func cloneLed(all []Led) []Led {
	all = slices.Clone(all)
	for i := range all {
		all[i].Hosts = slices.Clone(all[i].Hosts)
	}
	return all
}
