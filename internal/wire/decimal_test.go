package wire_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/incent-dev/incent/internal/wire"
)

func TestDecimalRoundsHalfEvenOnce(t *testing.T) {
	for text, want := range map[string]wire.Money{
		"0": 0, "-0": 0, "0e9": 0, "5": 500, "5.00": 500, "49.99": 4999, "1e3": 100000, "1E+3": 100000,
		"50e-1": 500, "0.005": 0, "0.015": 2, "0.025": 2, "0.0250000001": 3, "0.024999": 2,
		"-0.015": -2, "-0.025": -2, "0.006": 1, "0.0049": 0, "0.0005": 0, "1e-100": 0,
		"0.995": 100, "2.675": 268, "1.005": 100, "1000000000000": 100000000000000,
		"92233720368547758.07": 9223372036854775807, "92233720368547758.074": 9223372036854775807,
	} {
		d, err := wire.ParseDecimal(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := d.Minor(); err != nil || got != want {
			t.Errorf("%s: got %d, %v; want %d", text, got, err, want)
		}
	}
}

func TestDecimalEqualNumbersAreEqualValues(t *testing.T) {
	five := mustParse(t, "5")
	for _, text := range []string{"5.0", "5.00", "50e-1", "0.5e1", "5E0", "0.05e+2"} {
		if got := mustParse(t, text); got != five {
			t.Errorf("%s is not 5 but %s", text, got)
		}
	}
	if mustParse(t, "-5") == five || mustParse(t, "-0") != mustParse(t, "0") {
		t.Error("signs are mistaken")
	}
	if !mustParse(t, "-0.1").Negative() || mustParse(t, "-0").Negative() {
		t.Error("Negative is mistaken")
	}
}

func TestDecimalRefusesWhatIsNoJSONNumber(t *testing.T) {
	for _, text := range []string{
		"", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "1e1.5", "0x1", "1_000", " 1", "1 ",
		"NaN", "Infinity", "-Infinity", "null", "true", `"1"`, "1,5", "١", "--1", "1e--1",
	} {
		if d, err := wire.ParseDecimal(text); !errors.Is(err, wire.ErrDecimalSyntax) {
			t.Errorf("%q: got %s, %v", text, d, err)
		}
	}
}

func TestDecimalRefusesWhatIsBeyondReason(t *testing.T) {
	for _, text := range []string{
		"1e129", "1e-129", "1e999999999999999999999", "1e-999999999999999999999",
		"0." + strings.Repeat("0", 130) + "1", strings.Repeat("7", 65), "1" + strings.Repeat("0", 129),
	} {
		if d, err := wire.ParseDecimal(text); !errors.Is(err, wire.ErrDecimalRange) {
			t.Errorf("%q: got %s, %v", text, d, err)
		}
	}
	for _, text := range []string{"92233720368547758.08", "92233720368547758.076", "1e17", "1e128"} {
		if money, err := mustParse(t, text).Minor(); !errors.Is(err, wire.ErrDecimalRange) {
			t.Errorf("%q: got %d, %v", text, money, err)
		}
	}
}

func TestDecimalIsReadFromTheNumbersOwnText(t *testing.T) {
	var body struct{ Amount *wire.Decimal }
	if err := json.Unmarshal([]byte(`{"amount": 0.1000000000000000055511151231257827}`), &body); err != nil {
		t.Fatal(err)
	}
	if got := body.Amount.String(); got != "0.1000000000000000055511151231257827" {
		t.Errorf("went through a float: %s", got)
	}
	if err := json.Unmarshal([]byte(`{"amount": "5.00"}`), &body); err == nil {
		t.Error("a quoted number was accepted")
	}
}

// Against big.Rat, which is exact as well but knows nothing of this notation.
func TestDecimalAgreesWithRationals(t *testing.T) {
	number := rapid.StringMatching(`-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,6})?([eE][+-]?[0-9]{1,2})?`)
	rapid.Check(t, func(t *rapid.T) {
		text := number.Draw(t, "number")
		exact, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%s: no rational", text)
		}
		d, err := wire.ParseDecimal(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if back, _ := new(big.Rat).SetString(d.String()); back.Cmp(exact) != 0 {
			t.Fatalf("%s is written as %s", text, d)
		}
		want := halfEven(exact.Mul(exact, big.NewRat(100, 1)))
		got, err := d.Minor()
		switch {
		case !want.IsInt64():
			if !errors.Is(err, wire.ErrDecimalRange) {
				t.Fatalf("%s: got %d, %v; want out of range", text, got, err)
			}
		case err != nil || int64(got) != want.Int64():
			t.Fatalf("%s: got %d, %v; want %s", text, got, err, want)
		}
	})
}

func halfEven(r *big.Rat) *big.Int {
	// floor(2r + 1) / 2 rounds halves up; a tie that landed on an odd number
	// goes back by one.
	two := big.NewInt(2)
	sum := new(big.Int).Add(new(big.Int).Mul(r.Num(), two), r.Denom())
	twice := new(big.Int).Mul(r.Denom(), two)
	quotient, rest := new(big.Int).DivMod(sum, twice, new(big.Int))
	if rest.Sign() == 0 && quotient.Bit(0) == 1 {
		quotient.Sub(quotient, big.NewInt(1))
	}
	return quotient
}

func mustParse(t *testing.T, text string) wire.Decimal {
	t.Helper()
	d, err := wire.ParseDecimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func FuzzDecimal(f *testing.F) {
	for _, seed := range []string{"0", "-12.345e6", "1e-128", "9e99999", "01"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := wire.ParseDecimal(text)
		if err != nil {
			return
		}
		if !json.Valid([]byte(text)) {
			t.Fatalf("%q is no JSON number, yet was read as %s", text, d)
		}
		back, err := wire.ParseDecimal(d.String())
		if err != nil || back != d {
			t.Fatalf("%q is %s, which reads as %s, %v", text, d, back, err)
		}
	})
}
