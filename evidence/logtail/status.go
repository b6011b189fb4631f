package logtail

import (
	"fmt"
	"strings"
	"time"
)

// Status tells how a log is doing.
type Status struct {
	Name      string    `json:"name"`
	File      string    `json:"file,omitempty"`      // being read
	LastLine  time.Time `json:"last_line,omitzero"`  // stamp of the last line
	LastOwn   time.Time `json:"last_own,omitzero"`   // stamp of the last line that shows our own traffic
	LastMail  time.Time `json:"last_mail,omitzero"`  // stamp of the last line that tells of mail: arrived, sent or delivered
	LastLogin time.Time `json:"last_login,omitzero"` // stamp of the last line that tells of a login, ours included
	LastRead  time.Time `json:"last_read,omitzero"`  // when the log was last read to its end
	Day       int       `json:"lines_day"`           // lines read in the last day, by this follower
	Hour      int       `json:"lines_hour"`          // lines read in the last hour
	Unparsed  float64   `json:"unparsed"`            // share of late lines that were not understood
	Example   string    `json:"example,omitempty"`   // the last of them
	Sessions  int       `json:"sessions"`            // that have not ended
	Reading   Progress  `json:"reading,omitzero"`    // of what was written before; zero when it has been read
	Blind     string    `json:"blind,omitempty"`     // why there is no coverage; "" if there is
	Doubted   bool      `json:"doubted,omitempty"`   // others know that it shows nothing

	OwnBy Own `json:"own_by_kind,omitzero"` // as LastOwn
}

// Status returns how the log was doing at the last poll.
func (f *Follower) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

// report makes Status true.
func (f *Follower) report() {
	s := Status{
		Name: f.o.Source, LastLine: f.pos.LastLine, LastOwn: f.state.LastOwn(), LastMail: f.pos.LastMail, LastLogin: f.pos.LastLogin, LastRead: f.live, OwnBy: f.state.ownBy.clone(), Unparsed: f.pos.Rate.share(),
		Day: f.pulse.within(f.now, 24*time.Hour), Hour: f.pulse.within(f.now, time.Hour), Example: f.example, Sessions: f.state.sessions.len() + f.state.active.len(),
		Reading: f.progress, Blind: f.blind(), Doubted: f.doubted != "",
	}
	switch {
	case f.o.Journal != nil:
		s.File = f.o.Journal.String()
	case f.file != nil:
		s.File = f.file.Name()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status = s
}

// blind tells why there is no coverage.
func (f *Follower) blind() string {
	unheard := f.state.unheard()
	switch {
	case f.failure != "":
		return f.failure
	case f.progress.reading(f.pos.LastLine) != "":
		return f.progress.reading(f.pos.LastLine)
	case !f.missing.IsZero():
		return f.o.Path + " is missing"
	case len(unheard) > 0:
		return fmt.Sprintf("no line of %s was ever found in %s", strings.Join(unheard, ", "), f.name())
	case !f.pos.Proven:
		return "no message and no login was ever found in " + f.name() + ": is it the right log?"
	case f.pos.misread() != "":
		return f.pos.misread()
	case f.pos.Skewed >= skewLines:
		wrong := f.skewed
		if wrong.IsZero() { // in an earlier run
			wrong = f.pos.LastLine
		}
		return "the last line's time is wrong: " + wrong.Format(time.RFC3339) + "; look at time zone and clock"
	case f.doubted != "":
		return f.doubted
	case f.silent(f.now):
		return f.nothing() + " was written since " + f.pos.LastHeard.Format(time.RFC3339)
	}
	return ""
}

// nothing tells silence from a log into which only others write.
func (f *Follower) nothing() string {
	switch {
	case !f.pos.LastLine.After(f.pos.LastHeard):
		return "nothing"
	case len(f.o.Dialects) == 0:
		return "no line of a mail server"
	}
	return "no line of " + strings.Join(f.o.Dialects, ", ")
}

// name is where the log is.
func (f *Follower) name() string {
	if f.o.Journal != nil {
		return "the " + f.o.Journal.String()
	}
	return f.o.Path
}

func (f *Follower) silent(now time.Time) bool {
	return f.o.MaxSilence > 0 && now.Sub(f.pos.LastHeard) > f.o.MaxSilence
}
