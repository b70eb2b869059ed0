package media

import (
	"bytes"
	"errors"
	"testing"
)

// webmVoice and the others are the beginnings of what phones record.
var (
	webmVoice = []byte("\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webmB\x87\x81\x04\x18S\x80g\x16T\xaek\xae\x86\x86A_OPUSc\xa2")
	oggVoice  = []byte("OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00abcd\x00\x00\x00\x00crc_\x01\x13OpusHead\x01\x01")
	mp4Voice  = []byte("\x00\x00\x00\x1cftypM4A \x00\x00\x02\x00mdat....hdlr\x00\x00\x00\x00\x00\x00\x00\x00soun....mp4a")
)

// mp3Voice is two frames of MPEG-1 layer III of 128 kbit/s at 44.1 kHz.
func mp3Voice() []byte {
	frame := append([]byte{0xff, 0xfb, 0x90, 0x00}, make([]byte, 413)...)
	return append(frame, frame...)
}

func TestVoiceFormat(t *testing.T) {
	tagged := append([]byte("ID3\x03\x00\x00\x00\x00\x00\x05title"), mp3Voice()...)
	tests := []struct {
		name   string
		bytes  []byte
		format string
		err    error
	}{
		{"WebM from Chrome", webmVoice, "webm", nil},
		{"Ogg from Firefox", oggVoice, "ogg", nil},
		{"M4A from an iPhone", mp4Voice, "mp4", nil},
		{"MP3", mp3Voice(), "mp3", nil},
		{"MP3 with a tag", tagged, "mp3", nil},
		{"nothing", nil, "", ErrNoSound},
		{"one MP3 frame and no more", mp3Voice()[:417], "", ErrNotVoice},
		{"a WebM film", append(bytes.Clone(webmVoice), "V_VP8"...), "", ErrMoving},
		{"an MP4 film", append(bytes.Clone(mp4Voice), "hdlr\x00\x00\x00\x00\x00\x00\x00\x00vide"...), "", ErrMoving},
		{"Matroska", bytes.Replace(webmVoice, []byte("webm"), []byte("matr"), 1), "", ErrNotVoice},
		{"a HEIC photo", []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), "", ErrNotVoice},
		{"WAV", []byte("RIFF\x24\x00\x00\x00WAVEfmt "), "", ErrNotVoice},
		{"AAC without a box", []byte{0xff, 0xf1, 0x50, 0x80, 0, 0, 0, 0}, "", ErrNotVoice},
		{"AMR", []byte("#!AMR\n\x3c"), "", ErrNotVoice},
		{"a page", []byte("<!doctype html><script>"), "", ErrNotVoice},
		{"an ID3 tag longer than the file", []byte("ID3\x03\x00\x00\x7f\x7f\x7f\x7fxxxx"), "", ErrNotVoice},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			format, err := voiceFormat(tt.bytes)
			if format != tt.format || !errors.Is(err, tt.err) {
				t.Errorf("voiceFormat = %q, %v; want %q, %v", format, err, tt.format, tt.err)
			}
		})
	}
}
