package web

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// durations counts requests by route and status, and how long they took. The
// route is that of the router and never an address, so that the labels are few.
type durations struct {
	once sync.Once
	*prometheus.HistogramVec
}

func (d *durations) get() *prometheus.HistogramVec {
	d.once.Do(func() {
		d.HistogramVec = prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "kissaria", Name: "request_seconds", Help: "Time to answer a request.",
			Buckets: []float64{.002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"route", "status"})
	})
	return d.HistogramVec
}

// Metrics are the site's, for the private listener.
func (s *Site) Metrics() prometheus.Collector { return s.durations.get() }

func (s *Site) observe(route string, status int, took time.Duration) {
	s.durations.get().WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

// Metrics are the page cache's, for the private listener.
func (p *PageCache) Metrics() []prometheus.Collector {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "kissaria", Subsystem: "page_cache", Name: name, Help: help}, func() float64 {
			p.mu.Lock()
			defer p.mu.Unlock()
			return value()
		})
	}
	return []prometheus.Collector{
		p.answers, p.dropped,
		gauge("pages", "Pages that are kept.", func() float64 { return float64(len(p.pages)) }),
		gauge("bytes", "Memory that they take.", func() float64 { return float64(p.plain.bytes + p.queried.bytes) }),
		gauge("listening", "Whether changes are heard of, so that pages can be kept.", func() float64 {
			if p.listening {
				return 1
			}
			return 0
		}),
	}
}
