package page

import (
	"strings"
	"testing"
)

func TestMarkdownIsMadeSafe(t *testing.T) {
	for text, want := range map[string]string{
		"## Prices\n\nThe maker *sets* the price.": "<h2>Prices</h2>\n<p>The maker <em>sets</em> the price.</p>\n",
		"[us](https://example.org)":                `<p><a href="https://example.org" rel="nofollow">us</a></p>` + "\n",
		"[help](/en/help/who-sells)":               `<p><a href="/en/help/who-sells">help</a></p>` + "\n",
		"[x](javascript:alert(1))":                 "<p>x</p>\n",
		"<script>alert(1)</script>a":               "\n",
		"a <b onclick=\"x()\">b</b>":               "<p>a b</p>\n",
		"![p](https://elsewhere.example/p.png)":    "<p></p>\n",
	} {
		got, err := HTML(text)
		if err != nil || string(got) != want {
			t.Errorf("%q becomes %q, %v, want %q", text, got, err, want)
		}
	}
}

func FuzzMarkdown(f *testing.F) {
	f.Add("# a\n\n<img src=x onerror=alert(1)>\n\n| a | b |\n|---|---|\n| [x](javascript:1) | `</script>` |")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := HTML(text)
		if err != nil {
			t.Fatal(err)
		}
		if s := strings.ToLower(string(got)); strings.Contains(s, "<script") || strings.Contains(s, "<img") || strings.Contains(s, `href="javascript:`) {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}
