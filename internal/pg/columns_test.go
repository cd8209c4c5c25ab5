package pg

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// TestColumnsAreSentAsPgxSendsThem compares every column that is encoded here, empty,
// missing and long ones, with what the library makes of it.
func TestColumnsAreSentAsPgxSendsThem(t *testing.T) {
	t.Parallel()
	ours, theirs := pgtype.NewMap(), pgtype.NewMap()
	nativeUUID(theirs)
	nativeColumns(ours)
	for n := range 70 {
		r := rand.New(rand.NewPCG(1, uint64(n)))
		same(t, ours, theirs, pgtype.Int2ArrayOID, n, func() int16 { return int16(r.Uint32()) })
		same(t, ours, theirs, pgtype.Int4ArrayOID, n, func() int32 { return int32(r.Uint32()) })
		same(t, ours, theirs, pgtype.Int8ArrayOID, n, func() int64 { return int64(r.Uint64()) })
		same(t, ours, theirs, pgtype.UUIDArrayOID, n, func() uuid.UUID { return uuid.UUID{byte(r.Uint32()), 15: byte(n)} })
		same(t, ours, theirs, pgtype.TextArrayOID, n, func() string { return "é\"{},\\NULL"[:r.IntN(11)] })
		same(t, ours, theirs, pgtype.TimestamptzArrayOID, n, func() time.Time {
			if r.IntN(4) == 0 {
				return time.Time{} // the year 1
			}
			return time.Unix(r.Int64N(4e9)-1e9, r.Int64N(1e9)).In(time.FixedZone("", 3600))
		})
	}
}

func same[T any](t *testing.T, ours, theirs *pgtype.Map, oid uint32, n int, draw func() T) {
	t.Helper()
	values := make([]T, 0, n)
	for range n {
		values = append(values, draw())
	}
	if n == 69 {
		values = nil
	}
	for _, format := range []int16{pgtype.BinaryFormatCode, pgtype.TextFormatCode} {
		got, err := ours.Encode(oid, format, values, []byte("before"))
		want, wantErr := theirs.Encode(oid, format, values, []byte("before"))
		if err != nil || wantErr != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d %T: %x (%v), want %x (%v)", n, values, got, err, want, wantErr)
		}
	}
}
