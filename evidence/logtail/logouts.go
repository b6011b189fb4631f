package logtail

import (
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"strings"
	"time"

	"posthouse/evidence"
)

// logout is the end of a session whose login was not read. Two processes write the two lines, and the log may hold them in either order: until the login
// comes nobody knows whether the session was one of ours.
type logout struct {
	At      time.Time `json:"at"`
	Service string    `json:"service"`
	User    string    `json:"user"`
}

// loginDelay is how long after a session's end, by the log's time, its login may still be written.
const loginDelay = time.Minute

// logoutOf takes the end of the session out of those that wait for their login; zero if it is not among them.
func (s *State) logoutOf(key string) time.Time {
	l, _ := s.logouts.get(key)
	s.logouts.remove(key)
	return l.At
}

// overdue decides on the sessions whose logins are not to be expected any more at that time of the log: they began before the first line that we read, or in a
// file that we did not read. Such a session is use when its id tells from where it came, and that it was not ours. Where the id does not tell, it may be ours,
// and does not count: who goes on using the server logs in again.
func (s *State) overdue(now time.Time) []evidence.Observation {
	var use []evidence.Observation
	for key, l := range s.logouts.each {
		if now.Sub(l.At) <= loginDelay {
			continue
		}
		s.logouts.remove(key)
		client := clientOf(key, l.At)
		if !client.IsValid() || s.isOwn(client, l.User, "") {
			continue
		}
		o := s.loginOf(key, session{at: l.At, channel: channelOf(l.Service), user: l.User, client: client, detail: strings.ToUpper(l.Service), named: true})
		o.Until = l.At
		use = append(use, o)
	}
	return use
}

// clientOf reads the client's address out of a session id as Dovecot makes it (client_get_session_id): the low 48 bits of the microseconds at which the client
// connected, its port, its address, all in base64. An id that names no time shortly before the session's end was made by somebody else.
func clientOf(id string, end time.Time) netip.Addr {
	raw, err := base64.StdEncoding.DecodeString(id)
	if err != nil || len(raw) < 8 {
		return netip.Addr{}
	}
	const unused = 16 // bits, where the port stands: shifted out, they leave the difference of two clocks that go round
	age := (end.UnixMicro() - int64(binary.LittleEndian.Uint64(raw))) << unused >> unused
	if (time.Duration(age) * time.Microsecond).Abs() > sessionAge {
		return netip.Addr{}
	}
	client, _ := netip.AddrFromSlice(raw[8:]) // no address has another length than four or sixteen
	return client.Unmap()
}
