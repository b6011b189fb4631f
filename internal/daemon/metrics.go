package daemon

import (
	"context"
	"fmt"
	"net"

	"posthouse/internal/web"
)

// startMetrics answers those who want to count, where that is configured.
func (d *Daemon) startMetrics(context.Context) error {
	address := d.cfg.Metrics.Address
	if address == "" {
		return nil
	}
	server, err := web.Listen(address, d.metrics.Handler())
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	d.metricsAt = server.Addr()
	d.onStop(server.Stop)
	d.log.WithField("address", server.Addr().String()).Info("answers for metrics")
	return nil
}

// MetricsAddr is where metrics are answered; nil where that is not configured.
func (d *Daemon) MetricsAddr() net.Addr { return d.metricsAt }
