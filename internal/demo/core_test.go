package demo

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"
)

const (
	delivery = "Return-Path: <a@b.example>\r\nReceived: from x ([127.0.0.1])\r\n\tby mx.cloud.example " + serverMark + ";\r\n\tMon, 02 Nov 2026 00:00:00 UTC\r\n"
	received = "Received: from mail.acme.example ([127.0.1.1])\r\n\tby mail.example.com (posthouse) with ESMTP id 01JD9F3K7Q01JD9F3K7Q01JD9F;\r\n\tMon, 02 Nov 2026 00:00:00 GMT\r\n"
	trace    = "X-Posthouse-Trace: 01JD9F3K7Q01JD9F3K7Q01JD9F.0123456789ABCDEFGHIJKLMNOP\r\n"
	rules    = "Auto-Submitted: auto-generated\r\nX-Sieve-Redirected-From: anna@example.com\r\n"
	letterOf = "Received: from app by x id D000001;\r\n\tMon, 02 Nov 2026 00:00:00 +0000\r\nSubject: hello\r\n\r\nhello\r\n"
)

func TestCoreOf(t *testing.T) {
	tests := []struct {
		name, message string
		same          bool
	}{
		{"as it was sent", letterOf, true},
		{"delivered", delivery + letterOf, true},
		{"captured", received + trace + letterOf, true},
		{"captured and delivered", delivery + received + trace + letterOf, true},
		{"for one recipient", strings.Replace(received, ";", "\r\n\tfor <anna@example.com>;", 1) + trace + letterOf, true},
		{"a copy for the old server", delivery + received + trace + rules + letterOf, true},
		{"half of a copy's fields", received + trace + "Auto-Submitted: auto-generated\r\n" + letterOf, false},
		{"a copy's fields twice", received + trace + rules + rules + letterOf, false},
		{"a copy's fields alone", rules + letterOf, false},
		{"captured twice", received + trace + received + trace + letterOf, false},
		{"delivered twice", delivery + delivery + letterOf, false},
		{"our fields above the server's", received + trace + delivery + letterOf, false},
		{"no trace", received + letterOf, false},
		{"no Received", trace + letterOf, false},
		{"another field of ours", received + trace + "X-Posthouse: 1\r\n" + letterOf, false},
		{"a short trace", received + "X-Posthouse-Trace: 1.2\r\n" + letterOf, false},
		{"another line end", strings.Replace(letterOf, "\r\n", "\n", 1), false},
		{"an octet less", strings.TrimSuffix(letterOf, "\n"), false},
		{"somebody else's Return-Path", "Return-Path: <a@b.example>\r\n" + letterOf, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := coreOf([]byte(tt.message)) == sha256.Sum256([]byte(letterOf)); got != tt.same {
				t.Errorf("is the same: %t", got)
			}
		})
	}
}

func TestCutField(t *testing.T) {
	tests := []struct{ message, field string }{
		{"", ""}, {"a", "a"}, {"a\r\n", "a\r\n"}, {"a\r\nb\r\n", "a\r\n"}, {"a\r\n b\r\n\tc\r\nd", "a\r\n b\r\n\tc\r\n"}, {"\r\nbody", "\r\n"}, {"a\r\n ", "a\r\n "}, {"a\nb\r\nc", "a\nb\r\n"},
	}
	for _, tt := range tests {
		field, rest := cutField([]byte(tt.message))
		if string(field) != tt.field || string(field)+string(rest) != tt.message {
			t.Errorf("%q: got %q and %q", tt.message, field, rest)
		}
	}
}

func FuzzCoreOf(f *testing.F) {
	for _, seed := range []string{letterOf, delivery, received + trace, "", "\r\n", " folded\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		if bytes.HasPrefix(message, []byte("Return-Path")) || bytes.HasPrefix(message, []byte("Received")) || bytes.HasPrefix(message, []byte(" ")) || bytes.HasPrefix(message, []byte("\t")) {
			return // begins like what is taken off
		}
		if coreOf([]byte(delivery+received+trace+string(message))) != sha256.Sum256(message) {
			t.Errorf("%q is not found again under what servers wrote above it", message)
		}
	})
}
