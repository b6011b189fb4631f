package web

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"posthouse/evidence"
	"posthouse/internal/control"
)

// Metrics counts. Its methods may be called from any goroutine, and cost well under a microsecond.
type Metrics struct {
	registry *prometheus.Registry

	sessions, accepted, refused, unaccepted, abused, attempts *prometheus.CounterVec
	octets                                                    *prometheus.CounterVec
	commit                                                    prometheus.Histogram
}

// NewMetrics asks for the status at each scrape.
func NewMetrics(status func(context.Context) (control.Status, error)) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "posthouse", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		registry:   prometheus.NewRegistry(),
		sessions:   counter("sessions_total", "SMTP sessions begun", "listener"),
		accepted:   counter("messages_total", "messages answered 250", "route"),
		octets:     counter("message_octets_total", "their octets", "route"),
		refused:    counter("refused_recipients_total", "recipients not accepted, by the reply's code", "listener", "code"),
		unaccepted: counter("refused_messages_total", "messages not accepted after MAIL, by the reply's code", "listener", "code"),
		abused:     counter("abuses_total", "clients that broke the protocol or a limit, by what they did", "listener", "what"),
		attempts:   counter("attempts_total", "attempts at a delivery, by how it stands after it", "destination", "state"),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "posthouse", Name: "commit_seconds", Help: "time from a message's last octet until it is on stable storage",
			Buckets: []float64{.0005, .001, .002, .004, .008, .016, .032, .064, .128, .256, .512, 1, 2, 4, 8},
		}),
	}
	m.registry.MustRegister(m.sessions, m.accepted, m.octets, m.refused, m.unaccepted, m.abused, m.attempts, m.commit, gauges{status},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Session counts a session that began.
func (m *Metrics) Session(listener string) { m.sessions.WithLabelValues(listener).Inc() }

// Accepted counts a message that was answered 250, and how long its commit took.
func (m *Metrics) Accepted(route string, octets int64, commit time.Duration) {
	m.accepted.WithLabelValues(route).Inc()
	m.octets.WithLabelValues(route).Add(float64(octets))
	m.commit.Observe(commit.Seconds())
}

// Refused counts a recipient that was not accepted; code is the reply's, with the enhanced one.
func (m *Metrics) Refused(listener, code string) { m.refused.WithLabelValues(listener, code).Inc() }

// MessageRefused counts a message that was not accepted, its recipients apart.
func (m *Metrics) MessageRefused(listener, code string) {
	m.unaccepted.WithLabelValues(listener, code).Inc()
}

// Abused counts a client that broke the protocol or a limit.
func (m *Metrics) Abused(listener, what string) { m.abused.WithLabelValues(listener, what).Inc() }

// Attempted counts an attempt.
func (m *Metrics) Attempted(destination, state string) {
	m.attempts.WithLabelValues(destination, state).Inc()
}

// Handler answers GET /metrics.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}

// gauges are read when they are asked for.
type gauges struct {
	status func(context.Context) (control.Status, error)
}

var (
	known       = prometheus.NewDesc("posthouse_status_known", "1: how things stand was found out, 0: it was not, and what follows from it is missing", nil, nil)
	connections = prometheus.NewDesc("posthouse_connections", "open SMTP connections", []string{"listener"}, nil)
	queue       = prometheus.NewDesc("posthouse_deliveries", "required deliveries by state", []string{"state"}, nil)
	mailboxes   = prometheus.NewDesc("posthouse_mailboxes", "mailboxes by state", []string{"state"}, nil)
	items       = prometheus.NewDesc("posthouse_copied_messages", "messages of the old mailboxes that have a disposition", nil, nil)
	trouble     = prometheus.NewDesc("posthouse_trouble", "what somebody should look at now", nil, nil)
	verdict     = prometheus.NewDesc("posthouse_verdict", "1 ready, 0 not yet, -1 blind", []string{"verdict"}, nil)
)

// Describe implements prometheus.Collector.
func (g gauges) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{known, connections, queue, mailboxes, items, trouble, verdict} {
		to <- d
	}
}

// scrapeTime is how long what stands may take to be found out.
const scrapeTime = 10 * time.Second

// Collect implements prometheus.Collector. What cannot be found out is missing from the answer, which says so; the counters are told all the same.
func (g gauges) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	gauge := func(d *prometheus.Desc, n int, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	s, err := g.status(ctx)
	if err != nil {
		gauge(known, 0)
		return
	}
	gauge(known, 1)
	for name, n := range connectionsOf(s) {
		gauge(connections, n, name)
	}
	q := s.Queue
	for state, n := range map[string]int{
		"due": q.Due, "sending": q.Sending, "in doubt": q.InDoubt, "accepted": q.Accepted, "held": q.Held, "quiet": q.Quiet, "settled": q.Settled,
	} {
		gauge(queue, n, state)
	}
	for state, n := range mailboxesOf(s) {
		gauge(mailboxes, n, state)
	}
	gauge(items, s.Copy.Messages)
	gauge(trouble, len(s.Trouble))
	gauge(verdict, numbers[s.Server.State], "server")
	gauge(verdict, numbers[s.Address.State], "address")
}

var numbers = map[evidence.State]int{evidence.Ready: 1, evidence.NotYet: 0, evidence.Blind: -1}

// connectionsOf counts a listener with several addresses once.
func connectionsOf(s control.Status) map[string]int {
	open := map[string]int{}
	for _, l := range s.Listeners {
		open[l.Name] = l.Connections
	}
	return open
}

func mailboxesOf(s control.Status) map[string]int {
	n := map[string]int{}
	for _, m := range s.Mailboxes {
		n[string(m.State)]++
	}
	return n
}
