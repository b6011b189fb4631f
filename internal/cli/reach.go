package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"posthouse/config"
	"posthouse/internal/control"
)

// answerTime is how long the service may think about one question. It answers in milliseconds; who takes longer hangs, or has no disk.
const answerTime = 20 * time.Second

// reach finds the running service. It does not connect yet.
func (a *app) reach() (*remote, error) {
	at, broken, err := a.place()
	if err != nil {
		return nil, err
	}
	r := &remote{place: at, config: a.config, client: control.Dial(at.socket), broken: broken}
	r.warn = sync.OnceFunc(func() { a.say(brokenView(broken, at.socket)...) })
	return r, nil
}

// quietly finds the running service for those to whom a broken configuration is no matter here.
func (a *app) quietly() (*remote, error) {
	r, err := a.reach()
	if err == nil {
		r.warn = func() {}
	}
	return r, err
}

// brokenView warns that the file cannot be read, though the service answers.
func brokenView(broken error, socket string) []line {
	return append(warnings(broken), line{{warn, "! "}, {plain, "the running service, at " + socket + ", is not touched by this; a restart would fail"}})
}

// warnings are what is wrong with a configuration that is not needed here.
func warnings(broken error) []line {
	var lines []line
	var f *failure
	if errors.As(broken, &f) {
		for _, p := range f.problems {
			lines = append(lines, problemLines(p, "warning: ")...)
		}
	}
	return lines
}

// remote is the running service as the commands see it: its errors are failures.
type remote struct {
	place
	config string
	client *control.Client
	// alone: there is no service, this very command answers; when it has ended, no other one gets an answer.
	alone bool
	// answered: it did so once, so that it is there, and lets us.
	answered bool
	broken   error  // why the configuration cannot be read; nil if it can
	warn     func() // of that
}

func (r *remote) status(ctx context.Context) (control.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	s, err := r.client.Status(ctx)
	if err == nil && s.Schema != control.StatusSchema {
		return s, otherVersion(s.Schema, control.StatusSchema)
	}
	r.answered = r.answered || err == nil
	return s, r.explain(err)
}

// about is mail's.
func (r *remote) about(ctx context.Context) (domains []string, at time.Time, err error) {
	s, err := r.status(ctx)
	return s.Domains, s.At, err
}

// close is mail's: nothing keeps the service from anything.
func (r *remote) close() error { return nil }

// remedy gives a failure about mailboxes or waves a command that lists them where no service runs.
func (r *remote) remedy(err error) error {
	var f *failure
	if r.alone && errors.As(err, &f) {
		f.next = "posthouse backfill --plan"
	}
	return err
}

func (r *remote) verify(ctx context.Context, mailboxes []string, full bool, yield func(control.Verified) error) error {
	return r.explain(r.client.Verify(ctx, mailboxes, full, yield))
}

func (r *remote) backfill(ctx context.Context, mailboxes []string, yield func(control.Backfilled) error) error {
	return r.explain(r.client.Backfill(ctx, mailboxes, yield))
}

func (r *remote) plan(ctx context.Context, mailboxes []string, yield func(control.Planned) error) error {
	return r.explain(r.client.Plan(ctx, mailboxes, yield))
}

func otherVersion(got, want string) error {
	return &failure{
		code: exitFailed, what: fmt.Sprintf("the running service answers in %q, this command reads %q", got, want),
		cause: "posthouse was updated and not restarted", next: "systemctl restart posthouse",
	}
}

// asRoot is a command for root, who has neither our environment nor our folder.
func asRoot(command, file string) string {
	if file == defaultConfig {
		return "sudo posthouse " + command
	}
	if path, err := filepath.Abs(file); err == nil {
		file = path
	}
	return "sudo posthouse " + command + " --config " + config.Word(file)
}

// explain makes a failure of what the client says.
func (r *remote) explain(err error) error {
	if r.broken != nil {
		if errors.Is(err, control.ErrNotRunning) && !errors.Is(err, fs.ErrPermission) {
			return r.broken // the service may be elsewhere, or it ended by this
		}
		r.warn()
	}
	f := &failure{what: "", err: err}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrPermission):
		f.code, f.what = exitPermission, "no right to talk to posthouse at "+r.socket
		f.cause, f.next = "only root, the service's user and the members of control.group may", asRoot("status", r.config)
	case errors.Is(err, control.ErrNotRunning):
		f.code, f.what = exitUnreachable, "posthouse is not running: nobody listens at "+r.socket
		f.cause, f.next = "it was not started, or it ended; journalctl -u posthouse tells why", r.startCommand()
	case hungUp(err) && r.answered:
		f.code, f.what = exitLater, "posthouse ended before it was done"
		f.cause, f.next = "it was stopped or killed, or it failed; what was done stays done", "journalctl -u posthouse -n 50"
	case hungUp(err):
		f.code, f.what = exitPermission, "posthouse hung up without an answer at "+r.socket
		f.cause, f.next = "you are neither root nor in control.group, or it is just stopping", asRoot("status", r.config)
	case errors.Is(err, context.DeadlineExceeded):
		f.code, f.what = exitLater, fmt.Sprintf("posthouse did not answer within %s at %s", answerTime, r.socket)
		f.cause, f.next = "it hangs, or its disk does", "journalctl -u posthouse -n 50"
	default:
		f.code, f.what, f.next = exitFailed, err.Error(), "journalctl -u posthouse -n 50"
	}
	return f
}

// hungUp recognises a connection that was closed without an answer. net/http has an error of its own for it that it does not export, when the close comes before the question.
func hungUp(err error) bool {
	for _, sign := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, sign) {
			return true
		}
	}
	return strings.Contains(err.Error(), "server closed idle connection")
}

// startCommand is systemd's for the configuration that its unit uses.
func (r *remote) startCommand() string {
	if r.config == defaultConfig {
		return "systemctl start posthouse"
	}
	return "posthouse run --config " + config.Word(r.config)
}
