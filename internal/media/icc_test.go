package media

import (
	"errors"
	"image/color"
	"math"
	"testing"
)

// The wanted values come from the published matrices between the linear
// spaces under D65, not from profiles.
func TestColours(t *testing.T) {
	p3 := profile("RGB ", primariesP3, curveSRGB)
	adobe := profile("RGB ", primariesAdobe, gammaCurve(2.19921875))
	tests := []struct {
		name       string
		profile    []byte
		from, want color.NRGBA
	}{
		{"Display P3's grey stays grey", p3, rgb(128, 128, 128), rgb(128, 128, 128)},
		{"Display P3's white stays white", p3, rgb(255, 255, 255), rgb(255, 255, 255)},
		{"Display P3 red is more than sRGB has", p3, rgb(255, 0, 0), rgb(255, 0, 0)},
		{"a blue door in Display P3", p3, rgb(60, 100, 180), rgb(45, 101, 186)},
		{"a saffron in Display P3", p3, rgb(220, 160, 60), rgb(231, 157, 22)},
		{"a green in Adobe RGB", adobe, rgb(100, 160, 90), rgb(53, 161, 85)},
		{"Adobe RGB's grey stays grey", adobe, rgb(128, 128, 128), rgb(128, 128, 128)},
		{"a linear grey picture", profile("GRAY", primariesP3, gammaCurve(1)), rgb(55, 55, 55), rgb(128, 128, 128)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := newColours(tt.profile)
			if err != nil {
				t.Fatal(err)
			}
			m := flat(1, 1, tt.from)
			c.apply(m)
			if got := m.NRGBAAt(0, 0); !near(got, tt.want, 2) {
				t.Errorf("%v becomes %v, want %v", tt.from, got, tt.want)
			}
		})
	}
}

// One curve, said in each of the ways that a profile can say it.
func TestCurvesAgree(t *testing.T) {
	square := func(v float64) float64 { return v * v }
	for name, curve := range map[string][]byte{
		"a number":               gammaCurve(2),
		"a table":                tabledCurve(1024, square),
		"parametric, a power":    parametric(0, 2),
		"parametric, two terms":  parametric(1, 2, 1, 0),
		"parametric, an offset":  parametric(2, 2, 1, 0, 0),
		"parametric, two pieces": parametric(3, 2, 1, 0, 0, 0),
		"parametric, all terms":  parametric(4, 2, 1, 0, 0, 0, 0, 0),
	} {
		got, err := profileCurve(profile("RGB ", primariesSRGB, curve), "gTRC")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, v := range got {
			if want := square(float64(i) / 255); math.Abs(float64(v)-want) > 0.001 {
				t.Errorf("%s: value %d is %v, want %v", name, i, v, want)
				break
			}
		}
	}
}

func TestColoursLeaveAside(t *testing.T) {
	srgb := profile("RGB ", primariesSRGB, curveSRGB)
	if c, err := newColours(srgb); c != nil || err != nil {
		t.Errorf("sRGB itself: %v, %v; want nothing to do", c, err)
	}
	ink := profile("CMYK", primariesSRGB, curveSRGB)
	table := append([]byte(nil), srgb...)
	copy(table[132:], "A2B0")
	for name, tt := range map[string]struct {
		profile []byte
		want    error
	}{
		"of inks":         {ink, errProfileKind},
		"without red":     {table, errProfileKind},
		"cut short":       {srgb[:200], errProfile},
		"empty":           {nil, errProfile},
		"an unknown kind": {profile("RGB ", primariesP3, parametric(5, 1)), errProfileCurve},
	} {
		if c, err := newColours(tt.profile); c != nil || !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, %v; want %v", name, c, err, tt.want)
		}
	}
}

func rgb(r, g, b uint8) color.NRGBA { return color.NRGBA{r, g, b, 255} }

// near reports whether two colours look alike.
func near(a, b color.Color, tolerance int) bool {
	x, y := color.NRGBAModel.Convert(a).(color.NRGBA), color.NRGBAModel.Convert(b).(color.NRGBA)
	return abs(int(x.R)-int(y.R)) <= tolerance && abs(int(x.G)-int(y.G)) <= tolerance && abs(int(x.B)-int(y.B)) <= tolerance
}
