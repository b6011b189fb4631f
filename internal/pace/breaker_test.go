package pace

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

func breakerUnderTest() *Breaker {
	return NewBreaker(3, Schedule{Steps: []time.Duration{time.Minute, 10 * time.Minute}, Jitter: -1})
}

// A script's words: f failure, s success, h hint, r a rest of five minutes, +N minutes pass, yes and no
// what Allow must say, and a state's name.
func TestBreaker(t *testing.T) {
	tests := []struct{ name, script string }{
		{"starts closed", "closed yes yes"},
		{"two failures are not enough", "f f closed yes"},
		{"failures must be consecutive", "f f s f f closed yes"},
		{"third failure opens", "f f f open no"},
		{"pause, then one probe", "f f f +1 yes half-open no no"},
		{"probe's success closes", "f f f +1 yes s closed yes yes"},
		{"probe's failure pauses longer", "f f f +1 yes f open +9 no +1 yes"},
		{"last pause repeats", "f f f +1 yes f +10 yes f +9 no +1 yes"},
		{"success starts over", "f f f +1 yes f +10 yes s f f closed f open +1 yes"},
		{"late failures do not lengthen the pause", "f f f f f f +1 yes"},
		{"a success from an older attempt closes", "f f f s closed yes"},
		{"a lost probe is replaced", "f f f +1 yes no +1 yes no"},
		{"a hint closes at once", "f f f h closed yes yes"},
		{"a wrong hint opens again, for longer", "f f f h f open +9 no +1 yes"},
		{"a right hint forgets", "f f f h s f f closed"},
		{"a hint means nothing while closed", "f h f closed f open"},
		{"a rest is kept, then one probe", "r open +4 no +1 yes half-open no"},
		{"a rest may be asked for again", "r +5 yes r +4 no +1 yes s closed yes"},
		{"a failed probe after a rest pauses", "r +5 yes f open +9 no +1 yes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { play(t, breakerUnderTest(), tt.script) })
	}
}

func play(t *testing.T, b *Breaker, script string) {
	now := noon
	for i, word := range strings.Fields(script) {
		switch word {
		case "f":
			b.Failure(now, 0.5)
		case "s":
			b.Success()
		case "h":
			b.Hint()
		case "r":
			b.Rest(now.Add(5 * time.Minute))
		case "yes", "no":
			if got := b.Allow(now); got != (word == "yes") {
				t.Fatalf("word %d: Allow = %v, want %s", i+1, got, word)
			}
		case "open", "closed", "half-open":
			if got := b.State(); got != State(word) {
				t.Fatalf("word %d: state %s, want %s", i+1, got, word)
			}
		default:
			minutes, err := strconv.Atoi(word)
			if err != nil {
				t.Fatalf("word %d: %v", i+1, err)
			}
			now = now.Add(time.Duration(minutes) * time.Minute)
		}
	}
}

func TestBreakerRetry(t *testing.T) {
	b := breakerUnderTest()
	if !b.Retry().IsZero() {
		t.Error("a closed breaker names a time")
	}
	play(t, b, "f f f")
	if got := b.Retry(); !got.Equal(noon.Add(time.Minute)) {
		t.Errorf("retry at %v", got)
	}
	b.Success()
	if !b.Retry().IsZero() {
		t.Error("a breaker that closed again names a time")
	}
}
