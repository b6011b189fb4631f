// Package config loads the one TOML file, and the mailboxes.csv beside it, that describe a cutover.
//
// What it promises: a file is taken whole or not at all; all that is wrong with it is said at once, each
// with file, line, column and the nearest word that would have been right; no secret is ever part of a
// problem's text, of a log line or of a dump.
//
// The order of events in Load: the TOML is parsed into a tree in which every key and value knows its
// place; the tree is decoded into the typed structs, field by field, collecting unknown keys and wrong
// values; defaults fill what was not said; the mailboxes file is read in whichever of three dialects it
// has; and then the references between the parts (destinations, servers, mailboxes, files, secrets) are
// checked. Paths in the file are relative to the file's own folder and absolute afterwards.
//
// The structs are the definition. A field's tags give its key, its default, an example and whether a
// reload applies it (live) or a restart is needed; its comment is what "config example" prints above it.
// The comments are read from the package's own embedded source, so that there is one text, not two.
//
// The package imports nothing of posthouse. Only the composition root and the commands import it; they
// copy its values into the components' own fields.
package config
