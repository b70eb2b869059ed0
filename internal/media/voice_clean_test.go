package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

const secret = "34.0209N, Fatima's phone"

func element(id string, content ...[]byte) []byte {
	whole := bytes.Join(content, nil)
	size := make([]byte, 8)
	binary.BigEndian.PutUint64(size, 1<<56|uint64(len(whole)))
	return bytes.Join([][]byte{[]byte(id), size, whole}, nil)
}

const unknownSize = "\x01\xff\xff\xff\xff\xff\xff\xff"

// webm writes a recording as a browser does, which knows no size while it writes.
func webm(codec string) []byte {
	return bytes.Join([][]byte{
		element("\x1a\x45\xdf\xa3", element("\x42\x82", []byte("webm"))),
		[]byte("\x18\x53\x80\x67" + unknownSize),
		element("\x15\x49\xa9\x66", element("\x7b\xa9", []byte(secret))),
		element("\x16\x54\xae\x6b", element("\xae", element("\x86", []byte(codec)))),
		[]byte("\x1f\x43\xb6\x75" + unknownSize), element("\xa3", []byte("\x81\x00\x00\x80sound")),
		element("\x12\x54\xc3\x67", []byte(strings.Repeat(secret, 9))),
	}, nil)
}

func oggPage(n byte, packet []byte) []byte {
	p := append([]byte("OggS\x00\x00"), make([]byte, 20)...)
	p[18] = n
	var lacing []byte
	rest := len(packet)
	for ; rest >= 255; rest -= 255 {
		lacing = append(lacing, 255)
	}
	lacing = append(lacing, byte(rest))
	p = append(append(append(p, byte(len(lacing))), lacing...), packet...)
	binary.LittleEndian.PutUint32(p[22:], oggSum(p))
	return p
}

func ogg(head string) []byte {
	comment := "LOCATION=" + strings.Repeat(secret, 30)
	tags := append([]byte("OpusTags\x04\x00\x00\x00test\x01\x00\x00\x00"), binary.LittleEndian.AppendUint32(nil, uint32(len(comment)))...)
	return bytes.Join([][]byte{oggPage(0, []byte(head+"\x01\x01\x00\x00")), oggPage(1, append(tags, comment...)), oggPage(2, []byte("sound"))}, nil)
}

func box(kind string, content ...[]byte) []byte {
	whole := bytes.Join(content, nil)
	return bytes.Join([][]byte{binary.BigEndian.AppendUint32(nil, uint32(8+len(whole))), []byte(kind), whole}, nil)
}

func mp4(handler, codec string) []byte {
	return bytes.Join([][]byte{box("ftyp", []byte("M4A \x00\x00\x00\x00")),
		box("moov", box("udta", box("\xa9xyz", []byte(secret))),
			box("trak", box("mdia", box("hdlr", make([]byte, 8), []byte(handler), make([]byte, 13)),
				box("minf", box("stbl", box("stsd", make([]byte, 8), []byte{0, 0, 0, 36}, []byte(codec), make([]byte, 28))))))),
		box("meta", []byte(secret)), box("mdat", []byte("sound"))}, nil)
}

func mp3() []byte {
	tag := append([]byte("ID3\x04\x00\x00\x00\x00\x00"), byte(len(secret)))
	frame := append([]byte{0xff, 0xfb, 0x50, 0xc4}, make([]byte, 144*64000/44100-4)...)
	return bytes.Join([][]byte{tag, []byte(secret), bytes.Repeat(frame, 4), []byte("TAG" + secret)}, nil)
}

// What a phone writes beside the sound is gone; the sound stays where it was.
func TestRecordingsKeepTheSoundAlone(t *testing.T) {
	for format, b := range map[string][]byte{"webm": webm("A_OPUS"), "ogg": ogg("OpusHead"), "mp4": mp4("soun", "mp4a"), "mp3": mp3()} {
		if !bytes.Contains(b, []byte(secret)) {
			t.Fatalf("the %s has no secret to begin with", format)
		}
		got, clean, err := cleanVoice(b)
		if err != nil || got != format {
			t.Errorf("the %s is told as %q: %v", format, got, err)
			continue
		}
		if bytes.Contains(clean, []byte("34.02")) || bytes.Contains(clean, []byte("Fatima")) {
			t.Errorf("the %s still tells whose phone it was, and where", format)
		}
		if format != "mp3" && (len(clean) != len(b) || bytes.Index(clean, []byte("sound")) != bytes.Index(b, []byte("sound"))) {
			t.Errorf("the sound of the %s has moved", format)
		}
		again, same, err := cleanVoice(clean)
		if err != nil || again != format || !bytes.Equal(same, clean) {
			t.Errorf("the clean %s is told as %q and cleaned again: %v", format, again, err)
		}
	}
}

func TestRecordingsThatAreNoneAreRefused(t *testing.T) {
	tests := []struct {
		name string
		b    []byte
		want error
	}{
		{"nothing", nil, ErrNoSound},
		{"too much", make([]byte, MostVoiceBytes+1), ErrVoiceLarge},
		{"a text", []byte("not a recording at all, but a text"), ErrNotVoice},
		{"a page", []byte("<html><script>alert(1)</script>"), ErrNotVoice},
		{"a WAV", []byte("RIFF\x24\x00\x00\x00WAVEfmt data"), ErrNotVoice},
		{"an AMR", []byte("#!AMR\n\x3c\x08"), ErrNotVoice},
		{"a film in WebM", webm("V_VP9"), ErrMoving},
		{"Vorbis in WebM", webm("A_VORBIS"), ErrNotVoice},
		{"Matroska", bytes.Replace(webm("A_OPUS"), []byte("webm"), []byte("mkv!"), 1), ErrNotVoice},
		{"half a WebM", webm("A_OPUS")[:90], ErrVoiceCut},
		{"Vorbis in Ogg", ogg("\x01vorbis!"), ErrNotVoice},
		{"half an Ogg", ogg("OpusHead")[:200], ErrVoiceCut},
		{"an Ogg without sound", ogg("OpusHead")[:len(oggPage(0, []byte("OpusHead1234")))], ErrVoiceCut},
		{"a film in MP4", mp4("vide", "avc1"), ErrMoving},
		{"half an MP4", mp4("soun", "mp4a")[:70], ErrVoiceCut},
		{"an MP4 without sound", box("ftyp", []byte("M4A \x00\x00\x00\x00")), ErrNotVoice},
		{"an MP3's tag alone", mp3()[:10+len(secret)], ErrNotVoice},
	}
	for _, tt := range tests {
		if _, _, err := cleanVoice(tt.b); !errors.Is(err, tt.want) {
			t.Errorf("cleanVoice(%s) = %v, want %v", tt.name, err, tt.want)
		}
	}
}

// No bytes break the reader, and what it takes it takes again.
func FuzzRecording(f *testing.F) {
	for _, b := range [][]byte{webm("A_OPUS"), ogg("OpusHead"), mp4("soun", "mp4a"), mp3()} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, clean, err := cleanVoice(b); err == nil {
			if _, _, err := cleanVoice(clean); err != nil {
				t.Errorf("what was taken is refused: %v", err)
			}
		}
	})
}
