package cli

import (
	"context"
	"time"

	"posthouse/internal/control"
)

// ask is one question to the running service.
type ask func(context.Context) (control.Status, error)

// show is what a watching command makes of the status.
type show interface {
	// block is for a terminal of that size; 0 is unknown.
	block(s control.Status, p *speeds, width, height int) []line
	// text is one line, for logs.
	text(s control.Status, p *speeds) string
	// objects are for --json, a line each.
	objects(s control.Status) []any
	// code is the exit code, as an error.
	code(s control.Status) error
}

// watch shows the status until the process is told to end, and then exits by the last one. A service that stops answering after the first time is
// waited for: it may be restarting.
func (a *app) watch(ctx context.Context, ask ask, show show) error {
	ctx, stop := a.untilTold(ctx)
	defer stop()
	w := watcher{app: a, show: show, speeds: newSpeeds(30 * time.Second), screen: newScreen(a.out), every: watchEvery}
	if !a.out.terminal && !a.json {
		w.every, w.speeds = lineEvery, newSpeeds(5*time.Minute)
	}
	last, err := ask(ctx)
	if err != nil {
		return err
	}
	for ctx.Err() == nil && a.out.err == nil {
		w.tell(last, err)
		sleep(ctx, w.every)
		var s control.Status
		if s, err = ask(ctx); err == nil {
			last = s
		}
	}
	return show.code(last)
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

// watcher tells of one status after the other: redrawn on a terminal, else a line or objects each.
type watcher struct {
	app    *app
	show   show
	speeds *speeds
	screen *screen
	every  time.Duration
}

func (w *watcher) tell(s control.Status, err error) {
	a := w.app
	if err == nil {
		w.speeds.add(time.Now(), s)
	}
	switch {
	case a.json && err == nil:
		a.objects(w.show.objects(s))
	case a.json:
	case a.out.terminal:
		w.screen.draw(w.lines(s, err)...)
	case err != nil:
		a.talk.print(line{{warn, err.Error()}})
	default:
		a.out.print(line{{plain, w.show.text(s, w.speeds)}})
	}
}

func (w *watcher) lines(s control.Status, err error) []line {
	width, height := w.app.out.size()
	if err == nil {
		return w.show.block(s, w.speeds, width, height)
	}
	return append([]line{{{warn, err.Error() + "; waiting for it"}}}, w.show.block(s, w.speeds, width, height-1)...)
}

func (a *app) objects(all []any) {
	for _, one := range all {
		a.out.object(one)
	}
}
