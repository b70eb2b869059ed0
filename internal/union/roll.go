package union

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"golang.org/x/text/unicode/norm"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
)

// Bounds of a spreadsheet of members.
const (
	MostRollBytes = 1 << 20
	mostRollLines = 2000
	mostCell      = 300 // characters
	rollLife      = 24 * time.Hour
)

var (
	// ErrNoRoll is returned where no file was chosen, or an empty one.
	ErrNoRoll = fault.New(fault.Invalid, "roll.none")
	// ErrRollTooLarge is returned for a file or a number of lines that no union's
	// register has.
	ErrRollTooLarge = fault.New(fault.Invalid, "roll.too_large")
	// ErrRollEncoding is returned for a file that is not UTF-8.
	ErrRollEncoding = fault.New(fault.Invalid, "roll.encoding")
	// ErrRollBroken is returned for a file whose quotes do not close.
	ErrRollBroken = fault.New(fault.Invalid, "roll.broken")
	// ErrRollColumns is returned where columns are missing.
	ErrRollColumns = fault.New(fault.Invalid, "roll.columns")
	// ErrRollFaulty is returned where a line cannot be imported: then none is.
	ErrRollFaulty = fault.New(fault.Conflict, "roll.faulty")
	// ErrNoImport is returned for an import that is over, or someone else's.
	ErrNoImport = fault.New(fault.NotFound, "error.not_found")
)

// A RollColumn is a column of the spreadsheet, by the name that its first line
// gives it, in any of the market's languages.
type RollColumn string

// The columns, of which name, trade, quarter and phone must be there.
const (
	RollName     RollColumn = "name"
	RollNameAr   RollColumn = "name_ar"
	RollTrade    RollColumn = "trade"
	RollQuarter  RollColumn = "quarter"
	RollPhone    RollColumn = "phone"
	RollEmail    RollColumn = "email"
	RollSpeaks   RollColumn = "languages"
	RollRegister RollColumn = "register_number"
	RollYears    RollColumn = "years"
	RollJoined   RollColumn = "joined"
)

// RollColumns are all of them, in the order of the pattern that is offered.
var RollColumns = []RollColumn{RollName, RollNameAr, RollTrade, RollQuarter, RollPhone, RollEmail, RollSpeaks, RollRegister, RollYears, RollJoined}

// alsoCalled are other names that a column may have.
var alsoCalled = map[string]RollColumn{
	"nom": RollName, "nombre": RollName, "الاسم": RollName,
	"nom arabe": RollNameAr, "nombre árabe": RollNameAr, "الاسم بالعربية": RollNameAr, "name in arabic": RollNameAr,
	"métier": RollTrade, "metier": RollTrade, "oficio": RollTrade, "الحرفة": RollTrade,
	"quartier": RollQuarter, "barrio": RollQuarter, "الحي": RollQuarter,
	"téléphone": RollPhone, "telephone": RollPhone, "teléfono": RollPhone, "الهاتف": RollPhone,
	"e-mail": RollEmail, "courriel": RollEmail, "correo": RollEmail, "البريد الإلكتروني": RollEmail,
	"langues": RollSpeaks, "idiomas": RollSpeaks, "اللغات": RollSpeaks,
	"numéro de registre": RollRegister, "número de registro": RollRegister, "رقم السجل": RollRegister,
	"années": RollYears, "años": RollYears, "السنوات": RollYears,
	"adhésion": RollJoined, "alta": RollJoined, "الانخراط": RollJoined,
}

// A RollLine is one member of a spreadsheet, and what would become of it.
type RollLine struct {
	Number  int // as the spreadsheet counts, the first line of members being 2
	Artisan Artisan
	Known   string // slug of who is in the register already, and stays as they are
	Wrong   []RollFault
}

// A RollFault is what is wrong with a cell.
type RollFault struct {
	Column RollColumn
	fault.Message
}

// A Roll is a spreadsheet of members, read and held against the register.
type Roll struct {
	Lines []RollLine
}

// Fresh counts those who would be added.
func (r Roll) Fresh() (n int) {
	for _, l := range r.Lines {
		if len(l.Wrong) == 0 && l.Known == "" {
			n++
		}
	}
	return n
}

// Faulty counts the lines with something wrong.
func (r Roll) Faulty() (n int) {
	for _, l := range r.Lines {
		if len(l.Wrong) > 0 {
			n++
		}
	}
	return n
}

