package admin

import (
	"cmp"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/checkout"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/mail"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/settings"
	"kissaria.ma/internal/union"
)

// A sample is what fills the places in a letter's words when it is looked at
// before anyone gets it. The order and the reader are made up.
type sample struct{ subject, heading, intro []any }

const (
	sampleName   = "Marta García"
	sampleNumber = "7K-2QXM"
)

// sampleOf fills in a letter's words.
func sampleOf(letter string, l *lang.Language, p union.Profile, now time.Time) sample {
	name, number := []any{sampleName}, []any{sampleNumber}
	total := money.Centimes(235_000)
	switch letter {
	case "paid", "ready", "sent", "prepare":
		return sample{number, name, number}
	case "confirmed":
		return sample{number, name, []any{total, now.AddDate(0, 0, 5).In(p.Location)}}
	case "refund":
		return sample{number, number, []any{total}}
	case "office":
		return sample{number, number, []any{2}}
	case "account.invitation", "account.reset":
		return sample{[]any{p.Market.In(l, "fr")}, name, []any{p.Name.In(l, "fr")}}
	}
	return sample{number, number, nil}
}

// letterPreviews shows a letter in every language as it will be read.
func (h *Handlers) letterPreviews(c *gin.Context, letter string, v settings.Values) (list []SettingPreview, err error) {
	p, err := h.Site.Profile(c.Request.Context())
	if err != nil {
		return nil, err
	}
	for _, of := range lang.All {
		own := map[string]string{}
		for _, part := range []string{"subject", "heading", "intro"} {
			key := "mail." + letter + "." + part
			own[key] = cmp.Or(v.Texts(part)[of.Code], of.Text(key))
		}
		l := of.With(own)
		s := sampleOf(letter, l, p, h.Site.Now())
		key := "mail." + letter
		subject, heading, intro := l.T(key+".subject", s.subject...), l.T(key+".heading", s.heading...), l.T(key+".intro", s.intro...)
		template, model := "order_paid", any(checkout.OrderLetter{Lang: l.Code, Dir: l.Dir, Heading: heading, Intro: intro, Number: sampleNumber,
			Button: l.T("mail.paid.button"), URL: h.Site.PublicURL})
		if strings.HasPrefix(letter, "account.") {
			template, model = "account_link", AccountLetter{Heading: heading, Intro: intro, URL: h.Site.PublicURL, Button: l.T("mail.account.button"),
				Foot: l.T("mail.account.foot", h.Site.Now().AddDate(0, 0, 3).In(p.Location))}
		}
		text, err := h.Desk.Post.Preview(l, mail.Draft{Key: "preview", Template: template, Subject: subject, Model: model},
			mail.Frame{Market: p.Market.In(l, "fr").Words, Notice: p.Notice.In(l, "fr").Words})
		if err != nil {
			return nil, err
		}
		list = append(list, SettingPreview{Name: of.Name, Of: lang.Text{Lang: of.Code, Dir: of.Dir}, Letter: subject + "\n\n" + text})
	}
	return list, nil
}
