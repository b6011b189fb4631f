package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// speed of the clock: one second is four hours.
const speed = 14400

// child is the service as a process of its own.
type child struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and its log was read
	err  error         // why it ended; valid after done

	mu       sync.Mutex
	tail     []string // of its log
	reloads  int      // how often it said that it read the configuration again
	refusals int      // and that it did not take it
	news     chan struct{}
}

// startChild starts `posthouse run` with the demonstration's clock, in a process group of its own: an interrupt from the terminal is ours to handle. The kernel kills it if we are killed.
func startChild(program, config string, day0, epoch time.Time, log io.Writer) (*child, error) {
	c := &child{done: make(chan struct{}), news: make(chan struct{})}
	c.cmd = exec.Command(program, "run", "--config", config, "--progress", "none", "--stop-time", "5s",
		"--clock-start", day0.Format(time.RFC3339Nano), "--clock-epoch", epoch.Format(time.RFC3339Nano), "--clock-speed", strconv.Itoa(speed))
	c.cmd.Env = environment()
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	c.cmd.Stderr = write
	started := make(chan error)
	go c.own(started, read, write, log)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	return c, nil
}

// own starts the process and waits for it, on one thread of the system: the death signal is the thread's, not the process's (prctl(2)).
func (c *child) own(started chan<- error, read, write *os.File, log io.Writer) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.cmd.Start()
	write.Close()
	if err != nil {
		read.Close()
		started <- err
		return
	}
	started <- nil
	listened := make(chan struct{})
	go func() {
		defer close(listened)
		defer read.Close()
		c.listen(io.TeeReader(read, log))
	}()
	c.err = c.cmd.Wait()
	<-listened
	close(c.done)
}

// environment is ours without what is meant for us alone: a service manager's sockets, and where the commands find their configuration.
func environment() []string {
	var env []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		switch name {
		case "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "JOURNAL_STREAM", "POSTHOUSE_CONFIG":
		default:
			env = append(env, pair)
		}
	}
	return env
}

// tailLines is how much of the log is kept for an explanation.
const tailLines = 12

func (c *child) listen(log io.Reader) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		c.heard(lines.Text())
	}
	_, _ = io.Copy(io.Discard, log) // a line too long must not stop the process from writing
}

func (c *child) heard(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case strings.Contains(line, "configuration read again"):
		c.reloads++
		close(c.news)
		c.news = make(chan struct{})
	case strings.Contains(line, "the configuration stays as it was"):
		c.refusals++
		close(c.news)
		c.news = make(chan struct{})
	}
	if level := strings.Fields(line); len(level) < 3 || level[2] == "info" || level[2] == "debug" {
		return
	}
	c.tail = append(c.tail, line)
	c.tail = c.tail[max(0, len(c.tail)-tailLines):]
}

// reload makes the service read its configuration again and returns when it has.
func (c *child) reload(ctx context.Context) error {
	c.mu.Lock()
	before, refused := c.reloads, c.refusals
	c.mu.Unlock()
	if err := c.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		return fmt.Errorf("asking the service to reload: %w", err)
	}
	for {
		c.mu.Lock()
		taken, not, news := c.reloads > before, c.refusals > refused, c.news
		c.mu.Unlock()
		switch {
		case not:
			return errors.New("the service refused the configuration")
		case taken:
			return nil
		}
		select {
		case <-news:
		case <-c.done:
			return c.ended()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// ended is the error of a service that ended by itself; call it after done.
func (c *child) ended() error {
	if c.err == nil {
		return errors.New("the service ended by itself")
	}
	return fmt.Errorf("the service ended by itself: %w", c.err)
}

// kill is kill -9: the service learns nothing of it. It returns when the process is gone.
func (c *child) kill() error {
	err := c.cmd.Process.Kill()
	<-c.done
	return err
}

// stop ends the service in order; one that does not end in time is killed.
func (c *child) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
	select {
	case <-c.done:
	case <-time.After(10 * time.Second):
		_ = c.kill() // it may be gone by now
	}
}

// complaints are the last warnings and errors of its log.
func (c *child) complaints() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.tail...)
}
