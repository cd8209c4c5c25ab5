package management

import (
	"encoding/json"
	"testing"
	"time"

	gen "github.com/incent-dev/incent/gen/management"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/store"
	"github.com/incent-dev/incent/internal/tenant"
)

func TestPaginationCountsPages(t *testing.T) {
	for total, pages := range map[int64]int64{0: 0, 1: 1, 25: 1, 26: 2, 50: 2, 1_000_001: 40_001} {
		if got := pagination(1, 25, total); got.TotalPages != pages || got.Total != total {
			t.Errorf("%d entries make %d pages, want %d", got.Total, got.TotalPages, pages)
		}
	}
}

// request reads a body as the shell's binder does.
func request[T any](t *testing.T, body string) (r T) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPolicyChangesOnlyWhatIsNamed(t *testing.T) {
	was := tenant.Policy{
		Expiry: tenant.ExpiryRolling, ExpiryDays: 30, WarningDays: 7, Clawback: tenant.ClawbackNegative, Enrolment: tenant.EnrolmentStrict, AwardHoldDays: 2,
	}
	for body, change := range map[string]func(*tenant.Policy){
		`{}`:                                func(*tenant.Policy) {},
		`{"awardHoldDays": 0}`:              func(p *tenant.Policy) { p.AwardHoldDays = 0 },
		`{"clawback": "to_zero"}`:           func(p *tenant.Policy) { p.Clawback = tenant.ClawbackToZero },
		`{"expiry": {"policy": "none"}}`:    func(p *tenant.Policy) { p.Expiry, p.ExpiryDays = tenant.ExpiryNone, 0 },
		`{"expiry": {"policy": "rolling"}}`: func(p *tenant.Policy) { p.ExpiryDays = 0 }, // replaced as a whole
		`{"expiry": {"policy": "fixed", "month": 12, "day": 31, "days": 5}}`: func(p *tenant.Policy) {
			p.Expiry, p.ExpiryDays, p.ExpiryMonth, p.ExpiryDay = tenant.ExpiryFixed, 0, time.December, 31
		},
	} {
		got, want := was, was
		changePolicy(&got, request[gen.UpdateSettingsRequest](t, body))
		change(&want)
		if got != want {
			t.Errorf("%s makes %+v, want %+v", body, got, want)
		}
	}
}

func TestItemChangesOnlyWhatIsNamed(t *testing.T) {
	number, text := int64(5), "pool_1"
	was := store.Item{Name: "Card", Kind: store.Digital, Status: store.Active, PointsCost: &number, Stock: &number, PoolID: &text}
	got := was
	changeItem(&got, request[gen.UpdateItemRequest](t, `{"stock": null, "tokensCost": 7, "status": "inactive"}`))
	if got.Stock != nil || got.TokensCost == nil || *got.TokensCost != 7 || got.Status != store.Inactive {
		t.Errorf("what was named is %+v", got)
	}
	if got.Name != was.Name || got.PointsCost != was.PointsCost || got.PoolID != was.PoolID || got.Kind != was.Kind {
		t.Errorf("what was not named is %+v", got)
	}
}

func TestEveryHoldStateHasItsWord(t *testing.T) {
	for state, word := range map[ledger.HoldState]string{ledger.Held: "pending", ledger.Matured: "released", ledger.Cancelled: "cancelled"} {
		if shown := hold(ledger.Hold{State: state}).Status; string(shown) != word || !shown.Valid() || holdState(shown) != state {
			t.Errorf("%s is shown as %s", state, shown)
		}
	}
}

func TestEveryAssetHasItsName(t *testing.T) {
	for _, a := range ledger.Assets {
		if name := gen.Asset(a.String()); !name.Valid() || asset(name) != a {
			t.Errorf("asset %d is called %s", a, name)
		}
	}
}

func TestMaturity(t *testing.T) {
	if at, err := maturity(nil); err != nil || !at.IsZero() {
		t.Errorf("none is %s, %v", at, err)
	}
	r := request[gen.CreateHoldRequest](t, `{"maturesAt": "0001-01-01T00:00:00Z"}`)
	if _, err := maturity(orNil(r.MaturesAt)); err == nil {
		t.Error("the zero instant is taken for none")
	}
}
