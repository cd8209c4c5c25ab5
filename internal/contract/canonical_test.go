package contract

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
)

func TestCanonical(t *testing.T) {
	for body, want := range map[string]string{
		"":                    "",
		" { } ":               "{}",
		"[ ]":                 "[]",
		"null":                "null",
		"[true , false,null]": "[true,false,null]",
		`{"b":1,"a":2}`:       `{"a":2,"b":1}`,
		`{"b":{"d":1,"c":[{"f":1,"e":2}]},"a":2}`:                               `{"a":2,"b":{"c":[{"e":2,"f":1}],"d":1}}`,
		`{"ab":1,"a":2,"":3,"a!":4}`:                                            `{"":3,"a!":4,"a":2,"ab":1}`,
		`{"\u0062":1,"a":2}`:                                                    `{"a":2,"b":1}`,
		`"\u0041\/\u00e9\n\"\\\ud83d\ude00"`:                                    `"A/é\u000a\"\\😀"`,
		"[5,5.0,5e0,0.5e1,50e-1,5E+00,-5.00]":                                   "[5,5,5,5,5,5,-5]",
		"[0,-0,0.0,0e9,-0.0E-99999999999999999999]":                             "[0,0,0,0,0]",
		"[100,1e2,1E+2,10.0e1,0.001e5]":                                         "[100,100,100,100,100]",
		"[0.1,1e-1,0.10,10e-2]":                                                 "[1e-1,1e-1,1e-1,1e-1]",
		"[9223372036854775807,9007199254740993]":                                "[9223372036854775807,9007199254740993]",
		"[1e18,1e19,10e18]":                                                     "[1000000000000000000,1e19,1e19]",
		"[1e1000000000000000000,10e999999999999999999,0.1e1000000000000000001]": "[1e1000000000000000000,1e1000000000000000000,1e1000000000000000000]",
		"[1e-1000000000000000000,0.1e-999999999999999999]":                      "[1e-1000000000000000000,1e-1000000000000000000]",
		"[100e-1000000000000000000]":                                            "[1e-999999999999999998]",
		"[1e-999999999999999998]":                                               "[1e-999999999999999998]",
		"[1000e9999999999999999999]":                                            "[1e10000000000000000002]",
		"[1e0000000000000000000000002]":                                         "[100]",
	} {
		got, err := Canonical([]byte(body))
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v; want %s", body, got, err, want)
		}
	}
	for _, body := range []string{"{", "[1", "[1,]", `{"a"}`, `{"a":1,}`, "01", "x", "1 2", `"`, strings.Repeat("[", 100)} {
		if got, err := Canonical([]byte(body)); said(t, err) == "" {
			t.Errorf("%s: %s", body, got)
		}
	}
}

// TestCanonicalNumbers holds the one spelling against exact arithmetic: equal
// numbers, and only they, are written alike.
func TestCanonicalNumbers(t *testing.T) {
	var literals []string
	for _, mantissa := range []string{"0", "1", "10", "12", "120", "-1", "-12", "0.1", "0.12", "1.2", "1.20", "10.0", "0.012", "-0.10", "100000000000000000000"} {
		for _, exponent := range []string{"", "e0", "e1", "e+2", "e-1", "e-2", "E-3", "e17", "e18", "e19", "e-20", "e25"} {
			literals = append(literals, mantissa+exponent)
		}
	}
	texts, values := make([]string, len(literals)), make([]*big.Rat, len(literals))
	for i, literal := range literals {
		values[i], _ = new(big.Rat).SetString(literal)
		texts[i] = string(appendNumber(nil, []byte(literal)))
		if back, ok := new(big.Rat).SetString(texts[i]); !ok || back.Cmp(values[i]) != 0 {
			t.Errorf("%s became %s", literal, texts[i])
		}
	}
	for i := range literals {
		for j := range i {
			if same := values[i].Cmp(values[j]) == 0; same != (texts[i] == texts[j]) {
				t.Errorf("%s and %s: %s, %s", literals[i], literals[j], texts[i], texts[j])
			}
		}
	}
}

func TestCanonicalOrder(t *testing.T) {
	var up, down strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&up, `"%d":%d,`, i, i)
		fmt.Fprintf(&down, `"%d":%d.0,`, 999-i, 999-i)
	}
	a, err := Canonical([]byte(`{` + up.String() + `"x":{}}`))
	b, err2 := Canonical([]byte(`{` + down.String() + `"x":{}}`))
	if err != nil || err2 != nil || string(a) != string(b) {
		t.Error("order shows", err, err2)
	}
}
