package main

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/jba/templatecheck"

	"kissaria.ma/assets"
	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/checkout"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/mail"
	"kissaria.ma/internal/mark"
	"kissaria.ma/internal/moderation"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/payment"
	"kissaria.ma/internal/review"
	marketdata "kissaria.ma/internal/settings"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/view"
	"kissaria.ma/internal/web"
	"kissaria.ma/internal/web/account"
	"kissaria.ma/internal/web/admin"
	"kissaria.ma/internal/web/shop"
	"kissaria.ma/internal/web/studio"
	"kissaria.ma/templates"
)

// pages are the templates that handlers name, with the type of their data.
var pages = map[string]any{
	"layout/shop": &web.Page{}, "layout/admin": &web.Page{},
	"shop/home": &shop.HomePage{}, "shop/products": &shop.ListPage{}, "shop/product": &shop.ProductPage{},
	"shop/shelf": &shop.ShelfPage{}, "shop/trades": &shop.TradesPage{}, "shop/artisans": &shop.ArtisansPage{},
	"shop/artisan": &shop.ArtisanPage{}, "shop/union": &shop.UnionPage{}, "shop/committees": &shop.CommitteesPage{},
	"shop/help": &shop.HelpPage{}, "shop/fault": &web.FaultPage{}, "shop/cart": &shop.CartPage{},
	"shop/checkout": &shop.CheckoutPage{}, "shop/order": &shop.OrderPage{}, "shop/sign_in": &shop.SignInPage{},
	"shop/sandbox_pay": &shop.SandboxPage{}, "shop/sandbox_mails": &shop.MailsPage{},
	"admin/orders": &admin.OrdersPage{}, "admin/order": &admin.OrderPage{}, "admin/packing": &admin.PackingPage{}, "admin/label": &admin.LabelPage{},
	"admin/work": &admin.WorkPage{}, "admin/waiting": &admin.WaitingPage{}, "admin/audit": &admin.AuditPage{}, "admin/search": &admin.SearchPage{},
	"admin/queue": &admin.QueuePage{}, "admin/decision": &admin.DecisionPage{}, "admin/committee": &admin.CommitteePage{}, "studio/step": &studio.StepPage{},
	"admin/overview": &admin.OverviewPage{}, "admin/figures": &admin.FiguresPage{}, "admin/refunds": &admin.RefundsPage{},
	"admin/trainings": &admin.TrainingsPage{}, "admin/training": &admin.CoursePage{},
	"admin/piece": &admin.PiecePage{}, "shop/report": &shop.ReportPage{}, "studio/takedown": &studio.TakedownPage{},
	"admin/artisans": &admin.ArtisansPage{}, "admin/import": &admin.ImportPage{}, "admin/refund": &admin.RefundPage{}, "admin/artisan": &admin.ArtisanPage{},
	"admin/marks": &admin.MarksPage{}, "admin/mark": &admin.MarkPage{}, "admin/mark_new": &admin.NewMarkPage{}, "admin/mark_names": &admin.MarkNamesPage{}, "studio/marks": &studio.MarksPage{},
	"admin/reviews": &admin.ReviewsPage{}, "studio/reviews": &studio.ReviewsPage{},
	"admin/applications": &admin.ApplicationsPage{}, "admin/application": &admin.ApplicationPage{}, "shop/join": &shop.JoinPage{},
	"admin/merge":       &admin.MergePage{},
	"admin/invitations": &admin.InvitationsPage{},
	"admin/settings":    &admin.SettingsPage{}, "admin/setting_list": &admin.SettingListPage{}, "admin/setting": &admin.SettingPage{},
	"admin/translations": &admin.TranslationsPage{}, "shop/text": &shop.TextPage{},
	"admin/voices": &admin.VoicesPage{}, "admin/voice": &admin.VoicePage{},
	"layout/studio": &web.Page{}, "studio/welcome": &studio.WelcomePage{}, "studio/home": &studio.HomePage{},
	"studio/statement": &studio.StatementPage{},
	"studio/orders":    &studio.OrdersPage{},
	"studio/money":     &studio.MoneyPage{},
	"studio/pieces":    &studio.PiecesPage{},
	"studio/confirm":   &studio.ConfirmPage{},
	"studio/workshop":  &studio.WorkshopPage{},
	"studio/part":      &studio.PartPage{},
	"studio/cards":     &studio.CardsPage{},
	"studio/helpers":   &studio.HelpersPage{}, "studio/help": &studio.HelpPage{}, "studio/for": &studio.ForPage{},
	"layout/account": &web.Page{}, "account/sessions": &account.SessionsPage{}, "account/welcome": &account.WelcomePage{},
	"account/step": &account.StepPage{}, "account/factor_new": &account.SetUpPage{}, "account/codes": &account.CodesPage{},
	"account/factor": &account.FactorPage{},
	"admin/staff":    &admin.StaffPage{}, "admin/staff_new": &admin.NewStaffPage{}, "admin/colleague": &admin.ColleaguePage{},
	"mail/account_link": admin.AccountLetter{},
	"mail/frame":        mail.Frame{}, "mail/order_paid": checkout.OrderLetter{},
}

