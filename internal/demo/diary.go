package demo

import (
	"fmt"
	"os"
	"sync"
	"time"

	"posthouse/internal/clock"
)

// diary is the old server's log, in Dovecot's words. It is safe for concurrent use.
type diary struct {
	clock clock.Clock

	mu      sync.Mutex
	file    *os.File
	session int
}

func openDiary(path string, c clock.Clock) (*diary, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the old server's log: %w", err)
	}
	d := &diary{clock: c, file: f}
	return d, d.write("master: Info: Dovecot v2.3.19.1 (9b53102964) starting up for imap, lmtp (core dumps disabled)")
}

// login notes that a user was there: one session, from its beginning to its end.
func (d *diary) login(user, client string) error {
	d.mu.Lock()
	d.session++
	id := fmt.Sprintf("demo%012d", d.session)
	pid := 4000 + d.session
	d.mu.Unlock()
	err := d.write(fmt.Sprintf("imap-login: Info: Login: user=<%s>, method=PLAIN, rip=%s, lip=10.0.0.10, mpid=%d, TLS, session=<%s>", user, client, pid, id))
	if err != nil {
		return err
	}
	return d.write(fmt.Sprintf("imap(%s)<%d><%s>: Info: Disconnected: Logged out in=412 out=9100 deleted=0 expunged=0 trashed=0 hdr_count=3 hdr_bytes=900 body_count=1 body_bytes=4000", user, pid, id))
}

func (d *diary) write(text string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, err := fmt.Fprintf(d.file, "%s %s\n", d.clock.Now().UTC().Format(time.Stamp), text)
	return err
}

func (d *diary) close() error { return d.file.Close() }
