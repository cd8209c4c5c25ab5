package pg

import (
	"crypto/rand"
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// Now is the instant of a transaction: UTC, to the microsecond that the
// database keeps. It is read once per transaction and passed on.
func Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// NewUUID makes a time-ordered identifier.
func NewUUID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// keyEpoch makes 41 bits of milliseconds last until 2093.
const keyEpoch = 1_704_067_200_000 // 2024-01-01T00:00:00Z

var lastKey atomic.Int64

// NewKey makes a positive, time-ordered 64-bit key: 41 bits of milliseconds and
// 22 random ones. Keys of one process never repeat. Two processes may, once in
// four million pairs of the same millisecond; the primary key refuses the
// second, and InTx tries again with another.
func NewKey() int64 {
	for {
		var b [4]byte
		_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
		key := (time.Now().UnixMilli()-keyEpoch)<<22 | int64(binary.BigEndian.Uint32(b[:])>>10)
		last := lastKey.Load()
		if key <= last {
			key = last + 1
		}
		if lastKey.CompareAndSwap(last, key) {
			return key
		}
	}
}

// KeyTime is when a key was made, to the millisecond.
func KeyTime(key int64) time.Time { return time.UnixMilli(key>>22 + keyEpoch).UTC() }

// NewSecret makes 256 random bits.
func NewSecret() (s [32]byte) {
	_, _ = rand.Read(s[:]) // never fails, as above
	return s
}

// codeAlphabet leaves out what people misread.
const codeAlphabet = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"

// NewCode makes a random code of n characters, each drawn evenly.
func NewCode(n int) string {
	code := make([]byte, 0, n)
	var b [64]byte
	for {
		_, _ = rand.Read(b[:]) // never fails, as above
		for _, x := range b {
			// 248 is 8 alphabets; the rest would favour some characters.
			if int(x) < len(codeAlphabet)*8 {
				code = append(code, codeAlphabet[int(x)%len(codeAlphabet)])
			}
			if len(code) == n {
				return string(code)
			}
		}
	}
}
