// Package assets holds style sheets, scripts, fonts and icons. web serves them
// under names that carry their hash. The demo market beside them is not
// embedded.
package assets

import "embed"

// Files are all but the demo market.
//
//go:embed css/*.css js/*.js fonts/*.woff2 icons/*.svg patterns/*.svg
var Files embed.FS
