package web

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/lang"
)

// SendCSV sends a table as a file of that name, the way spreadsheets here open
// it with a double click: semicolons, and UTF-8 that says so. A cell that a
// spreadsheet would take for a formula is given as the text it is.
func (s *Site) SendCSV(c *gin.Context, name string, head []string, rows [][]string) error {
	b := bytes.NewBufferString("\ufeff")
	w := csv.NewWriter(b)
	w.Comma, w.UseCRLF = ';', true
	for _, row := range append([][]string{head}, rows...) {
		safe := make([]string, len(row))
		for i, cell := range row {
			safe[i] = notFormula(cell)
		}
		if err := w.Write(safe); err != nil {
			return fmt.Errorf("web: csv %s: %w", name, err)
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("web: csv %s: %w", name, err)
	}
	c.Header("Cache-Control", "private, no-store")
	c.Header("Content-Disposition", `attachment; filename="`+name+`"`)
	s.send(c, http.StatusOK, "text/csv; charset=utf-8", b)
	return nil
}

// Decimal writes a number of hundredths, tenths or the like for SendCSV, with as
// many places: with a point, and where the address says ?decimal=comma with a
// comma, as spreadsheets in French want it.
func Decimal(c *gin.Context, n int64, places int) string {
	sign, digits := "", strconv.FormatInt(n, 10)
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	if places == 0 {
		return sign + digits
	}
	if short := places + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	point := "."
	if c.Query("decimal") == "comma" {
		point = ","
	}
	whole := len(digits) - places
	return sign + digits[:whole] + point + digits[whole:]
}

// number is a cell that a spreadsheet reads as what it is.
var number = regexp.MustCompile(`^-[0-9]+([.,][0-9]+)?$`)

// notFormula keeps a cell from being run: what someone typed into one of our
// forms must not become a command in the treasurer's spreadsheet.
func notFormula(cell string) string {
	if number.MatchString(cell) {
		return cell
	}
	if !strings.ContainsAny(lang.FirstSign(cell), "=+-@\t\r\n") {
		return cell
	}
	return "'" + cell
}
