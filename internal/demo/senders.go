package demo

import (
	"fmt"
	"time"

	"posthouse/internal/testserver/corpus"
)

// habit is how soon a sender's system learns of the new MX records.
type habit string

const (
	prompt habit = "prompt" // at once
	slow   habit = "slow"   // after days: its DNS cache, or somebody's configuration
	pinned habit = "pinned" // the old mailbox server's address stands in a hosts file: its mail goes past the listener
	sticky habit = "sticky" // the very last
)

// sender is one system elsewhere that sends mail.
type sender struct {
	host  string // says so after EHLO
	from  string
	ip    string
	habit habit
	// learns is how long after the switch it finds the new server.
	learns time.Duration
}

var senderNames = []string{
	"payroll@acme", "orders@supplier", "cad@partner", "news@gazette", "ticket@support", "noreply@bank", "hr@agency", "fax@telco", "office@lawyers", "billing@hosting",
	"service@lifts", "info@chamber", "dispatch@courier", "sensor@heating", "reports@auditor", "booking@travel", "sales@paper", "lab@institute", "school@city", "press@herald",
	"claims@insurer", "export@shipping", "desk@printing", "team@design", "quality@foundry", "supply@steel", "garage@fleet", "kitchen@catering", "alarm@security", "parking@garages",
	"rent@estates", "water@utility", "power@grid", "labels@pack", "scans@archive", "jobs@board", "events@fair", "backup@vault", "union@works", "post@parcel",
}

// newSenders gives every sender an address of its own on loopback and a habit.
func newSenders() []sender {
	all := make([]sender, len(senderNames))
	for i, name := range senderNames {
		s := sender{from: name + ".example", ip: fmt.Sprintf("127.0.1.%d", i+1), habit: prompt}
		s.host = "mail." + hostOf(s.from)
		switch {
		case i == 0:
			s.habit = sticky
		case i%3 == 1:
			s.habit, s.learns = slow, time.Duration(18+7*i%110)*time.Hour
		case i%8 == 3:
			s.habit = pinned
		}
		all[i] = s
	}
	return all
}

func (s sender) address() corpus.Address { return corpus.Address{Addr: s.from} }

func hostOf(address string) string {
	for i := range address {
		if address[i] == '@' {
			return address[i+1:]
		}
	}
	return address
}
