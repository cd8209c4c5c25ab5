package id

import (
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"

	"github.com/google/uuid"
)

// The alphabet ascends in ASCII, so that text sorts as its bytes do, and leaves
// out letters that people misread.
var encoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// UUID renders a version 7 UUID under a prefix such as "ord_".
func UUID(prefix string, u uuid.UUID) string {
	return prefix + encoding.EncodeToString(u[:])
}

// ParseUUID is UUID's inverse; false when s is no such id.
func ParseUUID(prefix, s string) (uuid.UUID, bool) {
	var u uuid.UUID
	b, ok := decode(prefix, s, len(u))
	copy(u[:], b)
	return u, ok
}

// Key renders one of our 64-bit keys under a prefix such as "key_".
func Key(prefix string, key int64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(key))
	return prefix + encoding.EncodeToString(b[:])
}

// ParseKey is Key's inverse; false when s is no such id.
func ParseKey(prefix, s string) (int64, bool) {
	b, ok := decode(prefix, s, 8)
	if !ok {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(b)), true
}

// Transfer is the address of one transfer in the books. It is its own id: no
// index maps ids to transfers, which spares every award an index entry.
type Transfer struct {
	At     time.Time // to the millisecond; only makes the text sort by time
	Member int64
	Asset  int16
	Seq    int64 // below 2^38
}

const transferPrefix = "txn_"

// String renders the id: 6 bytes of time, 8 of the member, 5 of asset and number.
func (t Transfer) String() string {
	var b [24]byte
	binary.BigEndian.PutUint64(b[0:8], uint64(t.At.UnixMilli())<<16)
	binary.BigEndian.PutUint64(b[6:14], uint64(t.Member))
	binary.BigEndian.PutUint64(b[14:22], (uint64(t.Asset)<<38|uint64(t.Seq))<<24)
	return transferPrefix + encoding.EncodeToString(b[:19])
}

// ParseTransfer is String's inverse; false when s is no such id.
func ParseTransfer(s string) (Transfer, bool) {
	b, ok := decode(transferPrefix, s, 19)
	if !ok {
		return Transfer{}, false
	}
	var wide [24]byte
	copy(wide[:], b)
	tail := binary.BigEndian.Uint64(wide[14:22]) >> 24
	return Transfer{
		At:     time.UnixMilli(int64(binary.BigEndian.Uint64(wide[0:8]) >> 16)).UTC(),
		Member: int64(binary.BigEndian.Uint64(wide[6:14])),
		Asset:  int16(tail >> 38),
		Seq:    int64(tail & (1<<38 - 1)),
	}, true
}

func decode(prefix, s string, size int) ([]byte, bool) {
	tail, ok := strings.CutPrefix(s, prefix)
	if !ok || len(tail) != encoding.EncodedLen(size) {
		return nil, false
	}
	b, err := encoding.DecodeString(tail)
	if err != nil || encoding.EncodeToString(b) != tail {
		return nil, false
	}
	return b, true
}
