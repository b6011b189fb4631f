package world

import (
	"bytes"
	_ "embed"
	"fmt"

	"github.com/pelletier/go-toml/v2"
)

// Parameters are what a world is made of. They are described where their values stand, in parameters.toml.
type Parameters struct {
	History      int     `toml:"history"`
	Organisation float64 `toml:"organisation"`
	Life         float64 `toml:"life"`

	Rate struct {
		Median float64 `toml:"median"`
		Sigma  float64 `toml:"sigma"`
		Tail   float64 `toml:"tail"`
	} `toml:"rate"`
	Rhythm struct {
		Bursts      float64 `toml:"bursts"`
		BurstSize   float64 `toml:"burst_size"`
		Weekly      float64 `toml:"weekly"`
		Monthly     float64 `toml:"monthly"`
		Quarterly   float64 `toml:"quarterly"`
		Reliability float64 `toml:"reliability"`
		Machines    float64 `toml:"machines"`
		Saturday    float64 `toml:"saturday"`
		Sunday      float64 `toml:"sunday"`
	} `toml:"rhythm"`
	Pauses struct {
		AYear    float64 `toml:"a_year"`
		Shortest float64 `toml:"shortest"`
		Longest  float64 `toml:"longest"`
	} `toml:"pauses"`
	Moves struct {
		TTL           float64 `toml:"ttl"`
		Stretched     float64 `toml:"stretched"`
		StretchedDays float64 `toml:"stretched_days"`
		Late          float64 `toml:"late"`
		LateDays      float64 `toml:"late_days"`
		Never         float64 `toml:"never"`
		Noticed       float64 `toml:"noticed"`
		Newcomer      float64 `toml:"newcomer"`
		Several       float64 `toml:"several"`
		Platforms     float64 `toml:"platforms"`
		Services      int     `toml:"services"`
		Stubborn      float64 `toml:"stubborn"`
	} `toml:"moves"`
	People struct {
		Users      float64 `toml:"users"`
		Logins     float64 `toml:"logins"`
		LoginSigma float64 `toml:"login_sigma"`
		Devices    float64 `toml:"devices"`
		DeviceRate float64 `toml:"device_rate"`
		Prompt     float64 `toml:"prompt"`
		SlowDays   float64 `toml:"slow_days"`
		Forgotten  float64 `toml:"forgotten"`
		Absences   float64 `toml:"absences"`
	} `toml:"people"`
	Seen struct {
		Cloud      float64 `toml:"cloud"`
		Spells     float64 `toml:"spells"`
		SpellHours float64 `toml:"spell_hours"`
		SpellSigma float64 `toml:"spell_sigma"`
		Spam       float64 `toml:"spam"`
		Leaked     float64 `toml:"leaked"`
	} `toml:"seen"`
	Asked struct {
		Answer  float64 `toml:"answer"`
		Longest float64 `toml:"longest"`
		Test    float64 `toml:"test"`
	} `toml:"asked"`
}

//go:embed parameters.toml
var parameters []byte

// Default are the parameters of parameters.toml.
func Default() Parameters {
	p, err := Parse(parameters)
	if err != nil {
		panic(err) // it is part of the program
	}
	return p
}

// Parse reads parameters; a key that is not known is an error.
func Parse(text []byte) (p Parameters, err error) {
	if err = toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&p); err != nil {
		err = fmt.Errorf("reading the parameters of worlds: %w", err)
	}
	return p, err
}

// Doubled has everybody send twice as often.
func (p Parameters) Doubled() Parameters {
	p.Rate.Median *= 2
	p.People.Logins *= 2
	p.People.DeviceRate *= 2
	return p
}

// Heavier has longer silences, longer caches and more of those who send hardly ever or very much.
func (p Parameters) Heavier() Parameters {
	p.Rate.Sigma *= 1.25
	p.Rate.Tail = 0.2
	p.Rhythm.Bursts *= 2
	p.Rhythm.BurstSize *= 2
	p.Pauses.Longest *= 2
	p.Moves.StretchedDays *= 2
	p.Moves.LateDays *= 2
	return p
}

// Unwatched has nobody look at what arrives on the new side.
func (p Parameters) Unwatched() Parameters {
	p.Seen.Cloud = 0
	return p
}
