package referral

import (
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/wire"
)

// standing is what the journal holds of a conversion or reward: where it stood,
// since its row moves on.
type standing struct {
	Status    string       `json:"status"`
	HeldUntil *wire.Millis `json:"heldUntil,omitempty"`
}

// tellRewards notes what a conversion earned.
func (d *deal) tellRewards() {
	for _, r := range d.rewards {
		d.told.Object(event.RewardCreated, r.ID, standing{string(r.Status), wire.MillisOrNull(r.HeldUntil)})
	}
}
