package store

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/pg"
)

// Pool modes.
const (
	Imported  = "imported"
	Generated = "generated"
)

const (
	// generatedLength gives a generated code 79 bits: not to be guessed, and
	// never met twice.
	generatedLength = 16

	maxCodeLength     = 255
	maxPoolNameLength = 255

	// MaxImport bounds the codes of one import call.
	MaxImport = 10_000
)

// Pool is a set of secret codes.
type Pool struct {
	ID, Name, Mode            string
	Available, Issued, Voided int64
	CreatedAt                 time.Time
}

func poolFromRow(r query.CodePool) Pool {
	return Pool{r.ID, r.Name, r.Mode, r.Available, r.Issued, r.Voided, r.CreatedAt.UTC()}
}

// pool is what the shelf and the counter of rewards know of a locked pool.
type pool struct {
	id, name, mode string
	left           int64 // codes that can be handed out
	told           bool  // that it has run out
}

func lockedPool(r query.CodePool) pool {
	return pool{r.ID, r.Name, r.Mode, r.Available, r.ToldEmptyAt != nil}
}

// CreatePool makes an empty pool.
func (s *Store) CreatePool(ctx context.Context, tx query.DBTX, tenantID int64, name, mode string) (Pool, error) {
	if name == "" || utf8.RuneCountInString(name) > maxPoolNameLength {
		return Pool{}, fault.Field("name", "must have 1 to %d characters", maxPoolNameLength)
	}
	if mode != Imported && mode != Generated {
		return Pool{}, fault.Field("mode", "must be imported or generated")
	}
	p := Pool{ID: id.UUID("pool_", pg.NewUUID()), Name: name, Mode: mode, CreatedAt: pg.Now()}
	err := q.PoolInsert(ctx, tx, query.PoolInsertParams{TenantID: tenantID, ID: p.ID, Name: name, Mode: mode, CreatedAt: p.CreatedAt})
	if pg.Violates(err, "code_pools_name_unique") {
		return Pool{}, fault.New(fault.Conflict, CodeAlreadyExists, "There is a code pool named %q already", name).About("name")
	}
	return p, err
}

// Pool reads one pool.
func (s *Store) Pool(ctx context.Context, tenantID int64, poolID string) (Pool, error) {
	row, err := q.PoolGet(ctx, s.db, query.PoolGetParams{TenantID: tenantID, ID: poolID})
	if pg.IsNoRows(err) {
		return Pool{}, fault.Missing("code pool")
	}
	return poolFromRow(row), pg.Fault(err)
}

// FindPool reads one pool by its name.
func (s *Store) FindPool(ctx context.Context, tenantID int64, name string) (Pool, error) {
	row, err := q.PoolFind(ctx, s.db, query.PoolFindParams{TenantID: tenantID, Name: name})
	if pg.IsNoRows(err) {
		return Pool{}, fault.Missing("code pool")
	}
	return poolFromRow(row), pg.Fault(err)
}

// Pools lists a tenant's pools, newest first.
func (s *Store) Pools(ctx context.Context, tenantID int64, limit, skip int) (pools []Pool, total int64, err error) {
	rows, err := q.PoolList(ctx, s.db, query.PoolListParams{TenantID: tenantID, MaxRows: int32(limit), SkipRows: clampSkip(skip)})
	if err != nil {
		return nil, 0, pg.Fault(fmt.Errorf("list code pools: %w", err))
	}
	pools = make([]Pool, len(rows))
	for i, r := range rows {
		pools[i] = poolFromRow(r)
	}
	total, err = q.PoolCount(ctx, s.db, tenantID)
	return pools, total, pg.Fault(err)
}

// ImportCodes puts codes into a pool and returns how many were new. A code the
// tenant has in any pool already is left out.
func (s *Store) ImportCodes(ctx context.Context, tx pg.Tx, tenantID int64, poolID string, codes []string) (int, error) {
	if len(codes) == 0 || len(codes) > MaxImport {
		return 0, fault.Field("codes", "must list 1 to %d codes", MaxImport)
	}
	ids := make([]int64, len(codes))
	for i, code := range codes {
		if err := checkCode(code); err != nil {
			return 0, fault.Field(fmt.Sprintf("codes[%d]", i), "%s", err)
		}
		ids[i] = pg.NewKey()
	}
	pools, err := q.PoolListForUpdate(ctx, tx, query.PoolListForUpdateParams{TenantID: tenantID, Ids: []string{poolID}})
	if err != nil {
		return 0, fmt.Errorf("lock code pool: %w", err)
	}
	if len(pools) == 0 {
		return 0, fault.Missing("code pool")
	}
	if pools[0].Mode != Imported {
		return 0, fault.New(fault.Invalid, fault.CodeInvalidRequest, "This pool generates its codes; it takes none in")
	}
	fresh, err := q.CodeInsertMany(ctx, tx, query.CodeInsertManyParams{TenantID: tenantID, PoolID: poolID, Ids: ids, Codes: codes})
	if err != nil {
		return 0, fmt.Errorf("insert codes: %w", err)
	}
	err = q.PoolUpdateCounts(ctx, tx, query.PoolUpdateCountsParams{TenantID: tenantID, ID: poolID, Available: int64(len(fresh))})
	return len(fresh), err
}

func checkCode(code string) error {
	if code == "" || utf8.RuneCountInString(code) > maxCodeLength {
		return fmt.Errorf("must have 1 to %d characters", maxCodeLength)
	}
	if strings.ContainsFunc(code, unicode.IsControl) || strings.TrimSpace(code) != code {
		return fmt.Errorf("must not contain control characters or begin or end with a space")
	}
	return nil
}
