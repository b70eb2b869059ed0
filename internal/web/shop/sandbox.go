package shop

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/mail"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/payment/sandbox"
	"kissaria.ma/internal/web"
)

// SandboxPage is shop/sandbox_pay: the demo's payment page, which takes test
// cards and no money.
type SandboxPage struct {
	web.Page
	Amount  money.Amount
	Lines   []SummaryLine
	Email   string
	Number  web.Field
	Expiry  web.Field
	CVC     web.Field
	Name    web.Field
	Said    string
	Asking  bool // the bank wants its customer to confirm
	Action  string
	Confirm string
	Cancel  string
	Until   time.Time
	Cards   []TestCard
}

// TestCard is a card that the sandbox knows, and what it does.
type TestCard struct{ Number, Does string }

// newSandboxPayment serves GET /sandbox/pay/:id.
func (h *Handlers) newSandboxPayment(c *gin.Context) error {
	s, err := h.sandboxSession(c)
	if err != nil {
		return err
	}
	if s.Status != sandbox.Open {
		return h.leaveSandbox(c, s)
	}
	return h.Site.Render(c, http.StatusOK, "shop/sandbox_pay", h.newSandboxPage(c, s, web.EmptyForm(c), ""))
}

// sandboxSession reads a session and speaks the language of its order.
func (h *Handlers) sandboxSession(c *gin.Context) (sandbox.Session, error) {
	s, err := h.Sandbox.Session(c.Param("id"))
	if errors.Is(err, sandbox.ErrNoSession) {
		return sandbox.Session{}, web.ErrNoPage
	}
	if err != nil {
		return sandbox.Session{}, err
	}
	// Stripe has no Arabic page, so the order's language travels beside.
	web.SetLanguage(lang.Or(s.Metadata["language"]))(c)
	return s, nil
}

// leaveSandbox sends the buyer back to the shop.
func (h *Handlers) leaveSandbox(c *gin.Context, s sandbox.Session) error {
	back := s.CancelURL
	if s.Status == sandbox.Complete {
		back = s.SuccessURL
	}
	web.Redirect(c, h.Site.Local(back))
	return nil
}

func (h *Handlers) newSandboxPage(c *gin.Context, s sandbox.Session, form *web.Form, said string) *SandboxPage {
	l := web.Language(c)
	action := "/sandbox/pay/" + s.ID
	page := &SandboxPage{Page: h.Site.Page(c, l.T("sandbox.title")), Amount: amountOf(s, s.Amount), Email: s.Email, Said: said,
		Asking: s.Asking, Action: action, Confirm: action + "/confirmation", Cancel: h.Site.Local(s.CancelURL), Until: s.ExpiresAt}
	page.NoIndex = true
	for _, line := range s.Lines {
		page.Lines = append(page.Lines, SummaryLine{Title: lang.Text{Words: line.Title, Lang: l.Code, Dir: l.Dir},
			Quantity: int(line.Quantity), Amount: amountOf(s, line.Unit*line.Quantity)})
	}
	digits := func(f *web.Field) { f.Dir, f.InputMode, f.Required, f.MaxLength = "ltr", "numeric", true, 30 }
	half := func(f *web.Field) { f.Class = "field--half" }
	page.Number = form.Field("sandbox", "number", "cc-number", digits)
	page.Expiry = form.Field("sandbox", "expiry", "cc-exp", digits, half)
	page.CVC = form.Field("sandbox", "cvc", "cc-csc", digits, half)
	page.Name = form.Field("sandbox", "name", "cc-name")
	for _, card := range []struct{ number, does string }{
		{"4242 4242 4242 4242", "succeeds"}, {"4000 0000 0000 0002", "declined"}, {"4000 0025 0000 3155", "asks"}} {
		page.Cards = append(page.Cards, TestCard{card.number, l.T("sandbox.card." + card.does)})
	}
	return page
}

func amountOf(s sandbox.Session, minor int64) money.Amount {
	return money.Amount{Minor: minor, Currency: money.Currency(strings.ToUpper(s.Currency))}
}