// readCells reads a spreadsheet as text: CSV with semicolons, commas or tabs, in
// UTF-8. It returns where each column is, and the lines after the first.
func readCells(content []byte) (columns map[RollColumn]int, lines [][]string, err error) {
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	switch {
	case len(bytes.TrimSpace(content)) == 0:
		return nil, nil, ErrNoRoll
	case len(content) > MostRollBytes:
		return nil, nil, ErrRollTooLarge.With(mostRollLines)
	case !utf8.Valid(content) || bytes.ContainsRune(content, 0):
		return nil, nil, ErrRollEncoding
	}
	r := csv.NewReader(bytes.NewReader(content))
	first, _, _ := bytes.Cut(content, []byte("\n"))
	r.Comma = ','
	for _, comma := range []rune{';', '\t'} {
		if bytes.ContainsRune(first, comma) {
			r.Comma = comma
		}
	}
	r.FieldsPerRecord = -1
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if broken := (*csv.ParseError)(nil); errors.As(err, &broken) {
			return nil, nil, ErrRollBroken.With(broken.Line)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("union: read roll: %w", err)
		}
		if len(lines) > mostRollLines {
			return nil, nil, ErrRollTooLarge.With(mostRollLines)
		}
		lines = append(lines, cells)
	}
	columns = map[RollColumn]int{}
	for i, name := range lines[0] {
		name = strings.ToLower(strings.Join(strings.Fields(name), " "))
		c, ok := alsoCalled[name]
		if !ok {
			c = RollColumn(strings.ReplaceAll(name, " ", "_"))
		}
		if _, twice := columns[c]; slices.Contains(RollColumns, c) && !twice {
			columns[c] = i
		}
	}
	var missing []string
	for _, c := range []RollColumn{RollName, RollTrade, RollQuarter, RollPhone} {
		if _, ok := columns[c]; !ok {
			missing = append(missing, string(c))
		}
	}
	if len(missing) > 0 {
		return nil, nil, ErrRollColumns.With(strings.Join(missing, ", "))
	}
	return columns, lines[1:], nil
}

// ReadRoll reads a spreadsheet of members and holds it against the register:
// what would happen to each line if it were imported on that day. It returns
// ErrNoRoll, ErrRollTooLarge, ErrRollEncoding, ErrRollBroken or ErrRollColumns
// for a file of which no line can be told.
func ReadRoll(ctx context.Context, db postgres.DB, content []byte, today time.Time) (Roll, error) {
	columns, cells, err := readCells(content)
	if err != nil {
		return Roll{}, err
	}
	trades, err := Trades(ctx, db)
	if err != nil {
		return Roll{}, err
	}
	quarters, err := Quarters(ctx, db)
	if err != nil {
		return Roll{}, err
	}
	var roll Roll
	for i, line := range cells {
		if strings.TrimSpace(strings.Join(line, "")) == "" {
			continue
		}
		l := RollLine{Number: i + 2, Artisan: Artisan{State: Invited, WrittenIn: "ar", Joined: today}}
		l.read(columns, line, trades, quarters, today)
		roll.Lines = append(roll.Lines, l)
	}
	if len(roll.Lines) == 0 {
		return Roll{}, ErrNoRoll
	}
	return roll, roll.compare(ctx, db)
}

