package cli

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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

// Format implements logrus.Formatter. Every message that is taken and delivered passes here: it is the way out of most of what the service says.
func (f *logText) Format(e *logrus.Entry) ([]byte, error) {
	var b []byte
	if e.Buffer != nil {
		e.Buffer.Grow(512)
		b = e.Buffer.AvailableBuffer()
	}
	b = f.appendTime(b, e.Time)
	b = append(b, ' ')
	b = f.append(b, levelStyles[e.Level], levelNames[e.Level])
	b = append(b, ' ', ' ')
	b = append(b, clean(strings.TrimSpace(strings.ReplaceAll(e.Message, "\n", " ")))...)
	var some [24]string
	keys := some[:0]
	for key := range e.Data {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for i, key := range keys {
		if i == 0 {
			b = append(b, ' ', ' ')
		}
		b = append(b, ' ')
		b = f.append(b, dim, clean(key), "=")
		b = appendField(b, e.Data[key])
	}
	return append(bytes.TrimRight(b, " "), '\n'), nil
}

// levelNames are the levels as wide as the widest of the usual ones.
var levelNames = func() map[logrus.Level]string {
	names := make(map[logrus.Level]string)
	for _, l := range logrus.AllLevels {
		names[l] = pad(l.String(), 7)
	}
	return names
}()

func (f *logText) appendTime(b []byte, at time.Time) []byte {
	var text [len(time.DateTime)]byte
	return f.append(b, dim, string(at.In(f.zone).AppendFormat(text[:0], time.DateTime)))
}

func (f *logText) append(b []byte, s style, text ...string) []byte {
	code := ""
	if f.colour {
		code = colours[s]
	}
	if code != "" {
		b = append(append(append(b, "\x1b["...), code...), 'm')
	}
	for _, part := range text {
		b = append(b, part...)
	}
	if code != "" {
		b = append(b, "\x1b[0m"...)
	}
	return b
}

// appendField quotes what is more than a word.
func appendField(b []byte, v any) []byte {
	if n, isNumber := v.(int); isNumber {
		return strconv.AppendInt(b, int64(n), 10)
	}
	text, isText := v.(string)
	if !isText {
		if r := reflect.ValueOf(v); r.Kind() == reflect.String && !r.Type().Implements(stringers) && !r.Type().Implements(errs) {
			text = r.String()
		} else {
			text = fmt.Sprint(v)
		}
	}
	if isWord(text) {
		return append(b, text...)
	}
	return append(b, clean(strconv.Quote(text))...)
}

var stringers, errs = reflect.TypeFor[fmt.Stringer](), reflect.TypeFor[error]()

// isWord reports whether the text says the same without quotes.
func isWord(text string) bool {
	if isPlain(text) {
		return text != "" && !strings.ContainsAny(text, " \"=")
	}
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r == '"' || r == '=' || r == utf8.RuneError || unicode.IsSpace(r) || !unicode.IsPrint(r)
	})
}