// createSandboxPayment serves POST /sandbox/pay/:id.
func (h *Handlers) createSandboxPayment(c *gin.Context) error {
	s, err := h.sandboxSession(c)
	if err != nil {
		return err
	}
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	return h.sandboxOutcome(c, s, form, func(ctx context.Context) (sandbox.Outcome, error) {
		return h.Sandbox.Pay(ctx, s.ID, sandbox.Card{
			Number: form.Value("number"), Expiry: form.Value("expiry"), CVC: form.Value("cvc"), Name: form.Value("name")})
	})
}

// createSandboxConfirmation serves POST /sandbox/pay/:id/confirmation, the
// buyer's answer to the bank's question.
func (h *Handlers) createSandboxConfirmation(c *gin.Context) error {
	s, err := h.sandboxSession(c)
	if err != nil {
		return err
	}
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	return h.sandboxOutcome(c, s, form, func(ctx context.Context) (sandbox.Outcome, error) {
		return h.Sandbox.Confirm(ctx, s.ID, form.Value("answer") == "yes")
	})
}

func (h *Handlers) sandboxOutcome(c *gin.Context, s sandbox.Session, form *web.Form, try func(context.Context) (sandbox.Outcome, error)) error {
	l := web.Language(c)
	out, err := try(c.Request.Context())
	if errors.Is(err, sandbox.ErrNotAsked) {
		web.Redirect(c, "/sandbox/pay/"+s.ID)
		return nil
	}
	if err != nil {
		return err
	}
	if out.Return != "" {
		web.Redirect(c, h.Site.Local(out.Return))
		return nil
	}
	if s, err = h.Sandbox.Session(s.ID); err != nil {
		return err
	}
	said := ""
	switch out.Result {
	case sandbox.Challenge:
		web.Redirect(c, "/sandbox/pay/"+s.ID)
		return nil
	case sandbox.Invalid:
		var f fault.Form
		for field := range out.Fields {
			f.Wrong(field, "sandbox.wrong."+field)
		}
		form.Take(f.Err())
	case sandbox.Declined:
		key := "sandbox.declined." + out.Decline
		if !l.Has(key) {
			key = "sandbox.declined.generic_decline"
		}
		said = l.T(key)
	}
	form.Set("cvc", "") // A code is never shown again.
	return h.Site.Render(c, http.StatusUnprocessableEntity, "shop/sandbox_pay", h.newSandboxPage(c, s, form, said))
}

// MailsPage is shop/sandbox_mails: what the demo has written to whom.
type MailsPage struct {
	web.Page
	Mails []MailEntry
}

// MailEntry is a letter in the demo's mailbox.
type MailEntry struct {
	Path, To, Subject string
	At                time.Time
	Lang, Dir         string
	Text              string
}

// listMails serves GET /sandbox/mail.
func (h *Handlers) listMails(c *gin.Context) error {
	l := web.Language(c)
	list, err := mail.Latest(c.Request.Context(), h.Pool, 50)
	if err != nil {
		return err
	}
	page := &MailsPage{Page: h.Site.Page(c, l.T("sandbox.mails"))}
	page.NoIndex = true
	for _, m := range list {
		page.Mails = append(page.Mails, MailEntry{Path: "/sandbox/mail/" + base64.RawURLEncoding.EncodeToString([]byte(m.Key)), To: m.To,
			Subject: m.Subject, At: m.QueuedAt, Lang: m.Language, Dir: lang.Or(m.Language).Dir, Text: m.Text})
	}
	return h.Site.Render(c, http.StatusOK, "shop/sandbox_mails", page)
}

// showMail serves GET /sandbox/mail/:id: a letter's HTML as a mail program
// would show it. Letters carry their style in themselves, so this page alone
// allows that, and nothing else.
func (h *Handlers) showMail(c *gin.Context) error {
	key, err := base64.RawURLEncoding.DecodeString(c.Param("id"))
	if err != nil || !utf8.Valid(key) || bytes.IndexByte(key, 0) >= 0 {
		return web.ErrNoPage
	}
	m, err := mail.ByKey(c.Request.Context(), h.Pool, string(key))
	if err != nil {
		return err
	}
	c.Header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-popups")
	c.Header("Cache-Control", "private, no-store")
	c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(m.HTML))
	return nil
}
