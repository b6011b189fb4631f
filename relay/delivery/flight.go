package delivery

// rcptsPerFlight bounds the commands in flight, so that their replies fit in
// the socket's buffer and neither side ever waits for the other to read
// (RFC 2920 §3.1).
const rcptsPerFlight = 100

// envelope says MAIL and RCPT and then tail, which may be empty, with the
// buffered chunk behind it if withChunk. It reads the replies to all but the
// tail. said is false if the tail was left out because nobody was accepted. What went ahead is not said again.
func (t *transaction) envelope(tail string, withChunk bool) (said bool, err error) {
	if t.told {
		return true, t.flightReplies(0, len(t.live))
	}
	if t.c.pipelining() {
		return t.flights(tail, withChunk)
	}
	if said, err = t.steps(); !said || err != nil {
		return false, err
	}
	t.writeTail(tail, withChunk)
	return true, nil
}

// flights writes everything at once, or in groups if recipients are many.
func (t *transaction) flights(tail string, withChunk bool) (said bool, err error) {
	text, unread := t.mail(), 0
	for n, i := range t.live {
		text += t.rcpt(i)
		if n+1-unread < rcptsPerFlight || n+1 == len(t.live) {
			continue
		}
		t.write([]byte(text))
		if err := t.flightReplies(unread, n+1); err != nil || t.refused || t.hangingUp() {
			return false, err
		}
		text, unread = "", n+1
	}
	t.writeTail(text+tail, withChunk)
	return true, t.flightReplies(unread, len(t.live))
}

// flightReplies reads the replies to one flight: to MAIL, if it was in it, and
// to the recipients live[from:to].
func (t *transaction) flightReplies(from, to int) error {
	if from == 0 {
		if err := t.mailReply(); err != nil {
			return err
		}
	}
	for _, i := range t.live[from:to] {
		if err := t.rcptReply(i); err != nil {
			return err
		}
	}
	return nil
}

// steps waits for each reply, for next hops without PIPELINING.
func (t *transaction) steps() (accepted bool, err error) {
	t.write([]byte(t.mail()))
	if err := t.mailReply(); err != nil || t.refused {
		return false, err
	}
	for _, i := range t.live {
		t.write([]byte(t.rcpt(i)))
		if err := t.rcptReply(i); err != nil {
			return false, err
		}
		if t.hangingUp() {
			return false, nil
		}
	}
	return len(t.taken) > 0, nil
}

// hangingUp reports that the next hop said 421, and ends everybody who is left
// with it.
func (t *transaction) hangingUp() bool {
	if t.closing.Code == 0 {
		return false
	}
	t.abandon(replied(t.closing), nil)
	return true
}

// writeTail writes text, and the chunk behind it in the same write where the
// buffer has room in front of it.
func (t *transaction) writeTail(text string, withChunk bool) {
	if !withChunk {
		t.write([]byte(text))
		return
	}
	if len(text) > frontRoom {
		t.write([]byte(text))
		text = ""
	}
	t.handOver(t.src.behind(text), "")
}

func (t *transaction) mail() string {
	utf8 := t.env.needsUTF8()
	for _, i := range t.live {
		utf8 = utf8 || !isASCII(t.env.Recipients[i].Address)
	}
	t.utf8 = utf8
	return mailCommand(t.env, t.src.size, utf8, t.c.ext)
}

func (t *transaction) rcpt(i int) string {
	return rcptCommand(&t.env.Recipients[i], t.utf8, t.c.ext)
}

// mailReply ends everybody if the sender was refused; the replies to RCPT then
// say nothing more.
func (t *transaction) mailReply() error {
	r, err := t.verdict(t.c.dest.Timeouts.Command)
	if err == nil && !r.Positive() {
		t.refused = true
		t.end(t.live, replied(r))
	}
	return err
}

func (t *transaction) rcptReply(i int) error {
	r, err := t.verdict(t.c.dest.Timeouts.Command)
	switch {
	case err != nil || t.refused:
		return err
	case r.Positive():
		t.taken = append(t.taken, i)
	default:
		t.outs[i] = replied(r)
	}
	return nil
}
