package cli

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/internal/control"
	"posthouse/systemd"
)

// progressStyle is how the first copy is shown: bars, log lines, or neither.
func (a *app) progressStyle(name string) (bars, lines bool, err error) {
	switch name {
	case "auto":
		bars = a.talk.terminal && !a.json
		return bars && !a.quiet, !bars && !a.quiet, nil
	case "bars":
		return a.talk.terminal, !a.talk.terminal, nil
	case "lines":
		return false, true, nil
	case "none":
		return false, false, nil
	}
	return false, false, &failure{
		code: exitUsage, what: fmt.Sprintf("--progress %q%s", name, didYouMean(name, []string{"auto", "bars", "lines", "none"})), next: "posthouse run --help",
	}
}

// progress shows the first copy while the service runs: bars that are redrawn each second, or a line a minute in the log. It asks by the control socket, as every other
// command does, and keeps the line that `systemctl status` shows.
type progress struct {
	screen *screen
	log    logrus.FieldLogger
	zone   *time.Location
	bars   bool
	lines  bool
	once   bool              // nothing follows the first copy
	told   map[string]string // why mailboxes need attention, by their addresses; nil where the service's own log tells it here

	cancel context.CancelFunc
	loop   sync.WaitGroup
	said   string // the last line in the log
	begun  time.Time
	seen   bool // the copy was under way
}

// begin starts to watch; end must be called.
func (p *progress) begin(ctx context.Context, socket string) {
	r := &remote{place: place{socket: socket}, client: control.Dial(socket)}
	p.beginWith(ctx, r.status)
}

func (p *progress) beginWith(ctx context.Context, ask ask) {
	ctx, p.cancel = context.WithCancel(ctx)
	p.begun = time.Now()
	p.loop.Go(func() { p.watch(ctx, ask) })
}

// end takes the bars away.
func (p *progress) end() {
	p.cancel()
	p.loop.Wait()
	p.screen.draw()
}

func (p *progress) watch(ctx context.Context, ask ask) {
	every, window := lineEvery, 5*time.Minute
	if p.bars {
		every, window = watchEvery, 30*time.Second
	}
	speeds := newSpeeds(window)
	for pause := watchEvery; sleep(ctx, pause); pause = every {
		s, err := ask(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil: // the service itself logs what ails it; here only the show stops
			p.screen.draw()
			continue
		}
		speeds.add(time.Now(), s)
		p.show(s, speeds)
		if !copying(s.Copy) {
			every = lineEvery
		} else if p.bars {
			every = watchEvery
		}
	}
}

func (p *progress) show(s control.Status, speeds *speeds) {
	if err := systemd.Status(summaryText(s, speeds.all.rate(), p.zone)); err != nil {
		p.log.WithError(err).Debug("the service manager was not told")
	}
	if !copying(s.Copy) {
		p.finish(s)
		return
	}
	p.seen = true
	if p.bars {
		_, height := p.screen.p.size()
		p.screen.draw(progressView(s, speeds, p.zone, max(height/2, 3))...)
	}
	if text := progressText(s, speeds.all.rate()); p.lines && text != p.said {
		p.said = text
		p.log.Info(text)
	}
	p.reasons(s)
}

// reasons tells in the log why mailboxes need attention, once for each reason.
func (p *progress) reasons(s control.Status) {
	if !p.lines || p.told == nil {
		return
	}
	for _, m := range s.Mailboxes {
		why := ""
		switch {
		case needsAttention(m):
			why = m.Error
		case m.Objects != nil:
			why = m.Objects.Error
		}
		if why != "" && why != p.told[m.Address] {
			p.log.WithField("mailbox", m.Address).Warn(why)
		}
		p.told[m.Address] = why
	}
}

// finish takes the bars away and says that the first copy is done, once.
func (p *progress) finish(s control.Status) {
	p.screen.draw()
	if p.seen && !p.once {
		p.seen = false
		p.log.WithFields(logrus.Fields{
			"mailboxes": s.Copy.Mailboxes, "messages": s.Copy.Messages, "bytes": s.Copy.Bytes, "after": time.Since(p.begun).Round(time.Second),
		}).Info("the first copy is done; following")
	}
}
