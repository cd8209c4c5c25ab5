package id

import (
	"flag"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// What is drawn is the same in every run; -rapid.seed says otherwise by hand.
func init() {
	if err := flag.Set("rapid.seed", "20240"); err != nil {
		panic(err)
	}
}

func TestTransferRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Transfer{
			At:     time.UnixMilli(rapid.Int64Range(0, 1<<47).Draw(t, "ms")).UTC(),
			Member: rapid.Int64Min(0).Draw(t, "member"),
			Asset:  rapid.Int16Range(1, 3).Draw(t, "asset"),
			Seq:    rapid.Int64Range(0, 1<<38-1).Draw(t, "seq"),
		}
		text := want.String()
		if len(text) > 40 {
			t.Fatalf("%s has %d characters", text, len(text))
		}
		if got, ok := ParseTransfer(text); !ok || got != want {
			t.Fatalf("%s parsed to %+v, want %+v", text, got, want)
		}
	})
}

func TestIDsSortByTime(t *testing.T) {
	early := Transfer{At: time.UnixMilli(1_700_000_000_000), Member: 1 << 60, Asset: 3, Seq: 9}.String()
	late := Transfer{At: time.UnixMilli(1_700_000_000_001), Member: 1, Asset: 1, Seq: 1}.String()
	if early >= late {
		t.Errorf("%s does not sort before %s", early, late)
	}
}

func TestParseRefusesWhatItDidNotMake(t *testing.T) {
	u := uuid.Must(uuid.NewV7())
	good := UUID("ord_", u)
	if got, ok := ParseUUID("ord_", good); !ok || got != u {
		t.Fatalf("%s does not parse", good)
	}
	for _, bad := range []string{"", "ord_", good + "0", good[:len(good)-1], "rwd_" + good[4:], "ORD_" + good[4:], good[:len(good)-1] + "z", "ord_ \x00"} {
		if _, ok := ParseUUID("ord_", bad); ok {
			t.Errorf("%q parsed", bad)
		}
	}
	if k, ok := ParseKey("key_", Key("key_", 1<<62+5)); !ok || k != 1<<62+5 {
		t.Errorf("key round trip gave %d, %v", k, ok)
	}
}
