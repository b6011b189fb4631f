package cli

import (
	"context"
	"slices"
	"time"

	"posthouse/internal/control"
)

// ask is one question to the running service.
type ask func(context.Context) (control.Status, error)

// watch shows the status until the process is told to end, and then exits by the last verdict. A service that stops answering after the first time is
// waited for: it may be restarting.
func (a *app) watch(ctx context.Context, ask ask) error {
	ctx, stop := a.untilTold(ctx)
	defer stop()
	w := watcher{app: a, speeds: newSpeeds(30 * time.Second), screen: newScreen(a.out), every: watchEvery}
	if !a.out.terminal && !a.json {
		w.every, w.speeds = lineEvery, newSpeeds(5*time.Minute)
	}
	last, err := ask(ctx)
	if err != nil {
		return err
	}
	for ctx.Err() == nil && a.out.err == nil {
		w.show(last, err)
		sleep(ctx, w.every)
		var s control.Status
		if s, err = ask(ctx); err == nil {
			last = s
		}
	}
	return verdictStatus(last)
}

// sleep waits; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// watcher shows one status after the other: redrawn on a terminal, else a line or an object each.
type watcher struct {
	app    *app
	speeds *speeds
	screen *screen
	every  time.Duration
}

func (w *watcher) show(s control.Status, err error) {
	a := w.app
	if err == nil {
		w.speeds.add(time.Now(), s)
	}
	switch {
	case a.json && err == nil:
		a.out.object(s)
	case a.json:
	case a.out.terminal:
		w.screen.draw(w.view(s, err)...)
	case err != nil:
		a.talk.print(line{{warn, err.Error()}})
	default:
		a.out.print(line{{plain, summaryText(s, w.speeds.all.rate(), a.zone)}})
	}
}

// view is the status and, below it, the bars while the first copy runs.
func (w *watcher) view(s control.Status, err error) []line {
	width, height := w.app.out.size()
	lines := statusView(s, w.speeds.all.rate(), w.app.zone, width)
	if copying(s.Copy) {
		s.Mailboxes = withoutErrors(s.Mailboxes) // they are named above
		lines = append(lines, progressView(s, w.speeds, w.app.zone, max(height-len(lines)-4, 3))...)
	}
	if err != nil {
		lines = append([]line{{{warn, err.Error() + "; waiting for it"}}}, lines...)
	}
	return lines
}

func withoutErrors(all []control.Mailbox) []control.Mailbox {
	return slices.DeleteFunc(slices.Clone(all), func(m control.Mailbox) bool { return m.Error != "" })
}
