package evidence

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Export is all that verdicts were made of: anybody can make them again. Instants are UTC, lengths of time nanoseconds.
type Export struct {
	Schema    string    `json:"schema"` // ExportSchema
	At        time.Time `json:"at"`
	Policies  []Policy  `json:"policies"`
	Testimony Testimony `json:"testimony"`
}

// ExportSchema names the shape of Export.
const ExportSchema = "posthouse.testimony/1"

// Verdicts are those of each policy, as of then.
func (e Export) Verdicts() (all []Verdict) {
	for _, p := range e.Policies {
		all = append(all, Judge(p, e.Testimony, e.At))
	}
	return all
}

// exported is a Testimony as others see it. What only recognises repetitions is left out.
type exported struct {
	Uses     []Use                `json:"uses"`
	Tracks   []Track              `json:"tracks"`
	Sessions []openSession        `json:"sessions"` // that have not ended
	Coverage map[string][]stretch `json:"coverage"`
	Contacts map[string]time.Time `json:"contacts"`
	Switched time.Time            `json:"switched,omitzero"`
	Work     OpenWork             `json:"work"`
}

type openSession struct {
	UseKey
	ID    string    `json:"id"`
	Since time.Time `json:"since"`
}

type stretch struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// MarshalJSON tells all that Judge looks at.
func (t Testimony) MarshalJSON() ([]byte, error) {
	e := exported{Uses: t.Uses(), Tracks: t.Tracks(), Sessions: []openSession{}, Coverage: make(map[string][]stretch), Contacts: t.contacts, Switched: t.switched, Work: t.work}
	for key, s := range t.sessions {
		e.Sessions = append(e.Sessions, openSession{s.key, key.id, s.since})
	}
	slices.SortFunc(e.Sessions, func(a, b openSession) int { return cmp.Or(compareKeys(a.UseKey, b.UseKey), cmp.Compare(a.ID, b.ID)) })
	for source, spans := range t.coverage {
		for _, s := range spans {
			e.Coverage[source] = append(e.Coverage[source], stretch(s))
		}
	}
	return json.Marshal(e)
}

// UnmarshalJSON makes a testimony of what was told.
func (t *Testimony) UnmarshalJSON(text []byte) error {
	var e exported
	if err := json.Unmarshal(text, &e); err != nil {
		return err
	}
	*t = Testimony{
		uses: make(map[UseKey]*Use), tracks: make(map[TrackKey]*Track), sessions: make(map[sessionKey]session), coverage: make(map[string]Spans), contacts: maps.Clone(e.Contacts),
		switched: e.Switched, work: e.Work,
	}
	for _, u := range e.Uses {
		t.uses[u.UseKey] = &u
		switch {
		case u.LastUse.IsZero():
			t.noise++
		case len(u.By) == 0: // of an earlier version
			u.By = []UseBy{{u.System, u.LastUse}}
		}
	}
	for _, track := range e.Tracks {
		t.tracks[track.TrackKey] = &track
	}
	for _, s := range e.Sessions {
		t.sessions[sessionKey{s.Source, s.ID}] = session{s.UseKey, s.Since}
	}
	for source, spans := range e.Coverage {
		for _, s := range spans {
			t.coverage[source] = t.coverage[source].Add(Span(s))
		}
	}
	return nil
}
