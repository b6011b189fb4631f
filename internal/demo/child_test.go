package demo

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program writes a shell script that stands for posthouse.
func program(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "posthouse")
	must(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700))
	return path
}

const reloads = `trap 'echo "2026-11-22 12:00:00 info     configuration read again: 1 change in force" >&2' HUP
trap 'exit 0' TERM
echo "2026-11-22 12:00:00 warning  careful" >&2
echo "2026-11-22 12:00:00 info     posthouse is running" >&2
while :; do sleep 0.05; done
`

// heardLog is a log that tells when something stands in it.
type heardLog struct {
	mu   sync.Mutex
	text strings.Builder
	news chan struct{}
}

func newHeardLog() *heardLog { return &heardLog{news: make(chan struct{}, 100)} }

func (h *heardLog) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text.Write(b)
	h.news <- struct{}{}
	return len(b), nil
}

func (h *heardLog) wait(text string) {
	for {
		h.mu.Lock()
		there := strings.Contains(h.text.String(), text)
		h.mu.Unlock()
		if there {
			return
		}
		<-h.news
	}
}

func startScript(t *testing.T, script string) (*child, *heardLog) {
	t.Helper()
	log := newHeardLog()
	c, err := startChild(program(t, script), "posthouse.toml", day0, time.Now(), log)
	must(t, err)
	t.Cleanup(func() { _ = c.kill() })
	return c, log
}

func TestChildReloadsAndStops(t *testing.T) {
	c, log := startScript(t, reloads)
	log.wait("is running")
	must(t, c.reload(t.Context()))
	must(t, c.reload(t.Context()))
	if got := c.complaints(); len(got) != 1 || !strings.HasSuffix(got[0], "careful") {
		t.Errorf("complaints %q", got)
	}
	c.stop()
	if c.err != nil {
		t.Errorf("ended with %v", c.err)
	}
	c.stop() // once more is harmless
}

func TestChildRefusesToReload(t *testing.T) {
	c, log := startScript(t, strings.Replace(reloads, "info     configuration read again: 1 change in force", "error    1 error: the configuration stays as it was", 1))
	log.wait("is running")
	if err := c.reload(t.Context()); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("reload: %v", err)
	}
}

func TestChildThatDoesNotAnswer(t *testing.T) {
	c, log := startScript(t, strings.Replace(reloads, "echo \"2026-11-22 12:00:00 info     configuration", ": \"", 1))
	log.wait("is running")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("too long"))
	defer cancel()
	if err := c.reload(ctx); err == nil || err.Error() != "too long" {
		t.Errorf("reload: %v", err)
	}
}

func TestChildIsKilled(t *testing.T) {
	c, log := startScript(t, "trap '' TERM\n"+strings.Replace(reloads, "trap 'exit 0' TERM", "", 1))
	log.wait("is running")
	pid := c.cmd.Process.Pid
	must(t, c.kill())
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is still there: %v", err)
	}
	if err := c.ended(); !strings.Contains(err.Error(), "killed") {
		t.Errorf("ended: %v", err)
	}
}

func TestChildThatEndsByItself(t *testing.T) {
	c, _ := startScript(t, "echo '2026-11-22 12:00:00 error    no disk' >&2; exit 3\n")
	<-c.done
	if err := c.ended(); !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("ended: %v", err)
	}
	if err := c.reload(t.Context()); err == nil {
		t.Error("who is gone reloaded")
	}
	if got := c.complaints(); len(got) != 1 || !strings.Contains(got[0], "no disk") {
		t.Errorf("complaints %q", got)
	}
}

func TestChildThatCannotStart(t *testing.T) {
	if _, err := startChild(filepath.Join(t.TempDir(), "nothing"), "x", day0, time.Now(), io.Discard); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestChildGetsTheClock(t *testing.T) {
	log := newHeardLog()
	epoch := time.Date(2026, 11, 23, 19, 0, 0, 500, time.UTC)
	c, err := startChild(program(t, "echo \"$@ $POSTHOUSE_CONFIG $NOTIFY_SOCKET.\" >&2\n"), "/x/posthouse.toml", day0, epoch, log)
	must(t, err)
	<-c.done
	want := "run --config /x/posthouse.toml --progress none --stop-time 5s --clock-start 2026-11-02T00:00:00Z --clock-epoch 2026-11-23T19:00:00.0000005Z --clock-speed 14400  .\n"
	if got := log.text.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/run/systemd/notify")
	t.Setenv("POSTHOUSE_CONFIG", "/etc/posthouse/posthouse.toml")
	t.Setenv("KEPT", "yes")
	all := strings.Join(environment(), "\n")
	if strings.Contains(all, "NOTIFY_SOCKET") || strings.Contains(all, "POSTHOUSE_CONFIG") || !strings.Contains(all, "KEPT=yes") {
		t.Error(all)
	}
}
