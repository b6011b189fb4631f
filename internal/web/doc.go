// Package web is what posthouse shows over HTTP: the metrics, in the text format of Prometheus, at /metrics.
//
// Counters begin at zero with the process. What stands somewhere else, such as the queue in the ledger, is read when somebody asks. Names of metrics and labels stay as they
// are once they were released; no label has a value that a stranger can choose. Whoever can reach the address can read it, so that it is one of the machine itself.
package web
