package crash

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/incent-dev/incent/internal/store"
)

// told is what an acknowledgement of the Incentable API says happened.
type told struct {
	Transaction string // award, deduct
	Member      string
	Points      int64
	Balance     int64

	Given []given // bulk
	Bad   []int   // bulk: places of the awards that failed

	Order  string // redeem, move
	Item   string
	Units  int
	Spent  int64
	Status string
	Codes  []string
}

type given struct {
	Member      string `json:"member_id"`
	Transaction string `json:"transaction_id"`
}

// told reads an entry's acknowledgement.
func (e *entry) told() (told, error) {
	var body struct {
		Success bool
		Data    struct {
			Transaction string  `json:"transaction_id"`
			Member      string  `json:"member_id"`
			Points      int64   `json:"points"`
			Balance     int64   `json:"new_balance"`
			Given       []given `json:"transactions"`
			Errors      []struct{ Index int }
			Processed   int
			Failed      int
			Order       string `json:"order_id"`
			Item        string `json:"reward_id"`
			Units       int    `json:"quantity"`
			Spent       int64  `json:"points_spent"`
			Status      string `json:"status"`
			Fulfillment struct {
				Code  string
				Codes []string
			}
		}
	}
	if err := json.Unmarshal(e.answer.Body, &body); err != nil {
		return told{}, fmt.Errorf("key %s: the answer is no JSON: %w", e.Key, err)
	}
	d := body.Data
	t := told{
		Transaction: d.Transaction, Member: d.Member, Points: d.Points, Balance: d.Balance, Given: d.Given,
		Order: d.Order, Item: d.Item, Units: d.Units, Spent: d.Spent, Status: d.Status, Codes: d.Fulfillment.Codes,
	}
	for _, bad := range d.Errors {
		t.Bad = append(t.Bad, bad.Index)
	}
	switch {
	case !body.Success:
		return t, fmt.Errorf("key %s: acknowledged without success", e.Key)
	case e.Op == opBulk && (d.Processed != len(t.Given) || d.Failed != len(t.Bad) || d.Processed+d.Failed != len(e.Awards)):
		return t, fmt.Errorf("key %s: %d awards, %d processed, %d failed, %d transactions, %d errors",
			e.Key, len(e.Awards), d.Processed, d.Failed, len(t.Given), len(t.Bad))
	case len(t.Codes) > 0 && t.Codes[0] != d.Fulfillment.Code:
		return t, fmt.Errorf("key %s: code %q is not the first of codes", e.Key, d.Fulfillment.Code)
	}
	return t, nil
}

func claimAward(c *claims, e *entry) error {
	t, err := e.told()
	if err == nil {
		c.claim("ref "+e.Key, effect{t.Transaction, e.Member, e.Points, &t.Balance, e.Key})
	}
	return err
}

func claimDeduct(c *claims, e *entry) error {
	t, err := e.told()
	if err == nil {
		c.claim("ref "+e.Key, effect{t.Transaction, e.Member, -e.Points, &t.Balance, e.Key})
	}
	return err
}

func claimBulk(c *claims, e *entry) error {
	t, err := e.told()
	if err != nil {
		return err
	}
	for i, a := range e.Awards {
		if slices.Contains(t.Bad, i) {
			if a.Points > 0 {
				c.find(wrong, "award %s failed", a.Ref)
			}
			continue
		}
		if len(t.Given) == 0 || t.Given[0].Member != a.Member {
			c.find(wrong, "key %s: award %d went to somebody else", e.Key, i)
			return nil
		}
		c.claim("ref "+a.Ref, effect{t.Given[0].Transaction, a.Member, a.Points, nil, e.Key})
		t.Given = t.Given[1:]
	}
	return nil
}

func claimOrder(c *claims, e *entry) error {
	t, err := e.told()
	if err != nil {
		return err
	}
	if before, twice := c.orders[t.Order]; twice {
		c.find(wrong, "two keys were answered with order %s of %s", t.Order, before.Member)
	}
	if t.Member != e.Member || t.Item != e.Item || t.Units != e.Units {
		c.find(wrong, "key %s asked for %d %s for %s and got %d %s for %s", e.Key, e.Units, e.Item, e.Member, t.Units, t.Item, t.Member)
	}
	c.orders[t.Order] = t
	c.claim("spend "+t.Order, effect{"", e.Member, -t.Spent, &t.Balance, e.Key})
	return nil
}

func claimMove(c *claims, e *entry) error {
	t, err := e.told()
	if err != nil {
		return err
	}
	if t.Order != e.Order || t.Status != e.To {
		c.find(wrong, "key %s asked order %s to be %s and was told that %s is %s", e.Key, e.Order, e.To, t.Order, t.Status)
	}
	c.cancelled[e.Order] = c.cancelled[e.Order] || e.To == string(store.Cancelled)
	c.shipped[e.Order] = c.shipped[e.Order] || e.To == string(store.Shipped)
	return nil
}
