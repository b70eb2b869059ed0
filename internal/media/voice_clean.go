package media

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// cleanVoice tells the format of a recording by its bytes, walks to its end,
// and returns it without what a phone writes beside the sound: where it was
// recorded, when, on what, under which name. The sound itself is left as it is.
// It returns ErrNoSound, ErrVoiceLarge, ErrNotVoice, ErrMoving or ErrVoiceCut for what we do not take.
func cleanVoice(b []byte) (f string, clean []byte, err error) {
	b = bytes.Clone(b)
	switch {
	case len(b) == 0:
		return "", nil, ErrNoSound
	case len(b) > MostVoiceBytes:
		return "", nil, ErrVoiceLarge
	case bytes.HasPrefix(b, []byte("\x1a\x45\xdf\xa3")):
		return "webm", b, cleanWebM(b)
	case bytes.HasPrefix(b, []byte("OggS")):
		return "ogg", b, cleanOgg(b)
	case len(b) > 12 && string(b[4:8]) == "ftyp":
		return "mp4", b, cleanMP4(b)
	}
	clean, err = cleanMP3(b)
	return "mp3", clean, err
}

// Elements of WebM, which is EBML: those that hold others, and those that say
// something of the recording besides its sound.
var (
	webmHolds = []uint32{0x1a45dfa3, 0x18538067, 0x1f43b675, 0x1549a966, 0x1654ae6b, 0xae} // header, Segment, Cluster, Info, Tracks, TrackEntry
	webmSays  = []uint32{0x1254c367, 0x1941a469, 0x7ba9, 0x4461, 0x7384, 0x536e}           // Tags, Attachments, Title, DateUTC, SegmentFilename, Name
)

const webmDocType, webmCodec, webmVoid = 0x4282, 0x86, 0xec

// cleanWebM walks an EBML file and makes empty space of what webmSays. Those
// that hold others are gone into, since a recorder does not know their size
// while it writes.
func cleanWebM(b []byte) error {
	codecs := 0
	for at := 0; at < len(b); {
		id, n := ebmlNumber(b[at:], 4, true)
		size, m := ebmlNumber(b[min(at+n, len(b)):], 8, false)
		if n == 0 || m == 0 {
			return ErrVoiceCut
		}
		unknown := size == 1<<(7*m)-1
		rest := len(b) - at - n - m
		if !unknown && size > uint64(rest) {
			return ErrVoiceCut
		}
		if slices.Contains(webmHolds, uint32(id)) {
			at += n + m
			continue
		}
		if unknown {
			return ErrNotVoice
		}
		whole := b[at : at+n+m+int(size)]
		content := whole[n+m:]
		switch {
		case id == webmDocType && string(bytes.TrimRight(content, "\x00")) != "webm":
			return ErrNotVoice
		case id == webmCodec:
			switch codec := string(bytes.TrimRight(content, "\x00")); {
			case bytes.HasPrefix(content, []byte("V_")):
				return ErrMoving
			case codec != "A_OPUS":
				return ErrNotVoice
			}
			codecs++
		case slices.Contains(webmSays, uint32(id)):
			blankEBML(whole)
		}
		at += len(whole)
	}
	if codecs != 1 {
		return ErrNotVoice
	}
	return nil
}

// ebmlNumber reads a number of up to most bytes, and how many it takes, 0 where
// there is none. An id keeps the bit that tells its length.
func ebmlNumber(b []byte, most int, id bool) (v uint64, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	n = 1
	for mask := byte(0x80); n <= most && b[0]&mask == 0; mask >>= 1 {
		n++
	}
	if n > most || n > len(b) {
		return 0, 0
	}
	for _, c := range b[:n] {
		v = v<<8 | uint64(c)
	}
	if !id {
		v &^= 1 << (7 * n)
	}
	return v, n
}

// blankEBML makes one element, of at least two bytes, a Void of the same length.
func blankEBML(whole []byte) {
	clear(whole)
	whole[0] = webmVoid
	if len(whole) < 128 {
		whole[1] = 0x80 | byte(len(whole)-2)
		return
	}
	binary.BigEndian.PutUint64(whole[1:9], 1<<56|uint64(len(whole)-9))
}

