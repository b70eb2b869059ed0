// Package templates holds the pages and letters. view parses them.
package templates

import "embed"

// Files are the templates; a template is named for its file.
//
//go:embed */*.html
var Files embed.FS
