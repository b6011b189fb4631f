package logtail

import "strings"

// maxDialogs is how many sessions whose commands a log shows are remembered.
const maxDialogs = 4096

// dialog is a session that has begun, nil if there is none.
func (s *State) dialog(key string) *dialog {
	d, _ := s.dialogs.get(key)
	return d
}

// begin begins a session, in place of any of the same key.
func (s *State) begin(key string, d dialog) *dialog {
	kept := &d
	s.dialogs.put(strings.Clone(key), kept)
	return kept
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
