package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"posthouse/config"
	"posthouse/internal/control"
	"posthouse/internal/demo"
	"posthouse/ledger"
	"posthouse/ledger/sqlite"
)

func TestExplain(t *testing.T) {
	tests := []struct {
		name string
		err  error
		code int
		say  string
	}{
		{"not running", fmt.Errorf("asking: %w (connect: no such file)", control.ErrNotRunning), exitUnreachable, "posthouse is not running: nobody listens at /s"},
		{"no right", fmt.Errorf("asking: %w (%w)", control.ErrNotRunning, fs.ErrPermission), exitPermission, "no right to talk to posthouse at /s"},
		{"hung up", fmt.Errorf("asking: %w", io.EOF), exitPermission, "hung up without an answer"},
		{"cut", fmt.Errorf("asking: %w", syscall.ECONNRESET), exitPermission, "hung up without an answer"},
		{"hangs", fmt.Errorf("asking: %w", context.DeadlineExceeded), exitLater, "did not answer within 20s"},
		{"anything", errors.New("ledger is closed"), exitFailed, "ledger is closed"},
	}
	for _, tt := range tests {
		r := &remote{place: place{socket: "/s"}, config: "/c.toml"}
		var f *failure
		if err := r.explain(tt.err); !errors.As(err, &f) || f.code != tt.code || !strings.Contains(f.what, tt.say) || f.next == "" || !errors.Is(err, tt.err) {
			t.Errorf("%s: got %+v", tt.name, f)
		}
	}
	answered := &remote{place: place{socket: "/s"}, answered: true}
	var f *failure
	if err := answered.explain(io.EOF); !errors.As(err, &f) || f.code != exitLater || !strings.Contains(f.what, "ended before it was done") {
		t.Errorf("hung up after an answer: got %+v", f) // it let us before: that is no matter of rights
	}
	if err := (&remote{}).explain(nil); err != nil {
		t.Errorf("nothing gave %v", err)
	}
}

func TestStartCommand(t *testing.T) {
	for config, want := range map[string]string{defaultConfig: "systemctl start posthouse", "/tmp/x.toml": "posthouse run --config /tmp/x.toml", "/tmp/x y.toml": "posthouse run --config '/tmp/x y.toml'"} {
		if got := (&remote{config: config}).startCommand(); got != want {
			t.Errorf("%s: got %q, want %q", config, got, want)
		}
	}
}

func TestAsRoot(t *testing.T) {
	for config, want := range map[string]string{defaultConfig: "sudo posthouse status", "/tmp/x.toml": "sudo posthouse status --config /tmp/x.toml", "/tmp/x y.toml": "sudo posthouse status --config '/tmp/x y.toml'"} {
		var f *failure
		if err := (&remote{place: place{socket: "/s"}, config: config}).explain(fs.ErrPermission); !errors.As(err, &f) || f.next != want {
			t.Errorf("%s: got %q, want %q", config, f.next, want)
		}
	}
}

// A service that turns a stranger away closes the connection without a word.
func TestStatusFromAServiceThatHangsUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	_, err = (&remote{place: place{socket: path}, client: control.Dial(path)}).status(t.Context())
	ln.Close()
	<-done
	var f *failure
	if !errors.As(err, &f) || f.code != exitPermission {
		t.Errorf("got %v", err)
	}
}

func TestSocketPath(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "/var/lib/posthouse/control.sock",
		`state = "/srv/cutover"`:                 "/srv/cutover/control.sock",
		"[control]\nsocket = \"/run/here.sock\"": "/run/here.sock",
		`state = "s"`:                            "DIR/s/control.sock",
		"[control]\nsocket = \"here.sock\"\n[quite]\nwrong = 1": "DIR/here.sock",
	} {
		path := writeConfig(t, text)
		got, broken, err := (&app{config: path}).place()
		if err != nil || broken != nil || got.socket != strings.Replace(want, "DIR", filepath.Dir(path), 1) {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
}

// A slip of the pen hides nothing that other lines say.
func TestSocketPathOfABrokenFile(t *testing.T) {
	for text, want := range map[string]string{
		"domains = [\"a.example\"\nstate = \"s\"\n[servers.legacy\nside = \"legacy\"": "DIR/s/control.sock",
		"organisation = \"x\nstate = \"/srv/cutover\" # here":                         "/srv/cutover/control.sock",
		"state = \"s": "/var/lib/posthouse/control.sock",
		"oops\n[listeners.mx]\nsocket = \"mx\"\n[control] # who asks\nsocket = \"here.sock\"": "DIR/here.sock",
		"oops\ncontrol.socket = \"/run/here.sock\"":                                           "/run/here.sock",
	} {
		path := writeConfig(t, text)
		got, broken, err := (&app{config: path}).place()
		var f *failure
		if err != nil || !errors.As(broken, &f) || f.code != exitConfig || got.socket != strings.Replace(want, "DIR", filepath.Dir(path), 1) {
			t.Errorf("%q: got %q, %v, %v", text, got, broken, err)
		}
	}
}

func TestResultThatCannotBeWritten(t *testing.T) {
	var stderr buffer
	if code := Main([]string{"version"}, Build{}, strings.NewReader(""), fullDisk{}, &stderr); code != exitFailed || !strings.Contains(stderr.String(), "writing the result: short write") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
}

func TestBuild(t *testing.T) {
	info := &debug.BuildInfo{Main: debug.Module{Version: "v0.9.0"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.time", Value: "2026-11-23T18:40:00Z"}, {Key: "vcs.modified", Value: "true"}}}
	said, found := Build{Version: "v1.0.0"}, Build{}
	said.read(info)
	found.read(info)
	if said.Version != "v1.0.0" || found.Version != "v0.9.0" || found.Commit != "0123456789abcdef" || !found.Changed || found.Date != "2026-11-23T18:40:00Z" {
		t.Errorf("got %+v and %+v", said, found)
	}
	if got := ThisBuild(""); got.Version == "" {
		t.Error("no version at all")
	}
	v := versionObject{Version: "v1.0.0", Commit: "0123456789abcdef", Changed: true, Date: "2026-11-23", Go: "go1.26", Platform: "linux/amd64"}
	if got, want := versionView(v)[0].String(), "posthouse v1.0.0   0123456789ab and changes   2026-11-23   go1.26 linux/amd64"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What is to be typed next can be copied as it stands.
func TestCommandsWithBlanks(t *testing.T) {
	for what, got := range map[string]string{
		"a wrong configuration": configFailure("/two words/x.toml", errors.New("no")).(*failure).next,
		"one posthouse more":    startFailure(&sqlite.LockedError{}, &config.Config{File: "/two words/x.toml"}).(*failure).next,
		"a full disk":           startFailure(syscall.ENOSPC, &config.Config{State: "/two words/x.toml"}).(*failure).next,
		"a damaged ledger":      startFailure(ledger.ErrDamaged, &config.Config{State: "/two words/x.toml"}).(*failure).next,
		"a demonstration":       demoHolding(demo.Event{Opened: &demo.Servers{Program: "posthouse", Config: "/two words/x.toml"}})[1].String(),
	} {
		if !strings.Contains(got, " '/two words/x.toml") {
			t.Errorf("%s: %s", what, got)
		}
	}
}
