package main

import (
	"io/fs"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// privateServer answers /metrics and pprof, on an address of its own that is
// not for visitors. It is nil where none is set.
func (a *app) privateServer() (*http.Server, error) {
	if a.config.PrivateListen == "" {
		return nil, nil
	}
	r := prometheus.NewRegistry()
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "kissaria", Name: name, Help: help}, value)
	}
	for _, c := range append(a.site.Pages.Metrics(),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("database_connections", "Connections to PostgreSQL.", func() float64 { return float64(a.pool.Stat().TotalConns()) }),
		gauge("database_connections_busy", "Connections in use.", func() float64 { return float64(a.pool.Stat().AcquiredConns()) }),
		gauge("database_waits", "Times that a connection had to be waited for.", func() float64 { return float64(a.pool.Stat().EmptyAcquireCount()) }),
		a.site.Metrics(),
	) {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(r, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	return &http.Server{Addr: a.config.PrivateListen, Handler: mux, ReadHeaderTimeout: 5 * time.Second}, nil
}

// iconsOf is the folder of icons.
func iconsOf(files fs.FS) (fs.FS, error) { return fs.Sub(files, "icons") }

// location is a time zone by its IANA name.
func location(name string) (*time.Location, error) { return time.LoadLocation(name) }
