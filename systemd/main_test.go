package systemd

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"testing"
)

// childMode, set in its environment, makes the test binary play a service: one
// that systemd started with sockets, or one that looks for its users.
const childMode = "POSTHOUSE_TEST_ACTIVATED"

func TestMain(m *testing.M) {
	switch os.Getenv(childMode) {
	case "":
		os.Exit(m.Run())
	case "users":
		fmt.Println(SeesAllUsers())
	default:
		os.Exit(activatedChild())
	}
}

// activatedChild takes the sockets, says on stdout what it found, and answers
// one connection on each listener with the listener's name. LISTEN_PID=self is
// replaced by its own pid, which its parent could not know.
func activatedChild() int {
	if os.Getenv("LISTEN_PID") == "self" {
		os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	}
	named, err := Listeners()
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	again, err := Listeners()
	fmt.Println("again", len(again), err)
	for _, entry := range os.Environ() {
		if strings.HasPrefix(entry, "LISTEN_") {
			fmt.Println("inherited", entry)
		}
	}
	names := make([]string, 0, len(named))
	for name := range named {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		for _, l := range named[name] {
			fmt.Println("listener", name, l.Addr().Network())
			if err := greet(l, name); err != nil {
				fmt.Println("error", err)
				return 1
			}
		}
	}
	fmt.Println("end")
	return 0
}

func greet(l net.Listener, name string) error {
	defer l.Close()
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	w := bufio.NewWriter(conn)
	fmt.Fprintf(w, "220 %s\r\n", name)
	return w.Flush()
}
