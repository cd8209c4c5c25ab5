package wire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const (
	// maxDecimalDigits bounds what one number may cost to keep; JSON writers
	// that go through a double never need more than 17.
	maxDecimalDigits = 64
	// maxDecimalExponent bounds the power of ten, before and after trailing
	// zeros are taken off. No amount of money comes near it.
	maxDecimalExponent = 128
)

// ErrDecimalSyntax is wrapped when the text is not a JSON number.
var ErrDecimalSyntax = errors.New("not a decimal number")

// ErrDecimalRange is wrapped when a number is longer, larger or finer than the
// package is willing to keep, or too large for Money.
var ErrDecimalRange = errors.New("number out of range")

// Decimal is a number exactly as a request wrote it. The zero value is 0.
// Two Decimals are equal under == exactly when the numbers are equal.
type Decimal struct {
	// digits are the significant digits: no zero at either end, empty for 0.
	// The value is digits × 10^exponent.
	digits   string
	exponent int
	negative bool
}

// ParseDecimal reads a number in JSON's notation, and nothing else: no plus
// sign, no leading zeros, no NaN, no infinity, no spaces.
func ParseDecimal(text string) (Decimal, error) {
	rest, negative := strings.CutPrefix(text, "-")
	whole, rest := leadingDigits(rest)
	if whole == "" || (len(whole) > 1 && whole[0] == '0') {
		return Decimal{}, syntax(text)
	}
	fraction := ""
	if after, ok := strings.CutPrefix(rest, "."); ok {
		if fraction, rest = leadingDigits(after); fraction == "" {
			return Decimal{}, syntax(text)
		}
	}
	exponent, err := parseExponent(rest)
	if err != nil {
		return Decimal{}, fmt.Errorf("%w: %.40q", err, text)
	}
	return normalise(text, negative, whole+fraction, exponent-len(fraction))
}

// parseExponent reads what follows the fraction: nothing, or e with a power.
func parseExponent(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	if text[0] != 'e' && text[0] != 'E' {
		return 0, ErrDecimalSyntax
	}
	text = text[1:]
	sign := 1
	if text != "" && (text[0] == '+' || text[0] == '-') {
		if text[0] == '-' {
			sign = -1
		}
		text = text[1:]
	}
	power, rest := leadingDigits(text)
	if power == "" || rest != "" {
		return 0, ErrDecimalSyntax
	}
	value, err := strconv.Atoi(power)
	if err != nil || value > maxDecimalExponent {
		return 0, ErrDecimalRange
	}
	return sign * value, nil
}

func normalise(text string, negative bool, digits string, exponent int) (Decimal, error) {
	digits = strings.TrimLeft(digits, "0")
	trimmed := strings.TrimRight(digits, "0")
	exponent += len(digits) - len(trimmed)
	if trimmed == "" {
		return Decimal{}, nil // -0 and 0e9 are 0
	}
	if len(trimmed) > maxDecimalDigits || exponent > maxDecimalExponent || exponent < -maxDecimalExponent {
		return Decimal{}, fmt.Errorf("%w: %.40q", ErrDecimalRange, text)
	}
	return Decimal{digits: strings.Clone(trimmed), exponent: exponent, negative: negative}, nil
}

// Minor rounds once to minor units, a tie going to the even one.
func (d Decimal) Minor() (Money, error) {
	keep := len(d.digits) + d.exponent + minorDigits
	var whole string
	roundUp := false
	switch {
	case keep < 0 || d.digits == "":
		return 0, nil // below a tenth of a minor unit
	case keep >= len(d.digits):
		if keep > len("9223372036854775807") {
			return 0, fmt.Errorf("%w: %d digits of minor units", ErrDecimalRange, keep)
		}
		whole = d.digits + strings.Repeat("0", keep-len(d.digits))
	default:
		whole = d.digits[:keep]
		odd := keep > 0 && (whole[keep-1]-'0')%2 == 1
		// No zero stands at the end of digits, so the rest is a tie only when
		// it is a lone 5.
		rest := d.digits[keep:]
		roundUp = rest[0] > '5' || (rest[0] == '5' && (len(rest) > 1 || odd))
	}
	value := int64(0)
	if whole != "" {
		var err error
		if value, err = strconv.ParseInt(whole, 10, 64); err != nil {
			return 0, fmt.Errorf("%w: more than an int64 of minor units", ErrDecimalRange)
		}
	}
	if roundUp {
		// Something was cut off, so value has fewer digits than maxDecimalDigits
		// but may still be the largest int64.
		if value++; value < 0 {
			return 0, fmt.Errorf("%w: more than an int64 of minor units", ErrDecimalRange)
		}
	}
	if d.negative {
		value = -value
	}
	return Money(value), nil
}

// Negative tells whether the number is below zero.
func (d Decimal) Negative() bool { return d.negative }

// String writes the number without an exponent and without needless zeros.
func (d Decimal) String() string {
	if d.digits == "" {
		return "0"
	}
	sign := ""
	if d.negative {
		sign = "-"
	}
	if d.exponent >= 0 {
		return sign + d.digits + strings.Repeat("0", d.exponent)
	}
	point := len(d.digits) + d.exponent
	if point <= 0 {
		return sign + "0." + strings.Repeat("0", -point) + d.digits
	}
	return sign + d.digits[:point] + "." + d.digits[point:]
}

// MarshalJSON writes a number equal to the one that was read.
func (d Decimal) MarshalJSON() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalJSON keeps the number's own text; a quoted number is refused.
func (d *Decimal) UnmarshalJSON(text []byte) error {
	parsed, err := ParseDecimal(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

func leadingDigits(text string) (digits, rest string) {
	end := 0
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	return text[:end], text[end:]
}

func syntax(text string) error {
	return fmt.Errorf("%w: %.40q", ErrDecimalSyntax, text)
}
