package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os/user"
	"path/filepath"
	"syscall"

	"posthouse/config"
	"posthouse/ledger"
	"posthouse/ledger/sqlite"
)

// startFailure says why the service does not start.
func startFailure(err error, cfg *config.Config) error {
	f := &failure{code: exitFailed, what: "posthouse did not start: " + err.Error(), err: err}
	var locked *sqlite.LockedError
	var network *net.OpError
	var group user.UnknownGroupError
	switch {
	case errors.As(err, &group):
		f.code, f.cause, f.next = exitConfig, "control.group names no group of this machine", "groupadd --system "+string(group)+"   (or take the key out of "+cfg.File+")"
	case errors.As(err, &locked):
		f.code, f.what = exitLater, runsAlready(locked)
		f.cause, f.next = "one posthouse per state folder: it is already running", "posthouse status --config "+config.Word(cfg.File)
	case errors.Is(err, ledger.ErrNewerSchema), errors.Is(err, ledger.ErrDamaged):
		f.cause, f.next = unreadable(err, cfg.State)
	case errors.Is(err, syscall.EADDRINUSE) && errors.As(err, &network):
		f.cause, f.next = "another program holds the address", "ss -ltnp 'sport = :"+port(network.Addr)+"'"
	case errors.Is(err, fs.ErrPermission) && errors.As(err, &network):
		f.code, f.cause = exitPermission, "ports below 1024 are root's; systemd hands them over: see the listener's socket key"
		f.next = "systemctl start posthouse"
	case errors.Is(err, fs.ErrPermission):
		f.code, f.cause, f.next = exitPermission, "the service's user has no right to a file or folder it needs", "ls -ld "+config.Word(cfg.State)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ELOOP):
		f.code, f.cause, f.next = exitConfig, "the folder that the key state names cannot be made or written", "ls -ld "+config.Word(cfg.State)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, ledger.ErrNoSpace):
		f.code, f.cause, f.next = exitLater, "the disk is full", "df -h "+config.Word(cfg.State)
	}
	return f
}

// unreadable is why a ledger cannot be opened, and what to do.
func unreadable(err error, state string) (cause, next string) {
	switch {
	case errors.Is(err, ledger.ErrNewerSchema):
		return "this binary is older than the one that ran last on " + state, "posthouse version   (and install the newer one again)"
	case errors.Is(err, ledger.ErrDamaged):
		return "the disk damaged it, or it was copied while posthouse ran",
			"sqlite3 " + config.Word(filepath.Join(state, "ledger.db")) + " 'PRAGMA integrity_check'   (then put a backup back: docs/operations.md, Backup)"
	}
	return "", "ls -l " + config.Word(state)
}

func runsAlready(l *sqlite.LockedError) string {
	if l.Pid == 0 {
		return "posthouse is already running on " + l.Folder
	}
	return fmt.Sprintf("posthouse is already running on %s (pid %d)", l.Folder, l.Pid)
}

func port(a net.Addr) string {
	if a == nil {
		return ""
	}
	_, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return port
}
