package logtail

import "strings"

// maxDialogs is how many sessions whose commands a log shows are remembered.
const maxDialogs = 4096

// dialog is a session that has begun, nil if there is none.
func (s *State) dialog(key string) *dialog {
	d, _ := s.dialogs.get(key)
	return d
}

// converse begins a session, in place of any of the same key.
func (s *State) converse(key string, d dialog) *dialog {
	kept := &d
	s.dialogs.put(strings.Clone(key), kept)
	return kept
}

// hear reads what the server said in a session, and tells what it decided: a login, a message taken, the end.
func (s *State) hear(key string, d *dialog, text string, event *Event) {
	switch d.reply(text) {
	case loggedIn:
		if d.Service != "SMTP" { // who logs in to send is told of when he does
			s.touch(d.client(), event)
		}
	case accepted:
		s.took(d.mail(event.At, savedAs(text)), d.From, d.From, event)
	case over:
		s.hangUp(key, d, event)
	}
}

// listen reads what the client said.
func (s *State) listen(key string, d *dialog, text string, event *Event) {
	switch left := d.command(text); {
	case left:
		s.hangUp(key, d, event)
	case d.reads():
		s.touch(d.client(), event)
	}
}

// hangUp ends a session. What still stands of it in the log has no meaning.
func (s *State) hangUp(key string, d *dialog, event *Event) {
	if d.reads() {
		s.leave(d.client(), event)
	}
	s.dialogs.remove(key)
}

// reads tells of a session in which a user reads mail.
func (d *dialog) reads() bool { return d.Authentic && d.Service != "SMTP" }

// savedAs is the Message-ID in a reply to a message: 250 Ok, message saved <Message-ID: 1@example.com>.
func savedAs(reply string) string {
	id, ok := angled(reply, "<")
	id = strings.TrimSpace(strings.TrimPrefix(id, "Message-ID:"))
	if !ok || !strings.Contains(id, "@") {
		return ""
	}
	return "<" + id + ">"
}

// keptDialogs is how many of them survive a restart: the newest.
const keptDialogs = 512

// openDialogs are those to be kept across a restart.
func (s *State) openDialogs() map[string]dialog {
	open := make(map[string]dialog)
	skip := s.dialogs.len() - keptDialogs
	for key, d := range s.dialogs.each {
		if skip--; skip < 0 && s.stamps.ref.Sub(d.At) < recentFor {
			open[key] = *d
		}
	}
	return open
}