func loadViews(t *testing.T) view.Sets {
	t.Helper()
	icons, err := iconsOf(assets.Files)
	if err != nil {
		t.Fatal(err)
	}
	location, err := location("Africa/Casablanca")
	if err != nil {
		t.Fatal(err)
	}
	built, err := web.BuildAssets(assets.Files)
	if err != nil {
		t.Fatal(err)
	}
	sets, err := view.Load(view.Config{Templates: templates.Files, Icons: icons, Asset: built.Path, Location: location})
	if err != nil {
		t.Fatal(err)
	}
	return sets
}

func TestGuardTemplatesFitTheirTypesInEveryLanguage(t *testing.T) {
	for code, set := range loadViews(t) {
		for name, data := range pages {
			tmpl, err := set.Template(name)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if err := templatecheck.CheckHTML(tmpl, data); err != nil {
				t.Errorf("%s in %s: %v", name, code, err)
			}
		}
		for _, name := range set.Names() {
			if _, ok := pages[name]; !ok && !strings.HasPrefix(name, "partial/") {
				t.Errorf("%s is named by nobody: give it its type here, or delete it", name)
			}
		}
	}
}

func TestGuardEveryPartialIsUsed(t *testing.T) {
	all := map[string]string{}
	eachTemplate(t, func(name, text string) { all[name] = text })
	for name := range all {
		if !strings.HasPrefix(name, "partial/") {
			continue
		}
		if !slices.ContainsFunc(slices.Collect(maps.Values(all)), func(text string) bool {
			return strings.Contains(text, `{{template "`+name+`"`)
		}) {
			t.Errorf("nobody uses %s", name)
		}
	}
}

