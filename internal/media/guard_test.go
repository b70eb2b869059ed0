package media

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// imaging registers decoders for TIFF and BMP, where holes have been found and
// will be again. They are out of reach as long as nobody asks for "whatever
// format this is".
func TestGuardNoRegisteredDecoders(t *testing.T) {
	forbidden := map[string]bool{
		"image.Decode": true, "image.DecodeConfig": true, "imaging.Decode": true, "imaging.Open": true,
	}
	for _, root := range []string{"..", "../../cmd"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
				return err
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := s.X.(*ast.Ident); ok {
					if forbidden[x.Name+"."+s.Sel.Name] {
						t.Errorf("%s calls %s.%s, which reaches every decoder that any package has registered: "+
							"tell the format by its bytes and call its own decoder, as internal/media does",
							files.Position(n.Pos()), x.Name, s.Sel.Name)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
