package destination_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"posthouse/bridge/memstore"
	"posthouse/cutover"
	"posthouse/ledger"
	"posthouse/relay"
	"posthouse/relay/srs"
)

var towns = flag.Int("towns", 2, "how many towns TestRandomTowns has")

var inbox, sentFolder = cutover.FolderPath{"INBOX"}, cutover.FolderPath{"Sent"}

func person(name string, change ...func(*cutover.Mailbox)) cutover.Mailbox {
	address := cutover.Address(name + "@example.com")
	m := cutover.Mailbox{
		ID: cutover.MailboxID(address), Primary: address, Kind: cutover.Person, Home: cutover.Cloud,
		Legacy: cutover.Account{Server: "old"}, Cloud: cutover.Account{Server: "new"},
	}
	for _, f := range change {
		f(&m)
	}
	return m
}

var people = []cutover.Mailbox{
	person("anna"), person("bob", func(m *cutover.Mailbox) { m.Home = cutover.Legacy }), person("carol"), person("room", func(m *cutover.Mailbox) { m.Kind = cutover.Room }),
}

// town is an organisation with all its servers, and processes of ours that come and go.
type town struct {
	*chance
	t                 *testing.T
	seed              uint64
	rewriter          *srs.Rewriter
	legacy, cloud     *memstore.Server
	toCloud, toLegacy *hop
	toOutside         *hop
	log               logrus.FieldLogger
	directory         *relay.Directory
	folder            string
	is                atomic.Pointer[process]
	background        sync.WaitGroup
	mu                sync.Mutex
	outside           map[string]int // "marker recipient": what hosts outside took
	sent              []string       // markers of messages that anna sent
	count             int
}

func newTown(t *testing.T, seed uint64) *town {
	log, _ := logtest.NewNullLogger()
	w := &town{
		chance: &chance{rand: rand.New(rand.NewPCG(seed, 9))}, t: t, seed: seed, log: log, folder: t.TempDir(), outside: map[string]int{},
		legacy: memstore.NewServer(memstore.Options{}), cloud: memstore.NewServer(memstore.Options{}),
	}
	for _, m := range people {
		for _, s := range []*memstore.Server{w.legacy, w.cloud} {
			s.Mailbox(string(m.ID)).AddFolder(cutover.Folder{Path: sentFolder, Role: cutover.Sent})
		}
	}
	w.directory = relay.NewDirectory(relay.DirectoryConfig{
		Mailboxes: people, Domains: []string{"example.com"},
		Groups: map[cutover.Address][]cutover.Address{"all@example.com": {"anna@example.com", "bob@example.com", "friend@out1.test"}},
	})
	w.rewriter, _ = srs.New(srs.Config{Domain: "srs.example.com", Secrets: []string{"secret"}})
	offers := [][]string{{"PIPELINING", "CHUNKING", "8BITMIME"}, {"PIPELINING", "8BITMIME"}, {"8BITMIME", "DSN"}}
	w.toCloud = &hop{chance: w.chance, offers: offers[seed%3], took: w.cloudTook}
	w.toLegacy = &hop{chance: w.chance, offers: append(slices.Clone(offers[(seed+1)%3]), "XFORWARD NAME ADDR HELO"), took: w.legacyTook}
	w.toOutside = &hop{chance: w.chance, offers: offers[(seed+2)%3], took: w.outsideTook}
	return w
}

// shows puts a message into a mailbox, after a while.
func (w *town) shows(s *memstore.Server, address, message string) {
	wait := time.Duration(w.n(40)) * time.Second
	w.background.Go(func() {
		time.Sleep(wait)
		s.Mailbox(strings.ToLower(address)).Deliver(inbox, memstore.Message{Raw: []byte(message), Date: time.Now()})
	})
}

func (w *town) cloudTook(from string, to []string, message string) {
	for _, address := range to {
		if strings.HasSuffix(address, "@example.com") {
			w.shows(w.cloud, address, message)
		} else {
			w.outsideTook(from, []string{address}, message)
		}
	}
	if from != "" && strings.HasSuffix(from, "@srs.example.com") && w.mishap(6) { // a rule there refuses it
		w.mu.Lock()
		w.count++
		n := w.count
		w.mu.Unlock()
		w.background.Go(func() {
			time.Sleep(time.Second)
			w.bring(relay.Peer{Route: cutover.Arriving, Client: ledger.Client{Addr: "203.0.113.5"}}, ledger.Envelope{Recipients: []ledger.Recipient{{Address: cutover.Address(from)}}}, text("bounce", n, "mailer@new.test"))
		})
	}
}

// legacyTook: what the old server takes lies in its mailboxes; some of it it forwards to us as well, or instead.
func (w *town) legacyTook(from string, to []string, message string) {
	for _, address := range to {
		forwards := w.mishap(5)
		if !forwards || w.n(2) == 0 {
			w.shows(w.legacy, address, message)
		}
		if !forwards {
			continue
		}
		w.background.Go(func() {
			time.Sleep(time.Duration(w.n(60)) * time.Second)
			env := ledger.Envelope{From: from, Recipients: []ledger.Recipient{{Address: cutover.Address(address)}}}
			w.bring(relay.Peer{Route: cutover.Arriving, Client: ledger.Client{Addr: "10.0.0.2", Name: "old.example.com"}}, env, "Received: from us by old.example.com; Mon, 02 Mar 2026 12:00:00 +0000\r\n"+message)
		})
	}
}

func (w *town) outsideTook(_ string, to []string, message string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, address := range to {
		w.outside[messageID(message)+" "+address]++
	}
}

func messageID(message string) string { return cutover.IdentityOf([]byte(message)).MessageID }

func text(marker string, n int, from string) string {
	return fmt.Sprintf("Message-ID: <%s.%d@test>\r\nDate: Mon, 02 Mar 2026 12:00:00 +0000\r\nFrom: %s\r\nSubject: %s %d\r\n\r\nhello %d\r\n", marker, n, from, marker, n, n)
}

// TestRandomTowns: with servers that hang up and refuse, mailboxes that cannot be opened, a person who meddles, programs that file what they send, rules that bounce, processes that are killed,
// and a bridge that brings over what reaches the old mailboxes, everybody gets each message once, by whatever way, or it waits and says why.
func TestRandomTowns(t *testing.T) {
	for seed := range *towns {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newTown(t, uint64(seed)).play() })
		})
	}
}
