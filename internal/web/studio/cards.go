package studio

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// mostCards bounds a sheet: five pages of eight.
const mostCards = 40

// CardsPage is studio/cards: cards for the stall, to be printed and cut.
type CardsPage struct {
	web.Page
	Choices []Chip
	Cards   []StallCard
	Full    int // so many at most, where there are more; else 0
}

// StallCard is a card that lies beside a piece, or hangs on the door. It is read
// by whoever passes, so that it speaks every language at once.
type StallCard struct {
	Names  []lang.Text
	Maker  []lang.Text
	Prices []lang.Text // none on the workshop's own
	QR     web.QR
	Door   bool
}

// listCards serves GET /studio/cards. Without a choice it shows all that can be
// bought.
func (h *Handlers) listCards(c *gin.Context, _ identity.Account, a union.Artisan) error {
	l := web.Language(c)
	found, err := catalog.List(c.Request.Context(), h.Pool, catalog.Filter{Artisan: a.Slug, Limit: mostCards})
	if err != nil {
		return err
	}
	page := &CardsPage{Page: h.page(c, "workshop", l.T("studio.cards"))}
	if found.Next != "" {
		page.Full = mostCards
	}
	chosen := c.QueryArray("piece")
	all := len(chosen) == 0
	door := StallCard{Names: inAll(a.TradeName), Maker: names(a), Door: true}
	if door.QR, err = web.NewQR(h.Site.PublicURL+"/artisans/"+a.Slug, l.T("studio.cards.code", a.Name)); err != nil {
		return err
	}
	if all || slices.Contains(chosen, a.Slug) {
		page.Cards = append(page.Cards, door)
	}
	page.Choices = append(page.Choices, Chip{a.Slug, lang.Text{Words: l.T("studio.cards.door"), Lang: l.Code, Dir: l.Dir}, all || slices.Contains(chosen, a.Slug)})
	for _, p := range found.Cards {
		if p.Availability() == catalog.SoldOut {
			continue
		}
		on := all || slices.Contains(chosen, p.Slug)
		title := p.Title.In(l, p.WrittenIn)
		page.Choices = append(page.Choices, Chip{p.Slug, title, on})
		if !on {
			continue
		}
		card := StallCard{Names: inAll(p.Title), Maker: names(a), Prices: prices(p)}
		if card.QR, err = web.NewQR(h.Site.PublicURL+"/products/"+p.Slug, l.T("studio.cards.code", title)); err != nil {
			return err
		}
		page.Cards = append(page.Cards, card)
	}
	return h.Site.Render(c, http.StatusOK, "studio/cards", page)
}

// inAll returns a text in every language that it is in, Arabic last, so that
// the Latin ones stand together.
func inAll(t lang.Texts) (list []lang.Text) {
	for _, l := range lang.All {
		if words := t[l.Code]; words != "" && !slices.ContainsFunc(list, func(other lang.Text) bool { return other.Words == words }) {
			list = append(list, lang.Text{Words: words, Lang: l.Code, Dir: l.Dir})
		}
	}
	return list
}

// names are the artisan's in both scripts.
func names(a union.Artisan) []lang.Text {
	latin, arabic := a.NameIn(lang.Or("fr"))
	return []lang.Text{latin, arabic}
}

// prices says what a piece costs as price tags in Morocco do, in French and in
// Arabic.
func prices(p catalog.Card) (list []lang.Text) {
	for _, code := range []string{"fr", "ar"} {
		l := lang.Or(code)
		said := l.Money(p.Price)
		if p.PriceMost != p.Price {
			said = l.T("card.from", said)
		}
		list = append(list, lang.Text{Words: said, Lang: code, Dir: l.Dir})
	}
	return list
}
