package web

import (
	"strings"

	"kissaria.ma/internal/lang"
)

// browsers and systems are told by a word of the user agent, the first that
// fits: most browsers name all those that they are like.
var (
	browsers = [][2]string{{"SamsungBrowser", "Samsung Internet"}, {"OPR/", "Opera"}, {"Opera", "Opera"}, {"Edg", "Edge"}, {"FxiOS", "Firefox"},
		{"Firefox", "Firefox"}, {"CriOS", "Chrome"}, {"Chrome", "Chrome"}, {"Safari", "Safari"}}
	systems = [][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"},
		{"Macintosh", "Mac"}, {"Linux", "Linux"}}
)

// deviceOf puts a user agent into plain words: the browser and the system, each
// empty where it is not known.
func deviceOf(userAgent string) (browser, system string) {
	first := func(list [][2]string) string {
		for _, v := range list {
			if strings.Contains(userAgent, v[0]) {
				return v[1]
			}
		}
		return ""
	}
	return first(browsers), first(systems)
}

// DeviceName says what a device is: Chrome on Android.
func DeviceName(l *lang.Language, d SignedInDevice) string {
	switch {
	case d.Browser != "" && d.System != "":
		return l.T("account.device", d.Browser, d.System)
	case d.Browser+d.System != "":
		return d.Browser + d.System
	}
	return l.T("account.device.unknown")
}
