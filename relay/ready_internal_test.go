package relay

import (
	"testing"

	"posthouse/ledger"
)

// What is Sending and waits keeps its bodies in memory as far as there is room; the rest is read when it goes out.
func TestBodiesOfWhatIsSending(t *testing.T) {
	const fit = keptRoom / maxKept
	r := ready{queued: map[ledger.DeliveryID]bool{}}
	add := func(n int) {
		for range n {
			r.addBegun([]*departure{{group: []ledger.Delivery{{ID: 1}}, octets: make([]byte, maxKept)}})
		}
	}
	kept := func() (n int) {
		for _, d := range r.begun {
			if d.octets != nil {
				n++
			}
		}
		return n
	}
	add(fit + 3)
	if kept() != fit {
		t.Errorf("%d bodies are kept, want %d", kept(), fit)
	}
	next, _ := r.nextBegun()
	r.putBack(next)
	if add(1); kept() != fit {
		t.Errorf("after one was put back %d are kept, want %d", kept(), fit)
	}
	r.nextBegun()
	if add(1); kept() != fit {
		t.Errorf("after one has left %d are kept, want %d", kept(), fit)
	}
	r.withdraw(func(ledger.Delivery) bool { return true })
	if r.held != 0 {
		t.Errorf("%d octets are counted when nothing waits", r.held)
	}
	if add(1); kept() != 1 {
		t.Error("there is no room when nothing waits")
	}
}
