package ledgertest

import (
	"testing"

	"posthouse/ledger"
)

// Open makes a new, empty ledger. The suite closes it.
type Open func(t *testing.T) ledger.Ledger

// Reopen closes a ledger that Open or Reopen made and opens what it kept.
type Reopen func(t *testing.T, l ledger.Ledger) ledger.Ledger

// suite is one run's subject.
type suite struct {
	open   Open
	reopen Reopen
}

// Run asks everything of the ledgers that open makes. A ledger that keeps nothing passes a nil reopen: what is asked after a restart is then left out.
func Run(t *testing.T, open Open, reopen Reopen) {
	s := suite{open, reopen}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, s) })
	}
}

// tests are what is asked, captures first.
var tests = []struct {
	name string
	run  func(t *testing.T, s suite)
}{
	{"capture comes back as it was", captureRoundTrip},
	{"bodies are byte-exact at every size", bodySizes},
	{"abort leaves nothing", abortLeavesNothing},
	{"body ends once", bodyEndsOnce},
	{"size must be true", sizeMustBeTrue},
	{"capture id is unique", captureUnique},
	{"unknown capture", unknownCapture},
	{"captures, many at once", captured},
	{"what was found out about senders", checked},
	{"fields go before what was never begun", checkedFields},
	{"repeated transactions", repeated},
	{"trace key", traceKey},
	{"concurrent commits", concurrentCommits},
	{"due order", dueOrder},
	{"due limit and next", dueLimit},
	{"due by destination", dueByDestination},
	{"update", update},
	{"what senders are told", telling},
	{"update of an unknown delivery changes nothing", updateUnknown},
	{"begin takes what stands as given", begin},
	{"reopen turns sending into in doubt", reopenSending},
	{"delivery filters", deliveryFilters},
	{"backlog", backlog},
	{"history", history},
	{"act", act},
	{"what was dropped", dropped},
	{"finding captures", findCaptures},
	{"unknown recipients", unknownRecipients},
	{"prune", prune},
	{"pairs", pairs},
	{"item comes back as it was", itemRoundTrip},
	{"intend, settle, forget", intendSettleForget},
	{"settle is one change", settleIsOneChange},
	{"settle records news", settleRecordsNews},
	{"references of every shape", referenceShapes},
	{"by key", byKey},
	{"claimed places", claimedPlaces},
	{"one owner per cloud place", cloudPlaceOwner},
	{"all streams in order", allStreams},
	{"large batches", largeBatches},
	{"tally follows every change", tallyFollows},
	{"expected", expectedByKeyAndID},
	{"joined", joined},
	{"cursors", cursors},
	{"testimony", testimony},
	{"testimony is one change", testimonyIsOneChange},
	{"observations in order of time", observationOrder},
	{"coverage merges", coverageMerges},
	{"coverage withdrawn", coverageWithdrawn},
	{"local deliveries", localDeliveries},
	{"local deliveries that change meanwhile", localMeanwhile},
	{"what arrived", arrived},
	{"what was said of a message", said},
	{"facts", facts},
	{"verifications", verifications},
	{"claims", claims},
	{"failing change is alone", failingChangeAlone},
	{"ended context", endedContext},
	{"closed", closed},
	{"everything survives a restart", survivesRestart},
}

// fresh opens a ledger for one test.
func (s suite) fresh(t *testing.T) ledger.Ledger {
	t.Helper()
	l := s.open(t)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return l
}
