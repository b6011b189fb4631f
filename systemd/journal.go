package systemd

import (
	"fmt"
	"io"
	"strings"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/sirupsen/logrus"
)

// JournalHook returns a hook that sends log entries to the journal with their
// fields, and whether stderr is the journal: only then is it of use. With the
// hook in place the logger's own output is to be [io.Discard], or the journal
// has each line twice; [LogToJournal] does both.
//
// A field's key becomes upper case: capture is found by
// "journalctl CAPTURE=01JD9F3K7Q".
func JournalHook() (logrus.Hook, bool) {
	onJournal, err := journal.StderrIsJournalStream()
	if err != nil || !onJournal || !journal.Enabled() {
		return nil, false
	}
	return journalHook{send: journal.Send}, true
}

// LogToJournal sends logger's entries to the journal, with fields, when stderr
// is the journal, and reports whether it is. Call it before the logger is used.
func LogToJournal(logger *logrus.Logger) bool {
	hook, ok := JournalHook()
	if ok {
		logger.AddHook(hook)
		logger.SetOutput(io.Discard)
		logger.SetFormatter(unwritten{})
	}
	return ok
}

// unwritten formats what nobody reads.
type unwritten struct{}

func (unwritten) Format(*logrus.Entry) ([]byte, error) { return nil, nil }

type journalHook struct {
	send func(message string, priority journal.Priority, fields map[string]string) error
}

func (journalHook) Levels() []logrus.Level { return logrus.AllLevels }

// Fire sends one entry. logrus writes the error of a failed one to stderr,
// which is the journal's plain stream: the message is in it so as not to be lost.
func (h journalHook) Fire(entry *logrus.Entry) error {
	if err := h.send(entry.Message, priority(entry.Level), fields(entry.Data)); err != nil {
		return fmt.Errorf("sending %q to the journal: %w", entry.Message, err)
	}
	return nil
}

func priority(level logrus.Level) journal.Priority {
	switch level {
	case logrus.PanicLevel, logrus.FatalLevel:
		return journal.PriCrit
	case logrus.ErrorLevel:
		return journal.PriErr
	case logrus.WarnLevel:
		return journal.PriWarning
	case logrus.InfoLevel:
		return journal.PriInfo
	default:
		return journal.PriDebug
	}
}

func fields(data logrus.Fields) map[string]string {
	vars := map[string]string{"SYSLOG_IDENTIFIER": "posthouse"}
	for key, value := range data {
		vars[fieldName(key)] = fmt.Sprint(value)
	}
	return vars
}

// fieldName makes a name that journald takes: upper-case letters, digits and
// underscores, the first a letter, 64 at most (systemd.journal-fields(7)). The
// two names that say what an entry is are not for the taking.
func fieldName(key string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(key))
	name = strings.TrimLeft(name, "_0123456789")
	if name == "" || name == "MESSAGE" || name == "PRIORITY" {
		name = "FIELD_" + name
	}
	return name[:min(len(name), 64)]
}
