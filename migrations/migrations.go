// Package migrations holds the database's schema as numbered steps that only
// go forward. A step that has shipped is never edited.
package migrations

import "embed"

// Files are the migrations, in the order of their names.
//
//go:embed *.sql
var Files embed.FS
