package admin

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/membership"
	"kissaria.ma/internal/moderation"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/training"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// CommitteePage is admin/committee: how a committee decides, what it looks at,
// and the phrases it says no with.
type CommitteePage struct {
	web.Page
	Name     lang.Text
	Said     string
	Rules    []web.Field
	Courses  []Choice // that may earn a workshop one approval fewer
	NoCourse string   // what is wrong with the one that was chosen
	Parts    []TextPart
	Action   string
	MayRules bool

	MarkRules     []web.Field // nil for who may not set them
	Specification []Area      // by language
	Marks         web.Link
}

// TextPart is a committee's texts of one kind, and a form for one more.
type TextPart struct {
	Kind   string
	Name   string
	More   string
	Texts  []TextLine
	Fields []web.Field // by language
	Wrong  string
}

// TextLine is a text in every language it is in.
type TextLine struct {
	ID    moderation.TextID
	Words []lang.Text
}

// keptCommittees are those whose texts an account may keep: their own, or all.
func (h *Handlers) keptCommittees(c *gin.Context, a identity.Account) ([]union.Committee, error) {
	ctx := c.Request.Context()
	all, err := union.Committees(ctx, h.Pool)
	if err != nil || a.May(identity.JudgeEverything) {
		return all, err
	}
	judge, err := moderation.JudgeOf(ctx, h.Pool, a)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(k union.Committee) bool { return !slices.Contains(judge.Committees, k.ID) }), nil
}

// committee returns the committee of an address, if it is the account's to keep.
func (h *Handlers) committee(c *gin.Context, a identity.Account) (union.Committee, error) {
	kept, err := h.keptCommittees(c, a)
	if err != nil {
		return union.Committee{}, err
	}
	i := slices.IndexFunc(kept, func(k union.Committee) bool { return k.Slug == c.Param("slug") })
	if i < 0 {
		return union.Committee{}, web.ErrNoPage
	}
	return kept[i], nil
}

// showCommittee serves GET /admin/committees/:slug.
func (h *Handlers) showCommittee(c *gin.Context, a identity.Account) error {
	k, err := h.committee(c, a)
	if err != nil {
		return err
	}
	page, err := h.newCommitteePage(c, a, k, web.EmptyForm(c))
	if err != nil {
		return err
	}
	if c.Query("kept") != "" {
		page.Said = web.Language(c).T("admin.kept")
	}
	return h.Site.Render(c, http.StatusOK, "admin/committee", page)
}

func (h *Handlers) newCommitteePage(c *gin.Context, a identity.Account, k union.Committee, form *web.Form) (*CommitteePage, error) {
	ctx, l := c.Request.Context(), web.Language(c)
	name := k.Name.In(l, "fr")
	page := &CommitteePage{Page: h.page(c, a, name.Words), Name: name, Action: "/admin/committees/" + k.Slug, MayRules: a.May(identity.JudgeEverything)}
	page.Section = "queue"
	if err := h.fillMarkRules(c, a, page, k, form); err != nil {
		return nil, err
	}
	rules, err := moderation.RulesOf(ctx, h.Pool)
	if err != nil {
		return nil, err
	}
	r := rules[k.ID]
	if form.Value("rules") == "" {
		form.Set("approvals", strconv.Itoa(r.Approvals))
		form.Set("wary_from", strconv.Itoa(r.WaryFrom))
		form.Set("promise_days", strconv.Itoa(r.PromiseDays))
		form.Set("course", r.Course)
	}
	courses, err := training.Courses(ctx, h.Pool)
	if err != nil {
		return nil, err
	}
	page.NoCourse = form.Wrong("course")
	page.Courses = append(page.Courses, Choice{"", l.T("admin.rule.course.none"), form.Value("course") == ""})
	for _, k := range courses {
		page.Courses = append(page.Courses, Choice{k.Slug, k.Title.In(l, "fr").Words, form.Value("course") == k.Slug})
	}
	votes, err := membership.VotesOf(ctx, h.Pool, k.ID)
	if err != nil {
		return nil, err
	}
	if form.Value("rules") == "" {
		form.Set("join_votes", strconv.Itoa(votes))
	}
	for _, field := range []string{"approvals", "wary_from", "promise_days", "join_votes"} {
		page.Rules = append(page.Rules, form.Field("admin.rule", field, "off", func(f *web.Field) { f.InputMode, f.Dir, f.MaxLength = "numeric", "ltr", 3 }))
	}
	texts, err := moderation.TextsOf(ctx, h.Pool, k.ID)
	if err != nil {
		return nil, err
	}
	for _, kind := range []moderation.TextKind{moderation.Criterion, moderation.Phrase} {
		part := TextPart{Kind: string(kind), Name: l.T("admin.texts." + string(kind)), More: l.T("admin.texts." + string(kind) + ".more")}
		typed := form
		if form.Value("kind") != string(kind) {
			typed = web.EmptyForm(c)
		}
		for _, other := range lang.All {
			part.Fields = append(part.Fields, typed.FieldOf("admin.texts.new", "words_"+other.Code, "off", func(f *web.Field) {
				f.Label, f.MaxLength, f.Dir = other.Name, 120, other.Dir
				f.ID = string(kind) + "_" + other.Code
			}))
		}
		for _, t := range texts {
			if t.Kind != kind {
				continue
			}
			line := TextLine{ID: t.ID}
			for _, other := range lang.All {
				if w := t.Words[other.Code]; w != "" {
					line.Words = append(line.Words, lang.Text{Words: w, Lang: other.Code, Dir: other.Dir})
				}
			}
			part.Texts = append(part.Texts, line)
		}
		page.Parts = append(page.Parts, part)
	}
	return page, nil
}

