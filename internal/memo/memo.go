package memo

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/json"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Memo is what the caller says about a transfer.
type Memo struct {
	Reason    string          // for people
	Reference string          // the caller's own; "" is none
	Metadata  json.RawMessage // the caller's own object; nil is none
}

const (
	nonceSize = 12

	// separator stands between the parts: no text of a caller holds it.
	separator = 0
)

// Sealer seals memos. Make one with NewSealer for each transaction; it is for
// one goroutine.
type Sealer struct {
	block [len(uuid.UUID{}) + nonceSize + 4]byte // key, nonce, block number
	count uint32
}

// NewSealer makes a sealer from random bytes that nobody else has.
func NewSealer(random [32]byte) *Sealer {
	s := &Sealer{}
	copy(s.block[len(uuid.UUID{}):], random[:nonceSize-4])
	return s
}

// Seal makes of a memo what the books keep. A nil key is that of a member who
// was erased.
func (s *Sealer) Seal(key *uuid.UUID, m Memo) []byte {
	if key == nil || m.Reason == "" && m.Reference == "" && len(m.Metadata) == 0 {
		return []byte{}
	}
	sealed := make([]byte, nonceSize, nonceSize+len(m.Reason)+len(m.Reference)+len(m.Metadata)+2)
	binary.BigEndian.PutUint32(s.block[len(key)+nonceSize-4:], s.count)
	s.count++
	copy(sealed, s.block[len(key):])
	sealed = append(append(sealed, m.Reason...), separator)
	sealed = append(append(sealed, m.Reference...), separator)
	sealed = append(sealed, m.Metadata...)
	copy(s.block[:], key[:])
	combine(&s.block, sealed[nonceSize:])
	return sealed
}

// combine is its own inverse. The block number in block is overwritten.
func combine(block *[32]byte, text []byte) {
	for n := uint32(0); len(text) > 0; n++ {
		binary.BigEndian.PutUint32(block[len(block)-4:], n)
		stream := sha256.Sum256(block[:])
		text = text[subtle.XORBytes(text, text, stream[:]):]
	}
}

// Open reads a sealed memo. Without its key, and of what is none, it is empty.
func Open(key *uuid.UUID, sealed []byte) Memo {
	if key == nil || len(sealed) < nonceSize {
		return Memo{}
	}
	var block [32]byte
	copy(block[:], key[:])
	copy(block[len(key):], sealed[:nonceSize])
	text := bytes.Clone(sealed[nonceSize:])
	combine(&block, text)
	reason, rest, found := bytes.Cut(text, []byte{separator})
	reference, metadata, also := bytes.Cut(rest, []byte{separator})
	if !found || !also || !utf8.Valid(text) || len(metadata) > 0 && !json.Valid(metadata) {
		return Memo{}
	}
	m := Memo{Reason: string(reason), Reference: string(reference)}
	if len(metadata) > 0 {
		m.Metadata = metadata
	}
	return m
}