// cleanOgg walks the pages of one Opus stream and takes its comments out.
func cleanOgg(b []byte) error {
	var serial uint32
	var packets int    // ended so far
	var comments []int // where each byte of the second packet lies
	var touched [][]byte
	for at, page := 0, 0; at < len(b); page++ {
		if len(b)-at < 27 {
			return ErrVoiceCut
		}
		head := b[at:]
		if string(head[:4]) != "OggS" {
			return ErrNotVoice
		}
		lacing := int(head[26])
		if len(head) < 27+lacing {
			return ErrVoiceCut
		}
		size := 27 + lacing
		for _, s := range head[27 : 27+lacing] {
			size += int(s)
		}
		if len(head) < size {
			return ErrVoiceCut
		}
		if page == 0 {
			serial = binary.LittleEndian.Uint32(head[14:])
			if !bytes.HasPrefix(head[27+lacing:size], []byte("OpusHead")) {
				return ErrNotVoice
			}
		}
		if binary.LittleEndian.Uint32(head[14:]) != serial {
			return ErrNotVoice // A second stream: pictures, or another recording.
		}
		from := at + 27 + lacing
		if packets == 1 {
			touched = append(touched, head[:size])
		}
		for _, s := range head[27 : 27+lacing] {
			if packets == 1 {
				for i := range int(s) {
					comments = append(comments, from+i)
				}
			}
			from += int(s)
			if s < 255 {
				packets++
			}
		}
		at += size
	}
	packet := make([]byte, len(comments))
	for i, at := range comments {
		packet[i] = b[at]
	}
	if packets < 3 || len(packet) < 16 || string(packet[:8]) != "OpusTags" {
		return ErrVoiceCut
	}
	vendor := uint64(binary.LittleEndian.Uint32(packet[8:]))
	if vendor > uint64(len(packet)-16) {
		return ErrNotVoice
	}
	// No comments, and then padding (RFC 7845, 5.2).
	for _, at := range comments[12+vendor:] {
		b[at] = 0
	}
	for _, page := range touched {
		binary.LittleEndian.PutUint32(page[22:], 0)
		binary.LittleEndian.PutUint32(page[22:], oggSum(page))
	}
	return nil
}

// oggSum is the checksum of an Ogg page (RFC 3533, 6), which is not that of
// hash/crc32: its bits run the other way.
func oggSum(page []byte) uint32 {
	var sum uint32
	for _, c := range page {
		sum ^= uint32(c) << 24
		for range 8 {
			if sum&(1<<31) != 0 {
				sum = sum<<1 ^ 0x04c11db7
			} else {
				sum <<= 1
			}
		}
	}
	return sum
}

// cleanMP4 walks the boxes of an MP4 file with AAC and makes free space of what
// says something besides the sound: the place is in udta, as phones write it.
func cleanMP4(b []byte) error {
	sounds := 0
	for at := 0; at < len(b); {
		if len(b)-at < 8 {
			return ErrVoiceCut
		}
		size, head := uint64(binary.BigEndian.Uint32(b[at:])), 8
		switch {
		case size == 1 && len(b)-at >= 16:
			size, head = binary.BigEndian.Uint64(b[at+8:]), 16
		case size == 0:
			size = uint64(len(b) - at)
		}
		if size < uint64(head) {
			return ErrNotVoice
		}
		if size > uint64(len(b)-at) {
			return ErrVoiceCut
		}
		content := b[at+head : at+int(size)]
		switch kind := string(b[at+4 : at+8]); kind {
		case "moov", "trak", "mdia", "minf", "stbl":
			at += head
			continue
		case "udta", "meta", "uuid":
			copy(b[at+4:], "free")
			clear(content)
		case "hdlr":
			if len(content) < 12 || string(content[8:12]) == "vide" {
				return ErrMoving
			}
			if string(content[8:12]) != "soun" {
				return ErrNotVoice
			}
		case "stsd":
			if len(content) < 16 || string(content[12:16]) != "mp4a" {
				return ErrNotVoice
			}
			sounds++
		}
		at += int(size)
	}
	if sounds != 1 {
		return ErrNotVoice
	}
	return nil
}

// Rates of MP3 frames: kilobits a second by index, for MPEG-1 and for MPEG-2 and
// 2.5, and hertz of MPEG-1.
var (
	mp3Bits1 = [16]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}
	mp3Bits2 = [16]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}
	mp3Hertz = [4]int{44100, 48000, 32000}
)

// cleanMP3 returns the frames of an MP3 file without the tags before and after
// them.
func cleanMP3(b []byte) ([]byte, error) {
	for len(b) > 10 && string(b[:3]) == "ID3" {
		size := 10 + int(b[6]&0x7f)<<21 + int(b[7]&0x7f)<<14 + int(b[8]&0x7f)<<7 + int(b[9]&0x7f)
		if size > len(b) {
			return nil, ErrVoiceCut
		}
		b = b[size:]
	}
	at, frames := 0, 0
	for {
		size := mp3Frame(b[at:])
		if size == 0 || size > len(b)-at {
			break // The last may be cut, and players skip it.
		}
		at, frames = at+size, frames+1
	}
	if frames < 3 {
		return nil, ErrNotVoice
	}
	return b[:at], nil
}

// mp3Frame returns the size of the frame of layer III that b begins with, or 0.
func mp3Frame(b []byte) int {
	if len(b) < 4 || b[0] != 0xff || b[1]&0xe0 != 0xe0 {
		return 0
	}
	version, layer, rate, hertz, pad := b[1]>>3&3, b[1]>>1&3, b[2]>>4, mp3Hertz[b[2]>>2&3], int(b[2]>>1&1)
	if version == 1 || layer != 1 || hertz == 0 {
		return 0
	}
	if version == 3 { // MPEG-1
		if mp3Bits1[rate] == 0 {
			return 0
		}
		return 144*1000*mp3Bits1[rate]/hertz + pad
	}
	if hertz /= 2; version == 0 { // MPEG-2.5
		hertz /= 2
	}
	if mp3Bits2[rate] == 0 {
		return 0
	}
	return 72*1000*mp3Bits2[rate]/hertz + pad
}