// saveCommittee serves POST /admin/committees/:slug: other rules, one more text,
// or one that is no longer used.
func (h *Handlers) saveCommittee(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	k, err := h.committee(c, a)
	if err != nil {
		return err
	}
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	kind := moderation.TextKind(form.Value("kind"))
	act := func(tx pgx.Tx) error {
		switch {
		case form.Value("mark_rules") != "" || form.Value("specification") != "":
			return h.saveMarkRules(c, tx, a, k, form)
		case form.Value("rules") != "":
			if !a.May(identity.JudgeEverything) {
				return identity.ErrForbidden
			}
			if err := moderation.SetRules(ctx, tx, k, readRules(form), a.ID); err != nil || form.Value("join_votes") == "" {
				return err
			}
			return membership.SetVotes(ctx, tx, k, readNumber(form, "join_votes"), a.ID)
		case form.Value("retire") != "":
			id, err := strconv.ParseInt(form.Value("retire"), 10, 64)
			if err != nil {
				return moderation.ErrNoText
			}
			return moderation.RetireText(ctx, tx, k, moderation.TextID(id), h.Site.Now(), a.ID)
		case kind == moderation.Criterion || kind == moderation.Phrase:
			words := lang.Texts{}
			for _, l := range lang.All {
				words[l.Code] = form.Value("words_" + l.Code)
			}
			return moderation.AddText(ctx, tx, k, kind, words, a.ID)
		}
		return web.ErrMalformed
	}
	err = postgres.InTx(ctx, h.Pool, act)
	f := (*fault.Fault)(nil)
	full := errors.As(err, &f) && errors.Is(err, moderation.ErrTooManyTexts)
	if form.Take(err) || full {
		page, err := h.newCommitteePage(c, a, k, form)
		if err != nil {
			return err
		}
		for i := range page.Parts {
			if full && page.Parts[i].Kind == string(kind) {
				page.Parts[i].Wrong = web.Language(c).T(f.Key, f.Args...)
			}
		}
		return h.Site.Render(c, http.StatusUnprocessableEntity, "admin/committee", page)
	}
	if err != nil {
		return err
	}
	web.Redirect(c, "/admin/committees/"+k.Slug+"?kept=1")
	return nil
}

// readRules reads a committee's rules.
func readRules(form *web.Form) moderation.Rules {
	return moderation.Rules{Approvals: readNumber(form, "approvals"), WaryFrom: readNumber(form, "wary_from"), PromiseDays: readNumber(form, "promise_days"),
		Course: form.Value("course")}
}

// readNumber reads a whole number. What is none is out of every bound, and refused
// beside its field with them.
func readNumber(form *web.Form, field string) int {
	n, err := strconv.Atoi(lang.WesternDigits(form.Value(field)))
	if err != nil {
		return -1
	}
	return n
}
