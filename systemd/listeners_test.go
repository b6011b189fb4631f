package systemd

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// activate starts the test binary as a service with files as its sockets.
func activate(t *testing.T, names string, files []*os.File, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childMode+"=1", "LISTEN_PID=self",
		fmt.Sprintf("LISTEN_FDS=%d", len(files)), "LISTEN_FDNAMES="+names)
	cmd.Env = append(cmd.Env, env...)
	cmd.ExtraFiles = files
	cmd.Stderr = os.Stderr
	return cmd
}

func tcpFile(t *testing.T) (*os.File, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, l.Addr().String()
}

func TestListenersComeByName(t *testing.T) {
	mx, mxAddr := tcpFile(t)
	sub, subAddr := tcpFile(t)
	sub2, sub2Addr := tcpFile(t)
	cmd := activate(t, "mx:submission:submission", []*os.File{mx, sub, sub2})
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct{ addr, greeting string }{
		{mxAddr, "220 mx\r\n"}, {subAddr, "220 submission\r\n"}, {sub2Addr, "220 submission\r\n"},
	} {
		conn, err := net.Dial("tcp", want.addr)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(conn)
		conn.Close()
		if err != nil || string(got) != want.greeting {
			t.Errorf("%s greets %q, %v; want %q", want.addr, got, err, want.greeting)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("child: %v", err)
	}
	want := "again 0 <nil>\nlistener mx tcp\nlistener submission tcp\nlistener submission tcp\nend\n"
	if out.String() != want {
		t.Errorf("child says\n%swant\n%s", out.String(), want)
	}
}

func TestListenersWithoutActivation(t *testing.T) {
	mx, _ := tcpFile(t)
	cmd := activate(t, "mx", []*os.File{mx}, "LISTEN_PID=1")
	out, err := cmd.Output()
	if want := "again 0 <nil>\nend\n"; err != nil || string(out) != want {
		t.Errorf("sockets meant for another process: child says %q, %v; want %q", out, err, want)
	}
}

func TestListenersRefuseADatagramSocket(t *testing.T) {
	mx, _ := tcpFile(t)
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	udp, err := pc.(*net.UDPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	cmd := activate(t, "mx:odd", []*os.File{mx, udp})
	out, err := cmd.Output()
	if err == nil || !strings.HasPrefix(string(out), `error taking socket "odd" from systemd: `) {
		t.Errorf("child says %q, %v; want an error that names the socket", out, err)
	}
}