// read reads one line's cells.
func (l *RollLine) read(columns map[RollColumn]int, line []string, trades []Trade, quarters []Quarter, today time.Time) {
	wrong := func(c RollColumn, key string, args ...any) {
		l.Wrong = append(l.Wrong, RollFault{c, fault.Message{Key: key, Args: args}})
	}
	cell := func(c RollColumn) string {
		i, ok := columns[c]
		if !ok || i >= len(line) {
			return ""
		}
		v := strings.Join(strings.Fields(line[i]), " ")
		switch {
		case len([]rune(v)) > mostCell:
			wrong(c, "roll.too_long", mostCell)
			return ""
		case strings.ContainsAny(lang.FirstSign(v), "=@") || strings.ContainsAny(lang.FirstSign(v), "+-") && c != RollPhone:
			wrong(c, "roll.formula")
			return ""
		}
		return v
	}
	a := &l.Artisan
	if a.Name = cell(RollName); a.Name == "" && len(l.Wrong) == 0 {
		wrong(RollName, "roll.no_name")
	}
	if a.NameArabic = cell(RollNameAr); a.NameArabic == "" {
		a.NameArabic = a.Name
	}
	named := func(texts lang.Texts, slug, typed string) bool {
		if strings.EqualFold(slug, typed) {
			return true
		}
		for _, w := range texts {
			if strings.EqualFold(w, typed) {
				return true
			}
		}
		return false
	}
	trade, quarter := cell(RollTrade), cell(RollQuarter)
	if i := slices.IndexFunc(trades, func(t Trade) bool { return named(t.Name, t.Slug, trade) }); i >= 0 {
		a.Trade, a.TradeSlug, a.TradeName = trades[i].ID, trades[i].Slug, trades[i].Name
	} else {
		wrong(RollTrade, "roll.no_trade", trade)
	}
	if i := slices.IndexFunc(quarters, func(q Quarter) bool { return named(q.Name, q.Slug, quarter) }); i >= 0 {
		a.Quarter, a.QuarterSlug, a.QuarterName = quarters[i].ID, quarters[i].Slug, quarters[i].Name
	} else {
		wrong(RollQuarter, "roll.no_quarter", quarter)
	}
	if phone := cell(RollPhone); phone != "" {
		if a.Phone = identity.Phone(phone); a.Phone == "" {
			wrong(RollPhone, "roll.phone", phone)
		}
	}
	if a.Email = strings.ToLower(cell(RollEmail)); a.Email != "" && !strings.Contains(strings.Trim(a.Email, "@"), "@") {
		wrong(RollEmail, "roll.email", a.Email)
	}
	if a.Phone == "" && a.Email == "" && len(l.Wrong) == 0 {
		wrong(RollPhone, "roll.no_way_in")
	}
	for _, code := range strings.FieldsFunc(cell(RollSpeaks), func(r rune) bool { return strings.ContainsRune(",;/ ،", r) }) {
		code = strings.ToLower(code)
		if len(code) < 2 || len(code) > 3 || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz") != "" {
			wrong(RollSpeaks, "roll.language", code)
			break
		}
		a.Speaks = append(a.Speaks, code)
	}
	a.RegisterNumber = cell(RollRegister)
	if years := lang.WesternDigits(cell(RollYears)); years != "" {
		n, err := strconv.Atoi(years)
		if err != nil || n < 0 || n > 90 {
			wrong(RollYears, "roll.years", years)
		}
		a.YearsOfCraft = n
	}
	if joined := lang.WesternDigits(cell(RollJoined)); joined != "" {
		day, ok := readDay(joined)
		if !ok || day.After(today) {
			wrong(RollJoined, "roll.joined", joined)
		}
		a.Joined = day
	}
}

// readDay reads a day as spreadsheets here write it.
func readDay(s string) (time.Time, bool) {
	for _, layout := range []string{time.DateOnly, "02/01/2006", "2/1/2006", "02-01-2006"} {
		if day, err := time.Parse(layout, s); err == nil {
			return day, true
		}
	}
	return time.Time{}, false
}

// compare finds who is in the register already, and who stands in the roll twice.
func (r *Roll) compare(ctx context.Context, db postgres.DB) error {
	var phones, emails, numbers []string
	for _, l := range r.Lines {
		phones, emails, numbers = append(phones, l.Artisan.Phone), append(emails, l.Artisan.Email), append(numbers, l.Artisan.RegisterNumber)
	}
	rows, err := db.Query(ctx, `
		SELECT slug, replace(phone, ' ', ''), coalesce(lower(email), ''), register_number
		FROM artisans
		WHERE replace(phone, ' ', '') = ANY ($1) AND phone <> '' OR lower(email) = ANY ($2) OR register_number = ANY ($3) AND register_number <> ''`,
		phones, emails, numbers)
	if err != nil {
		return fmt.Errorf("union: compare roll: %w", err)
	}
	known := map[string]string{}
	var slug, phone, email, number string
	_, err = pgx.ForEachRow(rows, []any{&slug, &phone, &email, &number}, func() error {
		for _, key := range []string{"p" + phone, "e" + email, "n" + number} {
			if len(key) > 1 {
				known[key] = slug
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("union: compare roll: %w", err)
	}
	seen := map[string]int{}
	for i := range r.Lines {
		l := &r.Lines[i]
		for column, key := range map[RollColumn]string{RollPhone: "p" + l.Artisan.Phone, RollEmail: "e" + l.Artisan.Email, RollRegister: "n" + l.Artisan.RegisterNumber} {
			if len(key) == 1 {
				continue
			}
			if slug, ok := known[key]; ok {
				l.Known = slug
			}
			if other, ok := seen[key]; ok && other != l.Number {
				l.Wrong = append(l.Wrong, RollFault{column, fault.Message{Key: "roll.twice", Args: []any{other}}})
			} else {
				seen[key] = l.Number
			}
		}
		slices.SortStableFunc(l.Wrong, func(a, b RollFault) int {
			return slices.Index(RollColumns, a.Column) - slices.Index(RollColumns, b.Column)
		})
	}
	return nil
}

// KeepRoll keeps a spreadsheet until its import is confirmed, for a day at most,
// and returns its name in addresses. Those that are older go.
func KeepRoll(ctx context.Context, tx pgx.Tx, name string, content []byte, by identity.AccountID, at time.Time) (token string, err error) {
	if _, err := tx.Exec(ctx, `DELETE FROM imports WHERE created_at < $1`, at.Add(-rollLife)); err != nil {
		return "", fmt.Errorf("union: keep roll: %w", err)
	}
	token = strings.ToLower(rand.Text())
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, ""), "\\", "/"))
	_, err = tx.Exec(ctx, `INSERT INTO imports (token, account_id, name, content, created_at) VALUES ($1, $2, $3, $4, $5)`, token, by, name, content, at)
	if err != nil {
		return "", fmt.Errorf("union: keep roll: %w", err)
	}
	return token, nil
}

