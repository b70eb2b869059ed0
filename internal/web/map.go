package web

import (
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/union"
)

// MapSketch is partial/map_sketch: where a workshop is among the quarters. It
// is a sketch from their positions and not a survey.
type MapSketch struct {
	Label  string
	Places []MapPlace
	Pin    bool // the workshop has a place
	X, Y   int  // of the workshop

	south, north, west, east float64 // of the quarters, WGS 84 degrees
}

// MapPlace is a quarter on the sketch.
type MapPlace struct {
	Name string
	X, Y int
	Here bool
}

// A sketch is so many units wide and high, with the quarters this far from the
// edges.
const (
	MapWidth  = 560
	MapHeight = 360
	mapMargin = 60
)

// NewMapSketch lays the quarters of the medina out by their positions. A
// workshop outside has no sketch.
func NewMapSketch(l *lang.Language, quarters []union.Quarter, a union.Artisan) *MapSketch {
	var medina []union.Quarter
	here := false
	for _, q := range quarters {
		if q.InMedina {
			medina = append(medina, q)
			here = here || q.ID == a.Quarter
		}
	}
	if !here || len(medina) < 2 {
		return nil
	}
	m := &MapSketch{Label: l.T("artisan.map", a.QuarterName.In(l, "fr")),
		south: medina[0].Latitude, north: medina[0].Latitude, west: medina[0].Longitude, east: medina[0].Longitude}
	for _, q := range medina {
		m.south, m.north = min(m.south, q.Latitude), max(m.north, q.Latitude)
		m.west, m.east = min(m.west, q.Longitude), max(m.east, q.Longitude)
	}
	if m.south == m.north || m.west == m.east {
		return nil
	}
	for _, q := range medina {
		x, y := m.place(q.Latitude, q.Longitude)
		m.Places = append(m.Places, MapPlace{q.Name.In(l, "fr").Words, x, y, q.ID == a.Quarter})
	}
	if a.Latitude != nil && a.Longitude != nil {
		m.Pin = true
		m.X, m.Y = m.place(*a.Latitude, *a.Longitude)
	}
	return m
}

// place returns where a position is on the sketch. What is outside stands at its
// edge.
func (m *MapSketch) place(latitude, longitude float64) (x, y int) {
	x = mapMargin + int((longitude-m.west)/(m.east-m.west)*(MapWidth-2*mapMargin))
	y = MapHeight - mapMargin - int((latitude-m.south)/(m.north-m.south)*(MapHeight-2*mapMargin))
	return min(max(x, 20), MapWidth-20), min(max(y, 40), MapHeight-20)
}

// At returns the position, in degrees, that a point of the sketch stands for.
func (m *MapSketch) At(x, y int) (latitude, longitude float64) {
	return m.south + float64(MapHeight-mapMargin-y)/(MapHeight-2*mapMargin)*(m.north-m.south),
		m.west + float64(x-mapMargin)/(MapWidth-2*mapMargin)*(m.east-m.west)
}
