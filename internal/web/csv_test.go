package web

import (
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
)

func TestDecimalsAreWrittenAsSpreadsheetsReadThem(t *testing.T) {
	for _, tt := range []struct {
		n            int64
		places       int
		point, comma string
	}{
		{0, 2, "0.00", "0,00"}, {5, 2, "0.05", "0,05"}, {123456, 2, "1234.56", "1234,56"}, {-7, 2, "-0.07", "-0,07"}, {-123456, 2, "-1234.56", "-1234,56"},
		{12, 1, "1.2", "1,2"}, {-12, 0, "-12", "-12"}, {-9223372036854775808, 2, "-92233720368547758.08", "-92233720368547758,08"},
	} {
		for query, want := range map[string]string{"": tt.point, "?decimal=comma": tt.comma, "?decimal=dot": tt.point} {
			c, _ := gin.CreateTestContext(httptest.NewRecorder())
			c.Request = httptest.NewRequest("GET", "/x.csv"+query, nil)
			got := Decimal(c, tt.n, tt.places)
			if got != want {
				t.Errorf("%d in %d places with %q = %s, want %s", tt.n, tt.places, query, got, want)
			}
			if notFormula(got) != got {
				t.Errorf("%s is taken for a formula", got)
			}
		}
	}
	for _, cell := range []string{"-1+1", "-", "=1", "+212600000000", "-2;3", "-1,2,3", "@x", "-1\n"} {
		if got := notFormula(cell); got != "'"+cell {
			t.Errorf("%q becomes %q, which a spreadsheet may run", cell, got)
		}
	}
}
