package systemd

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/coreos/go-systemd/v22/activation"
)

// The FileDescriptorName= of each socket unit: the keys of Listeners.
const (
	ListenerMX          = "mx"          // posthouse-mx.socket, port 25
	ListenerSubmission  = "submission"  // posthouse-submission.socket, port 587, STARTTLS
	ListenerSubmissions = "submissions" // posthouse-submissions.socket, port 465, TLS from the first byte
)

// Listeners returns the sockets that systemd passed to this process by the
// names of their units' FileDescriptorName=. One name may have several
// listeners (a unit with several ListenStream= lines). Without socket
// activation the map is empty.
//
// It takes the sockets over and clears LISTEN_PID, LISTEN_FDS and
// LISTEN_FDNAMES, so that no child process believes they are its own: a second
// call returns an empty map. The caller closes the listeners; closing one does
// not close systemd's own copy, on which connections go on queueing. After an
// error nothing stays open.
func Listeners() (map[string][]net.Listener, error) {
	files := activation.Files(true)
	listeners := make(map[string][]net.Listener, len(files))
	var failed []error
	for _, f := range files {
		l, err := fileListener(f)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		listeners[f.Name()] = append(listeners[f.Name()], l)
	}
	if len(failed) == 0 {
		return listeners, nil
	}
	for _, named := range listeners {
		for _, l := range named {
			_ = l.Close() // the error to report is the one that led here
		}
	}
	return nil, errors.Join(failed...)
}

// fileListener turns f into a listener, which has its own descriptor, and
// closes f.
func fileListener(f *os.File) (net.Listener, error) {
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("taking socket %q from systemd: %w (is it a ListenStream=?)", f.Name(), err)
	}
	return l, nil
}
