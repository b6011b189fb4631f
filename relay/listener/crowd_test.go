package listener

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A full listener takes whoever comes in the place of one who only waits: of the network that has most, who waits the longest.
func TestCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *Config) { c.MaxConnections, c.MaxPerClient = 4, 3 })
		oldest := newTalker(b.net.dial("198.51.100.7:1")) // says nothing at all
		b.must(oldest.say("", "220"))
		time.Sleep(time.Millisecond)
		writes := b.talk("198.51.100.8:1")
		b.must(writes.say("MAIL FROM:<anna@client.test>\r\nRCPT TO:<bob@mail.test>\r\nDATA\r\n", "250", "250", "354"))
		open := b.talk("198.51.100.9:1")
		b.must(open.say("MAIL FROM:<anna@client.test>\r\n", "250"))
		time.Sleep(time.Millisecond)
		drips := b.talk("198.51.100.9:2")
		b.turnedAway("203.0.113.5:1", TooManyConnections) // all have just spoken
		time.Sleep(2 * time.Second)
		b.must(drips.say("NO"))
		synctest.Wait()

		first := b.talk("203.0.113.5:1")
		b.must(oldest.say("", "421 4.7.0"))
		oldest.hungUp(t)
		second := b.talk("203.0.113.6:1")
		b.must(open.say("", "421 4.7.0"))
		open.hungUp(t)
		b.turnedAway("203.0.113.7:1", TooManyConnections) // two each: nobody is asked to go for that
		time.Sleep(11 * time.Second)
		third := b.talk("203.0.113.7:1")
		b.must(drips.say("", "421 4.7.0"))
		drips.hungUp(t)
		b.must(writes.say("hello\r\n.\r\n", "250"))
		for _, k := range []*talker{writes, first, second, third} {
			b.must(k.say("QUIT\r\n", "221"))
			k.conn.Close()
		}
		synctest.Wait()
		b.noneCounted()
		if b.srv.reg.leaves != 0 {
			t.Errorf("%d are still to leave", b.srv.reg.leaves)
		}
		if sent := slices.DeleteFunc(b.seen.abuses(), func(a Abuse) bool { return a != SilentInCrowd }); len(sent) != 3 {
			t.Errorf("of 3 who were sent away %d were counted", len(sent))
		}
		b.stop()
	})
}

// Those who have their share make nobody leave, nor do they make the trusted leave who come.
func TestCrowdOfTheTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *Config) {
			c.MaxConnections, c.MaxPerClient, c.Trusted = 3, 1, []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}
		})
		all := []*talker{b.talk("203.0.113.1:1"), b.talk("203.0.113.1:2"), b.talk("198.51.100.7:1")}
		time.Sleep(time.Minute)
		b.turnedAway("198.51.100.7:2", TooManyConnections)
		all = append(all, b.talk("203.0.113.1:3"))
		b.must(all[2].say("", "421 4.7.0"))
		time.Sleep(time.Minute)
		b.turnedAway("198.51.100.8:1", TooManyConnections)
		for _, k := range all {
			k.conn.Close()
		}
		b.stop()
	})
}

// Who is kept waiting by us is not silent: a client that waits for its greeting, as it should, stays.
func TestCrowdBeforeTheGreeting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *Config) { c.MaxConnections, c.NoEarlyTalkers, c.GreetPause = 1, true, 30*time.Second })
		polite := newTalker(b.net.dial("198.51.100.7:1"))
		time.Sleep(20 * time.Second)
		b.turnedAway("203.0.113.5:1", TooManyConnections)
		b.must(polite.say("", "220"))
		b.must(polite.say("QUIT\r\n", "221"))
		polite.conn.Close()
		synctest.Wait()
		b.stop()
	})
}

// A look at everybody that found nobody is not repeated at once, but for one who has a better claim.
func TestCrowdLooksInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *Config) { c.MaxConnections, c.MaxPerClient = 3, 3 })
		for _, from := range []string{"198.51.100.7:1", "198.51.100.8:1", "198.51.100.9:1"} {
			b.talk(from)
		}
		time.Sleep(2 * time.Second)
		b.turnedAway("198.51.100.10:1", TooManyConnections) // of the same network
		if v := b.srv.reg.vain; v.mine != 3 || !v.until.After(time.Now()) {
			t.Errorf("looked in vain: %+v", v)
		}
		b.talk("203.0.113.5:1")
		time.Sleep(9 * time.Second)
		b.talk("198.51.100.10:1")
		b.stop()
	})
}