func eachTemplate(t *testing.T, fn func(name, text string)) {
	t.Helper()
	err := fs.WalkDir(templates.Files, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(templates.Files, file)
		fn(strings.TrimSuffix(file, path.Ext(file)), string(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

var (
	action  = regexp.MustCompile(`\{\{[^}]*\}\}`)
	tag     = regexp.MustCompile(`<[^>]*>`)
	spoken  = regexp.MustCompile(`(?:alt|title|placeholder|aria-label|content)="([^"]*)"`)
	message = regexp.MustCompile(`\b(?:t|rich) "([^"]+)"`)
)

// hasWords reports whether a text has letters of any script, which only the
// message catalogues may have.
func hasWords(s string) bool { return strings.ContainsFunc(s, unicode.IsLetter) }

func TestGuardNoWordsAreWrittenIntoTemplates(t *testing.T) {
	eachTemplate(t, func(name, text string) {
		plain := action.ReplaceAllString(text, "")
		for _, m := range spoken.FindAllStringSubmatch(plain, -1) {
			if strings.HasPrefix(m[1], "width=device-width") || strings.HasPrefix(m[1], "#") || m[1] == "noindex" || m[1] == "no-referrer" {
				continue
			}
			if hasWords(m[1]) {
				t.Errorf("templates/%s has the words %q in an attribute: give them a message", name, m[1])
			}
		}
		if words := strings.TrimSpace(tag.ReplaceAllString(plain, " ")); hasWords(words) {
			t.Errorf("templates/%s has the words %.80q: give them a message", name, strings.Join(strings.Fields(words), " "))
		}
	})
}

func TestGuardEveryMessageThatIsNamedIsThere(t *testing.T) {
	named := map[string]string{}
	eachTemplate(t, func(name, text string) {
		for _, m := range message.FindAllStringSubmatch(text, -1) {
			named[m[1]] = "templates/" + name
		}
	})
	for _, key := range fault.Keys() {
		named[key] = "a declared fault"
	}
	// Keys that are put together, from all that they can be put together of.
	family := func(prefix, by string, names ...string) {
		for _, n := range names {
			named[prefix+n] = by
		}
	}
	states := []string{string(order.Pending), string(order.Confirmed), string(order.Paid), string(order.Completed), string(order.Cancelled), string(order.Expired)}
	family("order.state.", "an order's page", append(states, "checking", "away", "given_back")...)
	for _, s := range append(states, "checking", "away", "given_back") {
		named["order.state."+s+".more"] = "an order's page"
	}
	family("order.short.", "the office", states...)
	family("history.", "the office", append(states, "placed", "refunded", "given_back", "refund_done", "note", "message", "readdressed", "handed_in", "differs", "packed", "shipped", "delivered", "collected", "returned")...)
	family("admin.audit.", "the audit", "when", "by", "for", "action", "subject", "before", "after", "request", "from", "to")
	family("audit.", "the audit", "course.added", "course.changed", "course.finished", "course.unfinished", "report.dismissed", "report.changes_requested", "product.taken_down", "product.appealed", "product.restored", "product.upheld")
	family("audit.", "the audit", "account.created", "account.password_set", "account.role_given", "account.roles_changed", "account.state_changed",
		"account.second_factor_set", "account.second_factor_removed", "account.recovery_code_used", "account.recovery_codes_made",
		"account.invitation_sent", "account.reset_sent", "account.signed_out", "account.passkey_added", "account.passkeys_removed", "artisan.invited",
		"helping.offered", "helping.asked", "helping.begun", "helping.ended", "helping.acted", "fulfilment.handed_in", "fulfilment.differs",
		"revision.approved", "revision.changes_requested", "revision.rejected",
		"mark.proposed", "mark.signed", "mark.voted_no", "mark.visited", "mark.granted", "mark.refused", "mark.withdrawn", "mark.lapsed", "mark.appealed",
		"mark.appeal_allowed", "mark.appeal_dismissed", "mark.grades_named", "kin.declared", "kin.removed", "committee.mark_rules_set", "committee.mark_specified",
		"artisan.imported", "artisans.imported", "artisans.exported", "voice.written_down", "review.shown", "review.refused", "review.answered", "artisan.suspended", "artisan.reinstated", "committee.rules_set", "committee.text_added", "committee.text_retired",
		"payment.cash_taken", "order.readdressed", "order.refunded", "shipment.packed", "shipment.shipped", "shipment.delivered", "shipment.collected", "shipment.returned")
	for _, w := range order.Works {
		family("admin.work."+string(w), "the office", "", ".lead", ".empty", ".empty.more")
	}
	family("shipment.", "the office", "packing", "packed", "ready", "shipped", "delivered", "collected", "returned")
	for _, s := range []string{"packing", "packed", "ready", "shipped", "returned"} {
		family("order.state."+s, "an order's page", "", ".more")
	}
	fulfilments := []string{string(order.AwaitingPayment), string(order.ToPrepare), string(order.HandedIn), string(order.Dropped)}
	family("fulfilment.", "an order's page", fulfilments...)
	family("fulfilment.short.", "the office", fulfilments...)
	family("payment.", "the office", string(payment.Open), string(payment.Paid), string(payment.Failed), string(payment.Expired))
	family("checkout.no_post.", "the checkout", string(checkout.ByFreight), string(checkout.TooHeavy), string(checkout.NotToEU), string(checkout.NoCountry))
	family("checkout.missing.", "the checkout", "name", "email", "phone", "line1", "city", "region", "country", "postcode", "delivery")
	family("weekday.", "opening hours", lang.Weekdays...)
	family("mail.regret.", "a letter", "sold_out", "not_owed")
	for _, a := range identity.DemoAccounts {
		named[a.Whose] = "the sign-in page"
	}
	family("list.sort.", "the list", "newest", "price", "price_desc")
	family("review.state.", "an order's page", string(review.Waiting), string(review.Shown), string(review.Refused))
	family("admin.reviews.done.", "the office", string(review.Shown), string(review.Refused))
	family("review.", "an order's page", "stars", "write", "change", "author", "author.hint", "title", "mean", "rating.wrong", "words.wrong", "author.wrong",
		"language.wrong", "too_long", "reason.wrong", "state.wrong", "answer.wrong")
	family("mark.", "the shop", "grade", "of_workshop", "of_piece", "signed_by", "until", "invented", "asks")
	family("mark.", "the faults of a mark", "words.wrong", "too_long", "level.wrong", "class.wrong", "verdict.wrong", "thing.wrong", "day.unread", "day.future",
		"day.old", "visitor.wrong", "kin.self")
	family("mark.state.", "the office", "proposed", "standing", "coming", "ending", "lapsed", "refused", "withdrawn")
	family("mark.event.", "the office", "proposed", "granted", "refused", "withdrawn", "lapsed", "appealed", string(mark.Allowed), string(mark.Dismissed))
	for _, tab := range mark.Tabs {
		named["admin.marks.tab."+cmp.Or(string(tab), "all")] = "the office"
	}
	family("admin.mark.said.", "the office", "voted", "granted", "refused", "visited", "withdrawn", "decided", "kin")
	family("admin.mark.vote.", "the office", string(mark.Signed), string(mark.No))
	family("admin.mark.", "the office", "day", "visitor", "note", "tally", "proposed")
	family("admin.mark_rules.", "the office", "signatures", "months", "renew_days")
	family("studio.marks.", "the studio", "tally", "from", "until", "renew", "ended", "appeal.sent", "workshop")
	family("notice.mark_", "the studio", "proposed", "granted", "refused", "withdrawn", "lapsed", "appeal_allowed", "appeal_dismissed")
	family("facet.", "the list", "trade", "kind", "quarter")
	family("artisan.state.", "the register", string(union.Applied), string(union.Invited), string(union.Active), string(union.Suspended), string(union.Left))
	family("product.state.", "the studio", string(catalog.Drafted), string(catalog.OnSale), string(catalog.Withdrawn), string(catalog.TakenDown))
	for _, act := range identity.Acts() {
		named["act."+string(act)] = "the staff's page"
	}
	for _, r := range identity.Roles {
		named["role."+string(r)] = "the administration's bar"
	}
	family("staff.", "the staff's page", "name", "email", "phone", "title", "invite", "state.active", "state.suspended", "state.invited", "by.both", "by.passkey", "by.code",
		"by.password", "said.roles", "said.state", "said.signed_out", "said.second_step", "link_message", "name.missing", "email.unread", "email.missing", "role.missing", "taken")
	for _, kind := range []string{"invitation", "reset"} {
		family("mail.account."+kind, "a letter", ".heading", ".intro", ".subject")
	}
	family("factor.", "the second step", "code", "wrong", "step", "set_up", "codes", "title", "ended", "scan")
	family("account.", "one's own account", "sessions", "sessions.ended", "device", "device.unknown", "by_passkey", "by_passkey.more")
	family("helping.", "the studio's fields", "person", "phone", "artisan", "ask", "digits", "ended", "begun", "asked", "code")
	family("notice.", "the studio", "helper_asks", "order_paid", "order_lapsed", "order_refunded", "piece_as_shown", "piece_differs", "piece_nearly_gone", "review_shown")
	family("notice.piece_", "the studio", string(moderation.Approved), string(moderation.ChangesRequested), string(moderation.Rejected))
	family("product.state.", "the studio", "rejected", "submitted")
	family("notice.piece_", "the studio", "reported", "taken_down", "restored", "upheld")
	for _, r := range moderation.Reasons {
		family("report.reason."+string(r), "a report", "", ".more")
	}
	family("report.", "a report", "contact", "contact.hint", "reason.wrong", "words.wrong", "contact.wrong")
	rulings := []string{"dismissed", "changes_requested", "taken_down", "restored", "upheld"}
	family("ruling.", "the office", rulings...)
	family("admin.ruling.done.", "the office", rulings...)
	family("moderation.", "the studio", "no_appeal")
	family("admin.decision.done.", "the office", "approved", "changes_requested", "rejected", "one_more")
	family("admin.texts.", "the office", "criterion", "criterion.more", "phrase", "phrase.more")
	family("admin.trainings.", "the office", "title", "sort", "sort.hint", "finished_on")
	family("admin.rule.", "the office", "approvals", "wary_from", "wary_from.hint", "promise_days")
	family("refund.reason.", "the office", checkout.Reasons...)
	family("admin.message.", "the office", checkout.Messages...)
	family("mail.message.", "a letter", "late", "question", "ready", "own")
	family("revision.", "the office", "submitted", "approved", "changes_requested", "rejected")
	for _, s := range []string{"photos", "what", "price", "count", "variants", "size", "made", "words", "look"} {
		family("studio.step."+s, "the studio", "", ".more")
		named["studio.bar."+s] = "the studio"
	}
	for _, act := range []string{"withdrawal", "return"} {
		family("studio."+act, "the studio", "", ".more", ".do")
	}
	family("studio.", "the studio", "changed", "sent", "withdrawn", "put_back", "left")
	for _, part := range []string{"story", "picture", "work", "place", "visits", "hours", "languages", "phone", "closed"} {
		named["studio.part."+part] = "the studio"
		family("studio.ask."+part, "the studio", "", ".more")
	}
	family("studio.visits.", "the studio", "no", "appointment", "open")
	family("studio.", "the workshop's fields", "from1", "to1", "from2", "to2", "from", "until", "choose", "story.none", "picture.none", "picture.there",
		"phone.shown", "phone.hidden", "closed.none", "closed.days")
	family("studio.place.", "the workshop's place", "north", "south", "west", "east", "far", "unread")
	family("studio.hours.", "the workshop's faults", "no_day", "unread", "order")
	family("studio.closed.", "the workshop's faults", "unread", "backwards", "over", "long")
	family("artisan.", "the artisan's page", "closed_from", "closed_until")
	family("studio.missing.", "the studio", "photos", "what", "price", "count", "variants", "size")
	family("verdict.", "the office", string(order.WaitingVerdict), string(order.AsShown), string(order.Differs))
	for _, k := range marketdata.Kinds {
		family("settings.kind."+k.Name, "the settings", "", ".lead")
		for _, f := range k.Fields {
			for _, of := range append([]marketdata.Field{f}, f.Of...) {
				named["settings.field."+of.Key] = "the settings"
			}
		}
	}
	family("settings.record.", "the settings", marketdata.Letters...)
	family("settings.", "the translations", "kind.piece", "kind.story_of", "field.bio", "field.title", "field.description")
	family("audit.", "the audit", "product.translated", "artisan.translated")
	family("settings.group.", "the settings", marketdata.Groups...)
	family("settings.use.", "the settings", "artisans", "pieces", "trades", "members")
	family("settings.topic.", "the settings", "orders", "shipping", "returns", "payment", "visits", "products", "artisans")
	family("settings.", "the settings", "kept", "restored", "added", "missing", "missing_words", "too_long", "too_many", "not_between", "not_within", "not_money", "not_day",
		"not_colour", "not_choice", "not_slug", "not_email", "not_ice", "not_rib", "not_tracking", "not_in_zone", "before_first", "band_twice", "day_twice", "unknown", "taken",
		"record.all", "record.union", "no_hole", "no_member", "row", "new")
	family("applications.state.", "the office", "open", "accepted", "refused")
	family("applications.told.", "the office", "accepted", "refused")
	family("applications.", "the office", "title", "erased", "standing", "sent")
	family("audit.", "the audit", "application.sent", "application.voted_yes", "application.voted_no", "application.accepted", "application.refused", "committee.join_votes_set")
	family("join.", "the shop", "title", "name", "name_ar", "phone", "email", "workshop", "years", "register_number", "trade", "quarter", "vouchers", "vouchers.hint", "about", "about.hint",
		"no_name", "no_phone", "no_email", "no_workshop", "no_years", "no_consent")
	family("admin.rule.", "the office", "join_votes", "join_votes.hint")
	family("audit.", "the audit", "account.role_taken", "artisan.file_kept", "artisan.file_removed", "artisan.left", "artisan.came_back", "artisan.merged")
	named["membership.no_words"] = "the office"
	named["audit.union.logo_set"] = "the audit"
	family("audit.setting.", "the audit", "added", "changed", "removed")
	family("overview.", "the office's first page", "late", "artisans", "packing", "posting", "counter", "refunds", "pieces", "pieces_late", "reports", "reviews", "marks",
		"mark_appeals", "voices", "translations", "past", "failed", "title")
	family("numbers.", "the office's first page", "net", "net_before", "orders", "pieces", "back", "visits", "visits_before", "views", "conversion", "conversion_before", "week",
		"difference", "by_week", "trades", "trades.one", "countries", "countries.one", "weeks.hint", "visits.hint", "conversion.hint", "page", "pages", "page_kind", "page_kinds",
		"committee", "waiting.pieces", "waiting.late", "waiting.reports", "waiting.oldest", "sold_out.piece", "sold_out.sku", "sold_out.maker", "sold_out.since")
	for _, name := range []string{"pages", "sold-out", "waiting"} {
		family("numbers.list."+name, "the office's numbers", "", ".lead", ".empty", ".empty.more")
	}
	family("visit.kind.", "the office's numbers", web.PageKinds()...)
	family("stripe.", "the price", "labour", "materials", "workshop", "union")
	for key, by := range named {
		for _, l := range lang.All {
			if !l.Has(key) {
				t.Errorf("%s names %q, which %s.json lacks", by, key, l.Code)
			}
		}
	}
}

var (
	drawn    = regexp.MustCompile(`\b(?:icon|onward|raw) "([^"]+)"`)
	property = regexp.MustCompile(`var\((--[\w-]+)\)`)
)

func TestGuardEveryIconThatIsNamedIsThere(t *testing.T) {
	eachTemplate(t, func(name, text string) {
		for _, m := range drawn.FindAllStringSubmatch(text, -1) {
			if _, err := fs.Stat(assets.Files, "icons/"+m[1]+".svg"); err != nil {
				t.Errorf("templates/%s names the icon %q: %v", name, m[1], err)
			}
		}
	})
}

// A property that nobody sets makes its whole declaration void, without a word.
func TestGuardEveryPropertyThatIsReadIsSet(t *testing.T) {
	var all strings.Builder
	names, err := fs.Glob(assets.Files, "css/*.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := fs.ReadFile(assets.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	for _, m := range property.FindAllStringSubmatch(all.String(), -1) {
		if !strings.Contains(all.String(), m[1]+":") {
			t.Errorf("var(%s) is read and never set", m[1])
		}
	}
}

func TestGuardEveryFaultHasItsStatus(t *testing.T) {
	for _, k := range fault.Kinds {
		if web.Status(k) < 400 {
			t.Errorf("fault kind %d has no status", k)
		}
	}
	if web.Status(fault.NotFound) != http.StatusNotFound {
		t.Error("what is not found is not a 404")
	}
	if errors.Is(web.ErrAway, web.ErrNoPage) {
		t.Error("two faults are taken for one another")
	}
}

var (
	physical = regexp.MustCompile(`(?m)^\s*(?:(?:margin|padding|border)-(?:left|right|top|bottom)|left|right|top|bottom|width|height|min-width|max-width|min-height|max-height)\s*:`)
	pigment  = regexp.MustCompile(`var\(--(?:lime|blue|madder|saffron|leaf)-\d\)`)
)

// A side that is named by its place is wrong for everyone who reads from the
// other one; a pigment outside its pot is a colour that does not turn at dusk.
func TestGuardStyleSheetsNameSidesAndColoursByUse(t *testing.T) {
	names, err := fs.Glob(assets.Files, "css/*.css")
	if err != nil || len(names) < 20 {
		t.Fatalf("%d style sheets: %v", len(names), err)
	}
	for _, name := range names {
		b, err := fs.ReadFile(assets.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		if m := physical.FindString(string(b)); m != "" {
			t.Errorf("%s has %q: name the side by the text's direction", name, strings.TrimSpace(m))
		}
		if m := pigment.FindString(string(b)); m != "" && name != "css/tokens.css" {
			t.Errorf("%s has %s: use a colour that says what it is for", name, m)
		}
	}
}
