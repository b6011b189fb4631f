package logtail

import "strings"

// mailScanner takes messages out of Postfix's hold queue, and puts those that it lets pass into the queue again, by another id.
const mailScanner = "MailScanner"

// requeued reads Requeue: 2BC793B8A4.A1B2C to 3CD804C9B5: the lines that follow name the message by the second id.
func (s *State) requeued(text string) Result {
	ids, ok := strings.CutPrefix(text, "Requeue: ")
	before, after, told := strings.Cut(ids, " to ")
	if !ok || !told {
		return Known
	}
	before, _, _ = strings.Cut(before, ".") // behind it a random number
	after, _, _ = strings.Cut(strings.TrimSpace(after), " ")
	m, held := s.pending.get(before)
	if !held || !isQueueID(after) {
		return Known
	}
	s.pending.remove(before)
	s.pending.put(strings.Clone(after), m)
	return Parsed
}
