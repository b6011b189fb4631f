package corpus

import (
	"math"
	"math/rand/v2"
	"time"
)

// Address is a display name and an ASCII address. Name may be in any script and may be empty.
type Address struct {
	Name string
	Addr string
}

// Message is one message as it lies in a mailbox.
type Message struct {
	Kind Kind
	// Bytes is the whole message, header and body, with CRLF line ends. Duplicates share the slice: treat it as read-only.
	Bytes []byte
	// From and To can serve as envelope addresses.
	From, To Address
	// MessageID is the field's value with its angle brackets, empty where the message has none.
	MessageID string
	// Flags are IMAP system flags and keywords in the spelling a server would report.
	Flags []string
	// Internal is the date the server stored it, whole seconds, in a zone of its own.
	Internal time.Time
}

// Generator invents messages. It is not safe for use by several goroutines: make one each.
type Generator struct {
	// Owner is whose mailbox it is: recipient of what is received, author of what lies in Sent and Drafts.
	Owner Address
	// MaxSize bounds the size of a message in octets, roughly (within 2 KiB). New sets 2 MiB.
	MaxSize int
	// Large is how many of 1,000 messages weigh between 100 KiB and MaxSize. New sets 8.
	Large int
	// First and Last bound the internal dates. New sets the nine years before November 2026.
	First, Last time.Time
	// Language of the folder names: see Languages. Empty means drawn from the seed for each Mailbox.
	Language string

	rng    *rand.Rand
	deck   []Kind
	serial int
	recent []Message
}

// New returns a generator for the seed.
func New(seed uint64) *Generator {
	g := &Generator{
		MaxSize: 2 << 20,
		Large:   8,
		First:   time.Date(2017, time.November, 3, 8, 0, 0, 0, time.UTC),
		Last:    time.Date(2026, time.November, 1, 18, 0, 0, 0, time.UTC),
		rng:     rand.New(rand.NewPCG(seed, 0x706f7374686f7573)),
	}
	g.Owner = pick(g, people)
	return g
}

// Next returns a received message of the next kind from the deck, dated anywhere between First and Last.
func (g *Generator) Next() Message {
	return g.next(g.correspondent(), g.Owner, g.date())
}

// Make returns a message of the given kind. The internal date keeps the instant of when, cut to whole seconds. Kinds that repeat earlier
// messages (Duplicate, SameID) fall back to an ordinary one while there is no earlier message.
func (g *Generator) Make(kind Kind, from, to Address, when time.Time) Message {
	when = when.Truncate(time.Second)
	if kind == Duplicate && len(g.recent) > 0 {
		return g.again(when)
	}
	d := g.newDraft(from, to, when)
	builders[kind].build(d)
	m := Message{
		Kind: kind, Bytes: d.bytes(), From: from, To: to,
		MessageID: d.id, Flags: g.flags(), Internal: when,
	}
	g.remember(m)
	return m
}

func (g *Generator) next(from, to Address, when time.Time) Message {
	if g.rng.IntN(1000) < g.Large {
		return g.Make(Large, from, to, when)
	}
	if len(g.deck) == 0 {
		g.deck = newDeck()
		g.rng.Shuffle(len(g.deck), func(i, j int) { g.deck[i], g.deck[j] = g.deck[j], g.deck[i] })
	}
	kind := g.deck[0]
	g.deck = g.deck[1:]
	return g.Make(kind, from, to, when)
}

// again repeats the bytes of an earlier message: a true duplicate with a date and flags of its own.
func (g *Generator) again(when time.Time) Message {
	m := pick(g, g.recent)
	m.Kind, m.Flags, m.Internal = Duplicate, g.flags(), when
	return m
}

// remember keeps the last few small messages; a large one would tie up memory.
func (g *Generator) remember(m Message) {
	const keep = 40
	if len(m.Bytes) > 64<<10 {
		return
	}
	if len(g.recent) < keep {
		g.recent = append(g.recent, m)
		return
	}
	g.recent[g.rng.IntN(keep)] = m
}

func (g *Generator) correspondent() Address {
	if g.rng.IntN(50) == 0 {
		return g.Owner // mail to oneself
	}
	return pick(g, people)
}

func (g *Generator) date() time.Time {
	span := g.Last.Sub(g.First)
	if span <= 0 {
		return g.First
	}
	t := g.First.Add(time.Duration(g.rng.Int64N(int64(span)))).Truncate(time.Second)
	return t.In(pick(g, zones))
}

// flags draws what a user's habits leave behind: most mail is read, some answered, a little marked.
func (g *Generator) flags() []string {
	var flags []string
	for _, f := range flagHabits {
		if g.rng.IntN(100) < f.percent {
			flags = append(flags, f.flag)
		}
	}
	return flags
}

// size draws a length between low and high octets, small ones far more often than large ones.
func (g *Generator) size(low, high int) int {
	high = min(high, g.MaxSize)
	if high <= low {
		return high
	}
	ratio := float64(high) / float64(low)
	return int(float64(low) * math.Pow(ratio, g.rng.Float64()))
}

func pick[T any](g *Generator, from []T) T { return from[g.rng.IntN(len(from))] }

var flagHabits = []struct {
	flag    string
	percent int
}{
	{`\Seen`, 82}, {`\Answered`, 16}, {`\Flagged`, 5}, {`$Forwarded`, 4}, {`$MDNSent`, 2},
	{`NonJunk`, 6}, {`$label1`, 3}, {`$Work`, 1},
}

var zones = []*time.Location{
	time.FixedZone("", 3600), time.FixedZone("", 7200), time.UTC, time.FixedZone("", -8*3600),
	time.FixedZone("", 9*3600), time.FixedZone("", 5*3600+1800), time.FixedZone("", -3*3600-1800),
}