// KeptRoll returns a spreadsheet that was kept by the same account, or
// ErrNoImport; done says that it was imported.
func KeptRoll(ctx context.Context, db postgres.DB, token string, by identity.AccountID) (name string, content []byte, done bool, err error) {
	err = db.QueryRow(ctx, `SELECT name, content, imported_at IS NOT NULL FROM imports WHERE token = $1 AND account_id = $2`, token, by).
		Scan(&name, &content, &done)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil, false, ErrNoImport
	}
	if err != nil {
		return "", nil, false, fmt.Errorf("union: kept roll: %w", err)
	}
	return name, content, done, nil
}

// ImportRoll writes those of a kept spreadsheet who are not in the register yet
// into it, to be invited, and returns how many. It is all of them or, with
// ErrRollFaulty, none. Done twice, it is done once.
func ImportRoll(ctx context.Context, tx pgx.Tx, token string, by identity.AccountID, at time.Time) (int, error) {
	if _, err := tx.Exec(ctx, `SELECT FROM imports WHERE token = $1 FOR UPDATE`, token); err != nil {
		return 0, fmt.Errorf("union: import roll: %w", err)
	}
	name, content, done, err := KeptRoll(ctx, tx, token, by)
	if err != nil || done {
		return 0, err
	}
	roll, err := ReadRoll(ctx, tx, content, at)
	if err != nil {
		return 0, err
	}
	if roll.Faulty() > 0 {
		return 0, ErrRollFaulty
	}
	for _, l := range roll.Lines {
		if l.Known != "" {
			continue
		}
		if l.Artisan.Slug, err = freeSlug(ctx, tx, l.Artisan.Name); err != nil {
			return 0, err
		}
		if _, err := AddArtisan(ctx, tx, l.Artisan); err != nil {
			return 0, err
		}
		if err := identity.Record(ctx, tx, identity.Entry{By: by, Action: "artisan.imported", Subject: "artisan:" + l.Artisan.Slug}); err != nil {
			return 0, err
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE imports SET imported_at = $2 WHERE token = $1`, token, at); err != nil {
		return 0, fmt.Errorf("union: import roll: %w", err)
	}
	n := roll.Fresh()
	return n, identity.Record(ctx, tx, identity.Entry{By: by, Action: "artisans.imported", Subject: "import:" + token,
		After: map[string]any{"file": name, "members": n}})
}

// freeSlug makes a slug of a name that nobody has: a letter's marks are left out,
// and where nothing is left, as of a name in Arabic letters, it is made up.
func freeSlug(ctx context.Context, db postgres.DB, name string) (string, error) {
	plain := strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return '-'
	}, strings.ToLower(norm.NFD.String(name)))
	slug := strings.Join(strings.FieldsFunc(plain, func(r rune) bool { return r == '-' }), "-")
	if slug == "" {
		slug = "artisan-" + strings.ToLower(rand.Text()[:6])
	}
	if len(slug) > 60 {
		slug = strings.TrimRight(slug[:60], "-")
	}
	var n int
	err := db.QueryRow(ctx, `
		SELECT coalesce(max(CASE WHEN slug = $1 THEN 1 ELSE substring(slug FROM length($1) + 2)::int END), 0)
		FROM artisans
		WHERE slug = $1 OR slug ~ ('^' || $1 || '-[0-9]{1,6}$')`, slug).Scan(&n)
	if err != nil {
		return "", fmt.Errorf("union: free slug: %w", err)
	}
	if n > 0 {
		slug += "-" + strconv.Itoa(n+1)
	}
	return slug, nil
}

// Admit writes a new member into the register, with a free slug of their name, and
// returns it.
func Admit(ctx context.Context, tx pgx.Tx, a Artisan) (slug string, err error) {
	if a.Slug, err = freeSlug(ctx, tx, a.Name); err != nil {
		return "", err
	}
	if _, err := AddArtisan(ctx, tx, a); err != nil {
		return "", err
	}
	return a.Slug, nil
}
