package evidence

import "slices"

// Crowd is an address behind which many clients hide: a router that masquerades. Who of them uses the old side cannot be named.
type Crowd struct {
	Address string   `json:"address"`
	Names   []string `json:"names"` // as which they greeted
}

// crowds are no hindrance by themselves; of a verdict that is not ready they explain why it does not name everybody.
func (j *judgement) crowds() []Reason {
	var reasons []Reason
	for _, c := range j.t.work.Crowds {
		reasons = append(reasons, Reason{
			Code: Hidden, Text: "clients are hidden behind " + c.Address + ": who sends there cannot be named", Senders: slices.Clone(c.Names),
			Help: "let the router keep their addresses (no masquerading), or use the PROXY protocol",
		})
	}
	return reasons
}

func cloneCrowds(all []Crowd) []Crowd {
	all = slices.Clone(all)
	for i := range all {
		all[i].Names = slices.Clone(all[i].Names)
	}
	return all
}
