// Package filestore is a folder of calendar files (.ics) and contact files (.vcf) as a bridge.Store: what old servers without CalDAV export, and a way to keep calendars without any server.
//
// Each file is one calendar or address book, called as the file is; its items are what the file holds under one UID (package object). An item's reference is its UID, its version a digest of its octets, so that a file
// that is exported anew tells of what changed in it and of nothing else. Text in UTF-16, and lines that end with CR alone, are read as what they mean (text.go).
//
// As a target a file is written anew as a whole for each group of items, beside the old one and then in its place, and is on stable storage before anybody hears of it. Items keep their octets: a file
// is a sequence of objects (RFC 5545 §3.4), each as it was given. Nobody else may write to a target's folder.
package filestore
