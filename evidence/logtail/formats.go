package logtail

import "slices"

// format is a dialect whose files hold nothing else: who names it in Config.Dialects names it alone. Its lines have neither the stamp nor the header of syslog.
type format struct {
	name   string
	parse  func(line string, s *State, event *Event) Result
	quoted bool // a line break inside quotes belongs to the line
	late   bool // lines may be written long after what they tell: a session when it has ended
}

var formats = []format{
	{ExchangeTracking, parseTracking, true, false},
	{ExchangeSMTP, parseExchangeSMTP, true, false},
	{ExchangeIMAP, parseExchangeIMAP, true, false},
	{ExchangeProxy, parseExchangeProxy, true, false},
	{IIS, parseIIS, false, false},
	{HMailServer, parseHMailServer, false, false},
	{MDaemon, parseMDaemon, false, true},
	{Kerio, parseKerio, false, false},
}

// formatOf is the dialect that fills the log's files alone; ok is false where they are syslog's.
func formatOf(dialects []string) (f format, ok bool) {
	i := slices.IndexFunc(formats, func(f format) bool { return slices.Contains(dialects, f.name) })
	if i < 0 {
		return format{}, false
	}
	return formats[i], true
}

// parseFormat reads a line of a file that one dialect fills.
func (s *State) parseFormat(line string) (event Event, result Result) {
	result = s.format.parse(line, s, &event)
	if !event.At.IsZero() && result != Unparsed {
		s.file.Ref, s.stamps.ref, s.stamps.read = event.At, later(s.stamps.ref, event.At), true
		s.heard[s.format.name] = event.At
	}
	s.showsOwn(s.format.name, &event)
	return event, result
}

// local reads a stamp that names no zone, in the log's own; the lines before tell which of two hours that clocks showed twice is meant.
func (s *State) local() zone { return zone{s.stamps.zone, s.file.Ref} }
