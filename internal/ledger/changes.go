package ledger

import "time"

// Change is one transfer's effect on what a member has available of an asset.
type Change struct {
	Member   int64 // our key
	From, To int64 // units available before and after
	At       time.Time
}

// Changes lists what the session did to what members have available of an
// asset: of one member in order, for whoever keeps something that must follow.
func (s *Session) Changes(asset Asset) []Change {
	var changes []Change
	for _, b := range ordered(s.books) {
		if b.asset != asset {
			continue
		}
		for _, t := range b.transfers {
			before := t.After.Available
			switch {
			case t.From == Available:
				before += t.Amount
			case t.To == Available:
				before -= t.Amount
			default:
				continue
			}
			changes = append(changes, Change{t.Member, before, t.After.Available, t.EffectedAt})
		}
	}
	return changes
}
