package bridge_test

import (
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
)

// cutAfter breaks the line to the cloud for good as soon as a step of that kind is reached.
func (w *world) cutAfter(step string) {
	cut := false
	w.new().SetFault(func(op string, _ int) error {
		if cut = cut || op == step; cut {
			return bridge.ErrConnection
		}
		return nil
	})
}

// Flags were written into the cloud, and nobody noted it. Then the old side's are once more what they were at first, which is what is noted of the copy: they are written all the same, whatever else
// happened to the message meanwhile.
func TestFlagsThatAreTakenBackAfterALostReply(t *testing.T) {
	cases := map[string]struct {
		before, between func(w *world) // the flags are written, and before they are taken back
		in              cutover.FolderPath
	}{
		"and no more":          {in: inbox},
		"and moved":            {in: projects, between: func(w *world) { w.old().Move(inbox, held(w.t, w.old(), inbox, "moved").Ref, projects) }},
		"and renumbered":       {in: inbox, between: func(w *world) { w.old().Renew(inbox) }},
		"after a renumbering":  {in: inbox, before: func(w *world) { w.old().Renew(inbox) }},
		"between renumberings": {in: inbox, before: func(w *world) { w.old().Renew(inbox) }, between: func(w *world) { w.old().Renew(inbox) }},
		"and seen in vain":     {in: inbox, between: func(w *world) { flag(w.t, w.old(), "moved", `\Seen`); w.cutAfter(memstore.OpFlags); w.run(time.Minute) }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w, _ := moving(t, memstore.Options{})
				w.stop()
				flag(t, w.old(), "moved")
				if c.before != nil {
					c.before(w)
				}
				w.cutAfter(memstore.OpFlagged)
				w.run(time.Minute)
				wantFlags(t, w.new(), inbox, "moved")
				if c.between != nil {
					c.between(w)
				}
				w.old().SetFlags(c.in, held(t, w.old(), c.in, "moved").Ref, `\Seen`)
				w.new().SetFault(nil)
				w.run(10 * time.Minute)
				wantFlags(t, w.new(), c.in, "moved", `\Seen`)
			})
		})
	}
}

// While it is not known where a copy lies, as the cloud's references ended, flags change on the old side: they are written when it is found.
func TestFlagsThatWaitedForTheCopyToBeFound(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w, _ := moving(t, memstore.Options{})
		w.stop()
		w.new().AddFolder(cutover.Folder{Path: aside, Kind: cutover.Mail})
		there := w.new().Move(inbox, held(t, w.new(), inbox, "moved").Ref, aside)
		w.new().Renew(inbox)
		w.run(time.Minute)
		flag(t, w.old(), "moved", `\Flagged`)
		w.run(time.Minute)
		w.new().Move(aside, there, inbox)
		for _, step := range []string{memstore.OpFlags, memstore.OpFlagged} {
			w.cutAfter(step)
			w.old().Deliver(inbox, memstore.Message{Raw: mail(step, "hello"), Date: time.Now()})
			w.run(time.Minute)
		}
		w.new().SetFault(nil)
		w.run(10 * time.Minute)
		wantFlags(t, w.new(), inbox, "moved", `\Flagged`)
	})
}
