package crash

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/incent-dev/incent/internal/store"
)

// What is asked of the Incentable API.

// member draws one of those who are there from the start.
func (d *draft) member() string {
	if d.once(3) {
		return fmt.Sprintf("member-%d", d.IntN(favourites))
	}
	return fmt.Sprintf("member-%d", d.IntN(members))
}

func drawAward(d *draft) *entry {
	member, points := d.member(), 50+d.Int64N(400)
	switch {
	case d.nth < opening:
		member = fmt.Sprintf("member-%d", (d.client+d.nth*clients)%members)
	case d.once(12):
		member = fmt.Sprintf("joined-%d-%d", d.client, d.nth)
	}
	body := map[string]any{"member_id": member, "points": points, "reason": "work", "reference": d.key}
	return post("/points/award", body, entry{Member: member, Points: points})
}

func drawBulk(d *draft) *entry {
	awards := make([]award, 2+d.IntN(20))
	for i := range awards {
		awards[i] = award{Member: d.member(), Points: 1 + d.Int64N(100), Reason: "bonus", Ref: fmt.Sprintf("%s.%d", d.key, i)}
		if d.once(15) {
			awards[i].Points = 0 // refused by itself
		}
	}
	return post("/points/award/bulk", map[string]any{"awards": awards}, entry{Awards: awards})
}

func drawDeduct(d *draft) *entry {
	member, points := d.member(), 1+d.Int64N(200)
	if d.once(40) {
		member = "nobody"
	}
	body := map[string]any{"member_id": member, "points": points, "reason": "correction", "reference": d.key}
	return post("/points/deduct", body, entry{Member: member, Points: points})
}

func drawRedeem(d *draft) *entry {
	w, member, units := wares[d.IntN(len(wares))], d.member(), 1
	if d.once(6) {
		units = 2 + d.IntN(2)
	}
	body := map[string]any{"member_id": member, "reward_id": w.id, "quantity": units}
	if w.kind == store.Physical {
		body["shipping_address"] = map[string]string{
			"name": "A. Member", "line1": "1 Main Street", "city": "Springfield", "postal_code": "12345", "country": "US",
		}
	}
	return post("/rewards/redeem", body, entry{Member: member, Item: w.id, Units: units})
}

// noteOrder remembers a physical order, so that it can be moved.
func noteOrder(_ context.Context, r *round, e *entry) {
	i := slices.IndexFunc(wares, func(w ware) bool { return w.id == e.Item })
	if wares[i].kind == store.Physical {
		if t, err := e.told(); err == nil {
			r.journal.note(anOrder, thing{id: t.Order})
		}
	}
}

func drawMove(d *draft) *entry {
	order, found := d.pick(anOrder)
	if !found {
		return nil
	}
	to := []string{"cancelled", "cancelled", "cancelled", "cancelled", "processing", "shipped"}[d.IntN(6)]
	e := post("/orders/"+order.id, map[string]any{"status": to}, entry{Order: order.id, To: to})
	e.Method = http.MethodPatch
	return e
}
