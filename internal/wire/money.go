package wire

import (
	"fmt"
	"strconv"
)

// minorDigits is how many decimals money has on this wire. Currencies with
// another number of decimals are not told apart: amounts carry no currency.
const minorDigits = 2

// Money is an amount in minor units (499 is 4.99). The zero value is 0.00.
type Money int64

func (m Money) appendTo(text []byte) []byte {
	// The magnitude is taken as unsigned, since the smallest int64 has no
	// positive twin.
	magnitude := uint64(m)
	if m < 0 {
		magnitude = -magnitude
		text = append(text, '-')
	}
	text = strconv.AppendUint(text, magnitude/100, 10)
	cents := byte(magnitude % 100)
	return append(text, '.', '0'+cents/10, '0'+cents%10)
}

func (m Money) String() string { return string(m.appendTo(nil)) }

// MarshalJSON writes a number, not a string: 5.00, 169.99, -0.50.
func (m Money) MarshalJSON() ([]byte, error) {
	return m.appendTo(make([]byte, 0, 24)), nil
}

// UnmarshalJSON refuses an amount finer than a minor unit, since reading it
// would have to round what the writer meant exactly.
func (m *Money) UnmarshalJSON(text []byte) error {
	d, err := ParseDecimal(string(text))
	if err != nil {
		return fmt.Errorf("read money: %w", err)
	}
	if d.exponent < -minorDigits {
		return fmt.Errorf("read money: %s has more than %d decimals", text, minorDigits)
	}
	minor, err := d.Minor()
	if err != nil {
		return fmt.Errorf("read money: %w", err)
	}
	*m = minor
	return nil
}
