package admin

import (
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/mark"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// Area is a field for more than a line, in one language.
type Area struct {
	Name, Label, Lang, Dir, Value, Wrong string
	Most                                 int
}

// fillMarkRules fills in how a committee gives its mark.
func (h *Handlers) fillMarkRules(c *gin.Context, a identity.Account, page *CommitteePage, k union.Committee, form *web.Form) error {
	ctx, l := c.Request.Context(), web.Language(c)
	judge, err := h.markJudge(c, a)
	if err != nil {
		return err
	}
	r, err := mark.RulesOf(ctx, h.Pool, k.ID)
	if err != nil {
		return err
	}
	page.Marks = web.Link{Name: l.T("admin.marks"), Path: marksPath + "?state=" + string(mark.Opens)}
	for _, other := range lang.All {
		name := "specification_" + other.Code
		if form.Value("specification") == "" {
			form.Set(name, r.Specification[other.Code])
		}
		page.Specification = append(page.Specification, Area{name, other.Name, other.Code, other.Dir, form.Value(name), form.Wrong(name), mark.MostSpecification})
	}
	chairs, err := judge.Chairs(ctx, h.Pool, k.ID)
	if err != nil || !chairs {
		return err
	}
	if form.Value("mark_rules") == "" {
		form.Set("signatures", strconv.Itoa(r.Signatures))
		form.Set("months", strconv.Itoa(r.Months))
		form.Set("renew_days", strconv.Itoa(r.RenewDays))
	}
	for _, field := range []string{"signatures", "months", "renew_days"} {
		page.MarkRules = append(page.MarkRules, form.Field("admin.mark_rules", field, "off", func(f *web.Field) { f.InputMode, f.Dir, f.MaxLength = "numeric", "ltr", 3 }))
	}
	return nil
}

// saveMarkRules keeps a committee's specification, or its numbers.
func (h *Handlers) saveMarkRules(c *gin.Context, tx pgx.Tx, a identity.Account, k union.Committee, form *web.Form) error {
	ctx := c.Request.Context()
	judge, err := h.markJudge(c, a)
	if err != nil {
		return err
	}
	if form.Value("specification") != "" {
		return mark.SetSpecification(ctx, tx, judge, k, readTexts(form, "specification"))
	}
	now, err := h.now(c)
	if err != nil {
		return err
	}
	r := mark.Rules{Signatures: readNumber(form, "signatures"), Months: readNumber(form, "months"), RenewDays: readNumber(form, "renew_days")}
	return mark.SetRules(ctx, tx, judge, k, r, now)
}

// waitingMarks leads to what waits besides pieces: marks to sign, and appeals.
func (h *Handlers) waitingMarks(c *gin.Context, j mark.Judge) (links []web.Link, err error) {
	l := web.Language(c)
	counts, err := mark.Count(c.Request.Context(), h.Pool, j, h.Site.Now())
	if err != nil {
		return nil, err
	}
	if n := counts[mark.Appeals]; n > 0 {
		links = append(links, web.Link{Name: l.T("admin.marks.to_decide", n), Path: marksPath + "?state=" + string(mark.Appeals)})
	}
	if n := counts[mark.Opens]; n > 0 {
		links = append(links, web.Link{Name: l.T("admin.marks.to_sign", n), Path: marksPath + "?state=" + string(mark.Opens)})
	}
	return links, nil
}
