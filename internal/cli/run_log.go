package cli

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/sirupsen/logrus"

	"posthouse/config"
	"posthouse/systemd"
)

// newLog makes the service's log: the journal with its fields where the journal reads, else lines for people or objects. out is used for the latter two.
func newLog(c config.Log, asJSON bool, out io.Writer, p *printer, zone *time.Location) *logrus.Logger {
	log := logrus.New()
	setLevel(log, c.Level)
	log.SetOutput(out)
	log.SetFormatter(&logText{colour: p.colour, zone: zone})
	switch {
	case asJSON || c.Format == "json":
		log.SetFormatter(&logrus.JSONFormatter{TimestampFormat: time.RFC3339Nano})
	case c.Format == "text":
	default:
		if !systemd.LogToJournal(log) && c.Format == "journal" {
			log.Warn("log.format is journal, but the journal does not read: text instead")
		}
	}
	return log
}

func setLevel(log *logrus.Logger, level string) {
	if l, err := logrus.ParseLevel(level); err == nil { // the configuration was checked
		log.SetLevel(l)
	}
}

// logText writes an entry as a line for people: 2026-11-22 12:18:02 warning  message   key=value
type logText struct {
	colour bool
	zone   *time.Location
}

var levelStyles = map[logrus.Level]style{logrus.WarnLevel: warn, logrus.ErrorLevel: bad, logrus.FatalLevel: bad, logrus.PanicLevel: bad, logrus.DebugLevel: dim}

// Format implements logrus.Formatter.
func (f *logText) Format(e *logrus.Entry) ([]byte, error) {
	l := line{
		{dim, e.Time.In(f.zone).Format(time.DateTime) + " "},
		{levelStyles[e.Level], pad(e.Level.String(), 7) + "  "},
		{plain, strings.TrimSpace(strings.ReplaceAll(e.Message, "\n", " "))},
	}
	for i, key := range slices.Sorted(maps.Keys(e.Data)) {
		sep := " "
		if i == 0 {
			sep = "   "
		}
		l = append(l, span{dim, sep + key + "="}, span{plain, fieldText(e.Data[key])})
	}
	var b bytes.Buffer
	b.WriteString(l.render(f.colour, 0))
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// fieldText quotes what is more than a word.
func fieldText(v any) string {
	text := fmt.Sprint(v)
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r == '"' || r == '=' || unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}
