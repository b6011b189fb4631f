package cli

import (
	"context"
	"errors"
	"slices"

	"posthouse/config"
	"posthouse/systemd"
)

// reload reads the configuration again and applies what may change while the service runs. If any part is wrong, all stays as it was.
func (r *running) reload(ctx context.Context) {
	r.tell(systemd.Reloading())
	defer func() { r.tell(systemd.Ready()) }()
	next, err := config.Load(r.cfg.File)
	if err != nil {
		r.refused(err)
		return
	}
	changes, err := r.service.Reload(ctx, next)
	if err != nil {
		r.refused(err)
		return
	}
	setLevel(r.log, next.Log.Level)
	r.changed(next, changes)
}

// refused logs every problem with its place; the service manager is not told of it, so the status is.
func (r *running) refused(err error) {
	problems := problemsOf(r.cfg.File, err)
	for _, p := range problems {
		p.Source = "" // the log has one line for each
		r.log.Error(p.String())
	}
	first := problems[0]
	first.Source = ""
	r.service.Refused(len(problems), first.String())
	r.log.Error(counted(len(problems), "error", "errors") + ": the configuration stays as it was; see posthouse config validate --config " + config.Word(r.cfg.File))
}

func (r *running) changed(next *config.Config, changes []config.Change) {
	restart := 0
	for _, c := range changes {
		r.log.Info("configuration: " + c.String())
		if !c.Live {
			restart++
		}
	}
	for _, w := range slices.Concat(next.Warnings, next.Dangers) {
		w.Source = ""
		r.log.Warn(w.String())
	}
	switch {
	case len(changes) == 0:
		r.log.Info("configuration read again: no difference")
	case restart == 0:
		r.log.Info("configuration read again: " + counted(len(changes), "change", "changes") + " in force")
	default:
		r.log.Warn("configuration read again: " + count(len(changes)-restart) + " in force, " + counted(restart, "change takes", "changes take") + " a restart: systemctl restart posthouse")
	}
}

func (r *running) tell(err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		r.log.WithError(err).Warn("the service manager was not told")
	}
}
