package referral

import (
	"context"
	"errors"
	"fmt"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/fraud"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// enrolAttempts bounds how often a command enrols members or opens accounts and
// tries again.
const enrolAttempts = 4

// person is a member as the scorer and the rewards need it.
type person struct {
	id       int64  // ours; 0: nobody
	external string // the caller's
	email    string // "": not known
}

// unknownError lists people who are no members yet. They are enrolled in a
// transaction of their own, as the ledger does, then the command runs again.
type unknownError struct{ externals []string }

func (e *unknownError) Error() string {
	return fmt.Sprintf("%d people are not enrolled yet", len(e.externals))
}

// known finds members. Those that are missing make an unknownError, or, where
// the tenant makes no members on the way, a refusal.
func known(ctx context.Context, db query.DBTX, t tenant.Tenant, externals ...string) (map[string]person, error) {
	rows, err := q.MemberListProfiles(ctx, db, query.MemberListProfilesParams{TenantID: t.ID, ExternalIds: externals})
	if err != nil {
		return nil, fmt.Errorf("find members: %w", err)
	}
	found := make(map[string]person, len(rows))
	for _, r := range rows {
		found[r.ExternalID] = person{r.ID, r.ExternalID, orEmpty(r.Email)}
	}
	var missing []string
	for _, external := range externals {
		if _, ok := found[external]; !ok {
			missing = append(missing, external)
		}
	}
	if len(missing) > 0 && t.Policy.Enrolment != tenant.EnrolmentStrict {
		return found, &unknownError{missing}
	}
	if len(missing) > 0 {
		return found, memberUnknown()
	}
	return found, nil
}

func memberUnknown() error {
	return fault.New(fault.NotFound, CodeMemberUnknown, "There is no such member, and this call does not make one")
}

// open makes the members and accounts that an attempt missed. It tells whether
// to try again, and with what error to give up otherwise.
func (p *Programme) open(ctx context.Context, tenantID int64, err error, attempt int) (again bool, _ error) {
	var unknown *unknownError
	var unopened *ledger.UnopenedError
	switch {
	case attempt == enrolAttempts:
		return false, err
	case errors.As(err, &unopened):
		err = ledger.Open(ctx, p.db, tenantID, unopened)
	case errors.As(err, &unknown):
		_, err = pg.InTx(ctx, p.db, func(ctx context.Context, tx pg.Tx) (struct{}, error) {
			t, err := tenant.Get(ctx, tx, tenantID)
			if err != nil {
				return struct{}{}, err
			}
			return struct{}{}, tenant.Enrol(ctx, tx, t, unknown.externals)
		})
	default:
		return false, err
	}
	return err == nil, pg.Fault(err)
}

// Origin is where a request of the caller's own caller came from, as far as the
// caller says. Empty members are not known.
type Origin struct {
	Address string // IP
	Agent   string // user agent
	Device  string
}

// The kinds of traits.
const (
	traitNetwork = "network"
	traitAgent   = "agent" // of a network: alone it says nothing
	traitDevice  = "device"
)

// traits are an origin at rest: keyed hashes, nil where nothing is known.
type traits struct{ network, agent, device []byte }

func (t traits) byKind() map[string][]byte {
	if t.network == nil && t.device == nil {
		return nil // most clicks say nothing
	}
	known := map[string][]byte{}
	for kind, trait := range map[string][]byte{traitNetwork: t.network, traitAgent: t.agent, traitDevice: t.device} {
		if len(trait) > 0 {
			known[kind] = trait
		}
	}
	return known
}

// traitsOf hashes an origin.
func (p *Programme) traitsOf(tenantID int64, o Origin) traits {
	var t traits
	network := fraud.NetworkOf(o.Address)
	if network != "" {
		t.network = p.digest(tenantID, traitNetwork, network)
	}
	if network != "" && o.Agent != "" {
		t.agent = p.digest(tenantID, traitAgent, network+"\x00"+o.Agent)
	}
	if o.Device != "" {
		t.device = p.digest(tenantID, traitDevice, o.Device)
	}
	return t
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
