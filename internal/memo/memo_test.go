package memo_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/internal/memo"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var memos = []memo.Memo{
	{Reason: "Q2 Sales Target Achievement", Reference: "INV-2024-1234", Metadata: json.RawMessage(`{"campaign": "q2", "big": 9007199254740993}`)},
	{Reason: "r"},
	{Reference: "only a reference"},
	{Metadata: json.RawMessage(`{}`)},
	{Reason: strings.Repeat("long ☕ ", 70), Metadata: json.RawMessage(`{"a": "` + strings.Repeat("x", 5000) + `"}`)},
	{Reason: strings.Repeat("a", 30)}, // with the separators, one whole block
	{Reason: strings.Repeat("a", 31)},
}

func TestSealedMemosOpen(t *testing.T) {
	t.Parallel()
	sealer := memo.NewSealer(pg.NewSecret())
	key, other := uuid.New(), uuid.New()
	for _, m := range memos {
		sealed := sealer.Seal(&key, m)
		if again := sealer.Seal(&key, m); bytes.Equal(sealed, again) || bytes.Equal(sealed[12:], again[12:]) {
			t.Errorf("%.40v is sealed alike twice", m)
		}
		if len(m.Reason) > 3 && bytes.Contains(sealed, []byte(m.Reason)) {
			t.Errorf("%.40v shows", m)
		}
		if opened := memo.Open(&key, sealed); !reflect.DeepEqual(opened, m) {
			t.Errorf("%.40v opens as %.40v", m, opened)
		}
		if reflect.DeepEqual(memo.Open(&other, sealed), m) {
			t.Errorf("%.40v opens with another key", m)
		}
		if opened := memo.Open(nil, sealed); !reflect.DeepEqual(opened, memo.Memo{}) {
			t.Errorf("%.40v opens without a key: %v", m, opened)
		}
		if sealed := sealer.Seal(nil, m); len(sealed) != 0 {
			t.Errorf("%.40v is sealed without a key", m)
		}
	}
	if sealed := sealer.Seal(&key, memo.Memo{}); sealed == nil || len(sealed) != 0 {
		t.Errorf("nothing is sealed as %v", sealed)
	}
	for _, none := range []string{"", "short", "long enough, but sealed by nobody"} {
		if opened := memo.Open(&key, []byte(none)); !reflect.DeepEqual(opened, memo.Memo{}) {
			t.Errorf("%q opens as %v", none, opened)
		}
	}
}

// The database's own functions read what Seal makes, and make what Open reads.
func TestDatabaseAgrees(t *testing.T) {
	t.Parallel()
	sealer, key := memo.NewSealer(pg.NewSecret()), uuid.New()
	for _, m := range memos {
		var reason, reference string
		var metadata *string
		err := pgtest.DB().QueryRow(t.Context(), "SELECT o.reason, coalesce(o.reference, ''), o.metadata::text FROM memo_open($1, $2) AS o", key, sealer.Seal(&key, m)).
			Scan(&reason, &reference, &metadata)
		if said := fmt.Sprint(reason, "|", reference, "|", metadata != nil && *metadata != string(m.Metadata)); err != nil || said != fmt.Sprint(m.Reason, "|", m.Reference, "|", false) {
			t.Errorf("memo_open of %.40v: %.100s, %v", m, said, err)
		}
		var sealed []byte
		err = pgtest.DB().QueryRow(t.Context(), "SELECT memo_seal($1, $2, NULLIF($3, ''), NULLIF($4, '')::json)", key, m.Reason, m.Reference, string(m.Metadata)).Scan(&sealed)
		if err != nil {
			t.Fatal(err)
		}
		if opened := memo.Open(&key, sealed); !reflect.DeepEqual(opened, m) {
			t.Errorf("memo_seal of %.40v opens as %.40v", m, opened)
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	sealer, key := memo.NewSealer(pg.NewSecret()), uuid.New()
	b.ReportAllocs()
	for b.Loop() {
		sealer.Seal(&key, memos[0])
	}
}
