package dnswatch

// newer reports whether one serial number of a zone follows another (RFC 1982 §3.2): they begin anew after the last.
func newer(a, b uint32) bool { return a != b && a-b < 1<<31 }
