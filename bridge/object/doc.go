// Package object reads calendar files (iCalendar, RFC 5545) and contact files (vCard, RFC 2426 and RFC 6350) as far as moving them demands: line by line, and as the items that they hold.
//
// Nothing is judged and nothing is lost: a line keeps the octets that it came with, and what is not changed is written as it was read. Split takes a file apart into items: everything that shares a
// UID is one, with the properties and time zones of its calendar around it. A file that holds one item is that item, octet by octet.
// An event and a task of one UID, and two events of which neither is a recurrence of the other, are two items: no server takes them as one.
package object
