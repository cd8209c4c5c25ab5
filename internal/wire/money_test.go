package wire_test

import (
	"encoding/json"
	"flag"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/incent-dev/incent/internal/wire"
)

// What is drawn is the same in every run; -rapid.seed says otherwise by hand.
func init() {
	if err := flag.Set("rapid.seed", "20240"); err != nil {
		panic(err)
	}
}

func TestMoneyIsWrittenWithTwoDecimals(t *testing.T) {
	for minor, want := range map[int64]string{
		0: "0.00", 1: "0.01", 9: "0.09", 10: "0.10", 500: "5.00", 16999: "169.99",
		-1: "-0.01", -50: "-0.50", -500: "-5.00",
		math.MaxInt64: "92233720368547758.07", math.MinInt64: "-92233720368547758.08",
	} {
		// Inside an object, since that is where encoding/json might rewrite it.
		got, err := json.Marshal(map[string]wire.Money{"amount": wire.Money(minor)})
		if err != nil || string(got) != `{"amount":`+want+`}` {
			t.Errorf("%d: got %s, %v; want %s", minor, got, err, want)
		}
	}
}

func TestMoneyReadsBackWhatItWrote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// The smallest int64 is written but not read: its magnitude has no
		// place in the reader, and no account comes near it.
		money := wire.Money(rapid.Int64Min(math.MinInt64+1).Draw(t, "minor"))
		text, err := json.Marshal(money)
		if err != nil {
			t.Fatal(err)
		}
		var back wire.Money
		if err := json.Unmarshal(text, &back); err != nil || back != money {
			t.Fatalf("%s came back as %v, %v", text, back, err)
		}
	})
}

func TestMoneyRefusesWhatItWouldHaveToRound(t *testing.T) {
	for _, text := range []string{`0.001`, `1e-3`, `1e30`, `"5.00"`, `null`, `true`} {
		var money wire.Money
		if err := money.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s was read as %v", text, money)
		}
	}
}
