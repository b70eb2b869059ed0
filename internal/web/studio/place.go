package studio

import (
	"math"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// PlacePart is partial/place: the quarter, and the place on the map.
type PlacePart struct {
	Action       string
	Quarters     []Chip
	QuarterWrong string
	Map          *web.MapSketch // nil outside the medina
	Pin          bool
	Wrong        string
	Moves        []web.Link // a step on the map: its name, and where to
	Width        int        // of the sketch as it is tapped, in CSS pixels
	Height       int
}

// tapScale is by how much the sketch that is tapped is smaller than it is drawn.
// A browser tells where in pixels of what it shows, so that it is of one size on
// every screen.
const tapScale = 2

// step is how far the workshop moves at a tap on an arrow, in metres.
const step = 15

// moves are the directions, as their steps to the north and to the east.
var moves = map[string][2]float64{"north": {1, 0}, "south": {-1, 0}, "east": {0, 1}, "west": {0, -1}}

// atPlace gives a handler the part that its address names without a parameter:
// this page alone may ask where the phone is.
func atPlace(fn func(*gin.Context, identity.Account, union.Artisan) error) func(*gin.Context, identity.Account, union.Artisan) error {
	return func(c *gin.Context, account identity.Account, a union.Artisan) error {
		c.AddParam("part", "place")
		return fn(c, account, a)
	}
}

func (h *Handlers) newPlacePart(c *gin.Context, a union.Artisan, form *web.Form) (*PlacePart, error) {
	l := web.Language(c)
	quarters, err := union.Quarters(c.Request.Context(), h.Pool)
	if err != nil {
		return nil, err
	}
	p := &PlacePart{Action: "/studio/workshop/place", Map: web.NewMapSketch(l, quarters, a), Pin: a.Latitude != nil && a.Longitude != nil,
		QuarterWrong: form.Wrong("quarter"), Wrong: form.Wrong("place"), Width: web.MapWidth / tapScale, Height: web.MapHeight / tapScale}
	for _, q := range quarters {
		p.Quarters = append(p.Quarters, Chip{q.Slug, q.Name.In(l, "fr"), q.ID == a.Quarter})
	}
	if p.Pin {
		for _, way := range []string{"north", "south", "west", "east"} {
			p.Moves = append(p.Moves, web.Link{Name: l.T("studio.place." + way), Path: way})
		}
	}
	return p, nil
}

// savePlace serves POST /studio/workshop/place: another quarter, a tap on the
// map, a step, or where the phone is.
func (h *Handlers) savePlace(c *gin.Context, account identity.Account, a union.Artisan) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		switch {
		case form.Value("quarter") != "":
			if err := union.SetQuarter(ctx, tx, a, form.Value("quarter"), account.ID); err != nil {
				return err
			}
			return catalog.RefreshArtisan(ctx, tx, a.ID)
		case form.Value("hide") != "":
			return union.HidePlace(ctx, tx, a, account.ID)
		}
		latitude, longitude, err := readPlace(c, tx, form, a)
		if err != nil {
			return err
		}
		return union.SetPlace(ctx, tx, a, latitude, longitude, account.ID)
	})
	if form.Take(err) {
		page, err := h.newPartPage(c, a, form)
		if err != nil {
			return err
		}
		return h.Site.Render(c, http.StatusUnprocessableEntity, "studio/part", page)
	}
	if err != nil {
		return err
	}
	web.Redirect(c, "/studio/workshop/place?kept=1")
	return nil
}

// readPlace reads a position: two numbers of degrees from the phone, a point of
// the sketch, or a step from where the workshop is. It returns a fault beside
// the field place.
func readPlace(c *gin.Context, tx pgx.Tx, form *web.Form, a union.Artisan) (latitude, longitude float64, err error) {
	var f fault.Form
	f.Wrong("place", "studio.place.unread")
	if way, ok := moves[form.Value("move")]; ok && a.Latitude != nil && a.Longitude != nil {
		const perDegree = 111_320
		return *a.Latitude + way[0]*step/perDegree,
			*a.Longitude + way[1]*step/perDegree/math.Cos(*a.Latitude*math.Pi/180), nil
	}
	if form.Value("spot.x") != "" {
		x, errX := strconv.Atoi(form.Value("spot.x"))
		y, errY := strconv.Atoi(form.Value("spot.y"))
		quarters, err := union.Quarters(c.Request.Context(), tx)
		if err != nil {
			return 0, 0, err
		}
		m := web.NewMapSketch(web.Language(c), quarters, a)
		// Pressed by a key, the map is tapped nowhere.
		nowhere := x <= 0 && y <= 0
		if errX != nil || errY != nil || m == nil || nowhere || x > web.MapWidth/tapScale || y > web.MapHeight/tapScale || x < 0 || y < 0 {
			return 0, 0, f.Err()
		}
		latitude, longitude = m.At(x*tapScale, y*tapScale)
		return latitude, longitude, nil
	}
	latitude, errLatitude := strconv.ParseFloat(lang.WesternDigits(form.Value("latitude")), 64)
	longitude, errLongitude := strconv.ParseFloat(lang.WesternDigits(form.Value("longitude")), 64)
	if errLatitude != nil || errLongitude != nil {
		return 0, 0, f.Err()
	}
	return latitude, longitude, nil
}
