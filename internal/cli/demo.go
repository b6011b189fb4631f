package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"posthouse/internal/demo"
)

func newDemo(a *app) *cobra.Command {
	var o demo.Options
	c := &cobra.Command{
		Use: "demo", Short: "Play a whole cutover on this machine: loopback, a temporary folder, under two minutes", Args: cobra.NoArgs,
		Long: `Plays a whole cutover, from the first copy to the verdict, with an old and a new server of its own: on loopback, in a temporary folder,
without root. It ends by itself and leaves nothing behind. At the end both servers are compared item by item.

Exit code: 0 when every message is in the new mailboxes, none is there twice, and the verdict is READY; else 1.`,
		RunE: func(c *cobra.Command, _ []string) error { return a.demo(c.Context(), o) },
	}
	c.Flags().BoolVar(&o.Hold, "hold", false, "keep everything up at the end, to look around, until interrupted")
	c.Flags().Uint64Var(&o.Seed, "seed", 1, "other mail of the same kinds")
	c.Flags().BoolVar(&o.Small, "small", false, "a short one of few messages, for tests")
	_ = c.Flags().MarkHidden("small") // it only fails for a flag that is not there
	return c
}

func (a *app) demo(ctx context.Context, o demo.Options) (err error) {
	if o.Program, err = os.Executable(); err != nil {
		return err
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	told, stop := a.signals()
	defer stop()
	// Without a reader of our words we still have to clean up.
	signal.Ignore(syscall.SIGPIPE)
	go func() {
		select {
		case <-told:
			end()
		case <-ctx.Done():
		}
	}()
	t := teller{app: a, screen: newScreen(a.out), end: end}
	o.Tell = t.tell
	o.Check = func(path string) error { _, err := load(path); return err }
	err = demo.Run(ctx, o)
	t.screen.draw()
	var f *demo.Failure
	if errors.As(err, &f) && len(f.Log) > 0 {
		a.say(demoLog(f.Log)...)
	}
	return demoFailure(err, a.out.err, t.done)
}

// demoFailure words how a demonstration failed. An interrupt after its end is how a held one ends.
func demoFailure(err, writing error, done bool) error {
	var f *demo.Failure
	switch {
	case err == nil, errors.Is(err, context.Canceled) && done:
		return nil
	case errors.Is(err, demo.ErrFound):
		return &failure{code: exitFailed, what: err.Error(), err: err, next: "posthouse demo --hold   keeps both servers up to look at"}
	case writing != nil:
		return writing
	case errors.As(err, &f):
		return &failure{code: exitFailed, what: "the demonstration did not come to its end: " + f.Error(), err: err, next: "posthouse demo --hold   keeps both servers up to look at"}
	case errors.Is(err, context.Canceled):
		return &failure{code: exitFailed, what: "interrupted", err: err}
	}
	return err
}

// teller puts out what the demonstration tells.
type teller struct {
	*app
	screen *screen
	end    func()
	ready  demo.Event
	done   bool
	last   time.Time // of the last thing put out
}

// silence is how long nothing may be put out where a line cannot be redrawn.
const silence = 4 * time.Second

func (t *teller) tell(e demo.Event) {
	passing := e.Kind == demo.Copying || e.Kind == demo.Waiting || e.Kind == demo.Passing
	switch {
	case e.Kind == demo.Ready:
		t.ready = e
	case e.Kind == demo.Compared:
		t.done = true
	}
	if redrawn := t.out.terminal && !t.json; !redrawn && (e.Kind == demo.Passing || passing && time.Since(t.last) < silence) {
		return
	}
	switch lines := demoView(e, t.ready); {
	case t.json:
		t.out.object(e)
	case t.quiet && e.Kind != demo.Compared && e.Kind != demo.Holding || len(lines) == 0:
		return
	case passing && t.out.terminal:
		t.screen.draw(lines...)
	default:
		t.screen.draw()
		t.out.print(lines...)
	}
	t.last = time.Now()
	if t.out.err != nil {
		t.end()
	}
}
