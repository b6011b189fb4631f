// Package rules holds the rules of the house as tests: which package may import which and why, which packages stay pure, what each package
// says of itself, and that the documents speak of things that exist. It has no code but tests.
//
// Everything is read in this process, by go/parser over the module's folder. A test that shells out to the go command would be
// served from the test cache after a change, because the cache only sees the files that the test itself opened.
//
// Test files are exempt from the rules of import: a test may join what the product keeps apart (the bridge's tests store into SQLite, the
// listener's tests deliver to a test server). Everything else is not, whatever its build tags say.
package rules
