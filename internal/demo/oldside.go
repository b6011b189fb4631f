package demo

import "time"

// write is what a person does on the old server: log in, write to a colleague, find the letter among the sent ones.
func (f *flow) write(from, to mailbox, l letter) error {
	now := f.w.clock.Now().Truncate(time.Second)
	if err := f.visit(from); err != nil {
		return err
	}
	if _, err := f.w.legacy.Append(from.address(), from.sent(), l.data, []string{`\Seen`}, now); err != nil {
		return err
	}
	f.w.book.put(from.address(), `\Sent`, l.core, "sent by "+from.address()+" on the old server")
	if _, err := f.w.legacy.Append(to.address(), inbox, l.data, nil, now); err != nil {
		return err
	}
	f.w.book.put(to.address(), inbox, l.core, "from "+from.address()+" on the old server")
	f.count(func(t *Traffic) { t.Sent++; t.Old++ })
	return nil
}

// mark is what a person does with a message that was there from the beginning.
func (f *flow) mark(m mailbox, uid uint32, flags []string) error {
	if err := f.visit(m); err != nil {
		return err
	}
	return f.w.legacy.SetFlags(m.address(), inbox, uid, flags...)
}

// remove takes one out of the old mailbox, once it has been copied: what is removed before that is not to be found anywhere, and rightly.
func (f *flow) remove(m mailbox, uid uint32) error {
	if !f.copied.Load() {
		return nil
	}
	if err := f.visit(m); err != nil {
		return err
	}
	data, err := f.w.legacy.Bytes(m.address(), inbox, uid)
	if err != nil {
		return err
	}
	f.w.book.removed(m.address(), inbox, coreOf(data))
	return f.w.legacy.Remove(m.address(), inbox, uid)
}

// visit is a login on the old server.
func (f *flow) visit(m mailbox) error {
	f.count(func(t *Traffic) { t.Logins++ })
	return f.diary.login(m.address(), m.device())
}
