package demo

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/lang"
)

// file is demo.json as far as the market has a place for it. What else stands
// in it, plan and observatory, waits there.
type file struct {
	Notice lang.Texts `json:"note_i18n"`
	Vocab  struct {
		Materials, Techniques, Colours []struct {
			Slug string
			Name lang.Texts
			Hex  string
		}
		Care []struct {
			Slug string
			Text lang.Texts
		}
		Kinds []struct {
			Slug   string
			Name   lang.Texts
			Trades []string
		}
	}
	Union struct {
		Name           lang.Texts
		PlatformName   lang.Texts `json:"platform_name"`
		Tagline        lang.Texts
		Founded        string
		About          lang.Texts
		Values         []lang.Texts
		Commission     int        `json:"commission_percent"`
		CommissionNote lang.Texts `json:"commission_note"`
		Address        struct{ Line1, Line2, Postcode, City, Country string }
		Phone, Email   string
		Legal          struct {
			Form, ICE string
			IFNumber  string `json:"if_number"`
		}
		CounterHours map[string]*string `json:"counter_hours"`
		Timeline     []struct {
			Date string
			Text lang.Texts
		}
	}
	Trades []struct {
		Slug, Committee   string
		Sort              int
		Name, Description lang.Texts
		Process           []lang.Texts
	}
	Zones []struct {
		Slug              string
		Lat, Lon          float64
		InMedina          bool `json:"in_medina"`
		Name, Description lang.Texts
	}
	Committees []struct {
		Slug          string
		Name, Mission lang.Texts
		Chair         string
		ViceChair     string `json:"vice_chair"`
		Meets         string
		Specification lang.Texts // what its mark asks for
	}
	Kin               [][2]string  // slugs of artisans
	Criteria, Phrases []lang.Texts // every committee begins with these
	Artisans          []struct {
		Slug          string
		Name          struct{ Latin, Ar string }
		Gender        string
		Trade, Zone   string
		Lat, Lon      float64
		Bio           lang.Texts
		Languages     []string
		Years         int                    `json:"years_of_craft"`
		AcceptsVisits bool                   `json:"accepts_visits"`
		ByAppointment bool                   `json:"visit_by_appointment"`
		VisitHours    map[string][][2]string `json:"visit_hours"`
		Phone         string
		Register      string `json:"register_number"`
		Mark          int    `json:"quality_mark_level"`
		Joined        string
		LegalStatus   string `json:"legal_status"`
		RIB           string `json:"payout_rib_demo"`
	}
	Products    []product
	Collections []struct {
		Slug               string
		Title, Description lang.Texts
		Products           []string
	}
	Reviews []struct {
		ID, Product, Lang, Author, Country, Date, Text string
		Rating                                         int
	}
	Trainings []struct {
		Slug, End, Status, Trainer string
		Title, Outcome             lang.Texts
	}
	FAQ []struct {
		Slug, Topic      string
		Question, Answer lang.Texts
	}
	ShippingZones []struct {
		Slug        string
		Name        lang.Texts
		Countries   []string
		Carrier     string
		Tracking    string
		TransitDays struct{ Min, Max int } `json:"transit_days"`
		Bands       []struct {
			MaxG  int   `json:"max_g"`
			Price int64 `json:"price_mad"`
		}
		FreeOver *int64 `json:"free_over_mad"`
	} `json:"shipping_zones"`
	Pages []struct { // of a file of their own
		Slug        string
		Title, Body lang.Texts
	} `json:"-"`
	EU    []string
	Rates []struct {
		Currency string
		PerUnit  json.Number `json:"mad_per_unit"`
		Date     string
	}
}

type product struct {
	Slug, SKU, Artisan, Trade, Kind string
	Title, Description              lang.Texts
	Price                           int64 `json:"price_mad"`
	MadeToOrder                     bool  `json:"made_to_order"`
	LeadDays                        int   `json:"lead_days"`
	Stock                           *int
	Materials, Techniques, Colours  []string
	Care                            string
	Dimensions                      *struct{ Length, Width, Height *float64 } `json:"dimensions_cm"`
	Weight                          int                                       `json:"weight_g"`
	PackedWeight                    int                                       `json:"packed_weight_g"`
	Fragile                         bool
	HSCode                          string `json:"hs_code"`
	Origin                          string
	ShipMode                        string `json:"ship_mode"`
	Variants                        []struct {
		SKU, Kind string
		Label     lang.Texts
		Delta     int64 `json:"price_delta_mad"`
		Stock     *int
	}
	Featured    bool
	Compliance  []string
	MakingHours float64          `json:"making_hours"`
	Breakdown   map[string]int64 `json:"price_breakdown_mad"`
	Created     string
	BuyerText   *catalog.BuyerText `json:"buyer_text"`
}

func read(dir string) (file, error) {
	b, err := os.ReadFile(filepath.Join(dir, "demo.json"))
	if err != nil {
		return file{}, fmt.Errorf("demo: %w", err)
	}
	var f file
	if err := json.Unmarshal(b, &f); err != nil {
		return file{}, fmt.Errorf("demo: demo.json: %w", err)
	}
	if b, err = os.ReadFile(filepath.Join(dir, "pages.json")); err != nil {
		return file{}, fmt.Errorf("demo: %w", err)
	}
	if err := json.Unmarshal(b, &f.Pages); err != nil {
		return file{}, fmt.Errorf("demo: pages.json: %w", err)
	}
	return f, nil
}
