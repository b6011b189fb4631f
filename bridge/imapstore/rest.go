package imapstore

// Rest gives up every connection that nobody uses at the moment, so that it may serve another store. It does not wait for those in use. What is given up is made again
// when it is needed.
func (s *Store) Rest() {
	s.makeRoom()
	s.control.rest()
}
