package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

var q = query.New()

// holder names an account the way commands do.
type holder struct {
	member string
	asset  Asset
}

// UnopenedError lists accounts that commands want to give to and that do not
// exist. Their members are enrolled in a transaction of their own (Open), then
// the commands are tried again; see the lock order in doc.go.
type UnopenedError struct{ holders []holder }

func (e *UnopenedError) Error() string {
	return fmt.Sprintf("%d accounts are not open yet", len(e.holders))
}

// Session is a set of locked accounts of one tenant inside a transaction.
type Session struct {
	tenantID int64
	at       time.Time
	books    map[holder]*book
	poor     map[string]bool // members without an account that is asked for
	told     *event.Journal  // where its events are noted; nil: in one of its own
}

// Begin locks, in the one order, every account that the commands concern, and
// reads what deciding them needs. A transaction begins one session at most,
// since a second one could not keep the lock order.
func Begin(ctx context.Context, tx pg.Tx, t tenant.Tenant, at time.Time, commands []Command) (*Session, error) {
	locks := Lock(t.ID, commands)
	if err := locks.Read(ctx, tx); err != nil {
		return nil, err
	}
	return locks.Begin(ctx, tx, t, at, commands)
}

// Locks are accounts on their way to be locked, by a read that may travel with
// others.
type Locks struct {
	pairs query.AccountListForUpdateParams
	whole []string // members of whom all accounts are locked, each looked up once; nil: the pairs are

	rows   []query.AccountListForUpdateRow
	ranged []query.AccountListRangeForUpdateRow
}

// Lock names the accounts that commands concern.
func Lock(tenantID int64, commands []Command) *Locks {
	l := &Locks{pairs: query.AccountListForUpdateParams{TenantID: tenantID}}
	seen := make(map[holder]bool, len(commands))
	for _, c := range commands {
		h := holder{c.Member, c.Asset}
		if seen[h] {
			continue
		}
		seen[h] = true
		l.pairs.ExternalIds = append(l.pairs.ExternalIds, h.member)
		l.pairs.Assets = append(l.pairs.Assets, int16(h.asset))
	}
	l.whole = wholes(l.pairs.ExternalIds)
	return l
}

// LockAll names all accounts of members, who may be named more than once.
func LockAll(tenantID int64, members []string) *Locks {
	return &Locks{pairs: query.AccountListForUpdateParams{TenantID: tenantID}, whole: distinct(members)}
}

// wholes are the members of pairs, which are different, where those are all assets of
// each, as for events; nil: they are not.
func wholes(externals []string) []string {
	n := len(externals)
	if n == 0 || n%len(Assets) != 0 || externals[0] != externals[len(Assets)-1] {
		return nil // most batches are of one asset
	}
	members := distinct(externals)
	if len(members)*len(Assets) != n {
		return nil
	}
	return members
}

func distinct(words []string) []string {
	kept, seen := make([]string, 0, len(words)), make(map[string]bool, len(words))
	for _, w := range words {
		if !seen[w] {
			seen[w] = true
			kept = append(kept, w)
		}
	}
	return kept
}

// Read locks the accounts, in the one order.
func (l *Locks) Read(ctx context.Context, db query.DBTX) (err error) {
	switch {
	case len(l.whole) > 0:
		l.ranged, err = q.AccountListRangeForUpdate(ctx, db, query.AccountListRangeForUpdateParams{
			TenantID: l.pairs.TenantID, ExternalIds: l.whole, Lowest: int16(Points), Highest: int16(XP),
		})
	case len(l.pairs.ExternalIds) > 0:
		l.rows, err = q.AccountListForUpdate(ctx, db, l.pairs)
	}
	if err != nil {
		return fmt.Errorf("lock accounts: %w", err)
	}
	return nil
}

// Begin makes the session of what was read. The commands may be fewer than those
// that the locks were named for.
func (l *Locks) Begin(ctx context.Context, tx pg.Tx, t tenant.Tenant, at time.Time, commands []Command) (*Session, error) {
	books, err := l.books(ctx, tx, t, commands)
	if err != nil {
		return nil, err
	}
	poor, err := poorMembers(ctx, tx, t, commands, books)
	if err != nil {
		return nil, err
	}
	return &Session{tenantID: t.ID, at: at, books: books, poor: poor}, load(ctx, tx, t.ID, at, books, commands)
}

// Do decides one of the commands that the session began with and notes its
// effect in memory. Commands see the effects of those done before them; one
// that is not done has none.
func (s *Session) Do(c Command) Result {
	b := s.books[holder{c.Member, c.Asset}]
	if b == nil && c.Op.takes() && s.poor[c.Member] {
		b = &book{asset: c.Asset} // empty, and never stored
	}
	if b == nil || b.memoKey == nil && b.member != 0 && c.asked && (c.Op.gives() || c.Op.takes()) {
		return Result{Err: fault.Missing("member")} // unknown, or erased: only what has begun goes on
	}
	if c.Op.gives() && c.HoldID == uuid.Nil {
		c.HoldID = pg.NewUUID()
	}
	return b.carryOut(c, s.at)
}

// Member is our key of a member whose account the session holds; false when
// there is no such account.
func (s *Session) Member(external string, asset Asset) (int64, bool) {
	b := s.books[holder{external, asset}]
	if b == nil {
		return 0, false
	}
	return b.member, true
}

// Mark is what an account bore when it was locked: drawn by whoever last stored what
// its lock guards besides, and 0 before that; 0, too, where there is no such account.
func (s *Session) Mark(external string, asset Asset) int64 {
	if b := s.books[holder{external, asset}]; b != nil {
		return b.mark
	}
	return 0
}

// SetMark has the account bear another mark, in the transaction that stores what the
// lock guards. The account exists.
func (s *Session) SetMark(external string, asset Asset, mark int64) {
	b := s.books[holder{external, asset}]
	b.mark, b.marked = mark, true
}

// Room refuses what the account could not take as a whole, so that a command
// that awards in several steps, to several accounts, is refused before the first.
func (s *Session) Room(external string, asset Asset, amount int64) error {
	b := s.books[holder{external, asset}]
	if b == nil {
		return fault.Missing("member")
	}
	if amount > maxBalance || b.earned+b.balances.Pending+amount > maxBalance {
		return overflow()
	}
	return nil
}

// TellIn has the session's events noted in the transaction's own journal, behind
// what is there when the session is stored. The caller stores it.
func (s *Session) TellIn(j *event.Journal) { s.told = j }

// Store queues the session's writes on pipe, which the caller sends before it
// commits.
func (s *Session) Store(ctx context.Context, pipe *pg.Pipeline) error {
	return store(ctx, pipe, s.tenantID, s.at, s.books, s.told)
}

// Apply carries out commands inside a transaction, each on its own, in order.
func Apply(ctx context.Context, tx pg.Tx, pipe *pg.Pipeline, t tenant.Tenant, at time.Time, commands []Command) ([]Result, error) {
	s, err := Begin(ctx, tx, t, at, commands)
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(commands))
	for i, c := range commands {
		results[i] = s.Do(c)
	}
	return results, s.Store(ctx, pipe)
}

// books makes the books of what was read. One that a command gives to and that
// is missing is an UnopenedError; other missing ones are absent from the map.
func (l *Locks) books(ctx context.Context, tx pg.Tx, t tenant.Tenant, commands []Command) (map[holder]*book, error) {
	books := make(map[holder]*book, len(l.rows)+len(l.ranged))
	add := func(r query.AccountListForUpdateRow) {
		b := bookFromRow(r)
		b.policy = &t.Policy
		books[holder{b.external, b.asset}] = b
	}
	for _, r := range l.rows {
		add(r)
	}
	for _, r := range l.ranged {
		add(query.AccountListForUpdateRow(r))
	}
	missing, err := missingHolders(ctx, tx, t, commands, books)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, &UnopenedError{missing}
	}
	return books, nil
}

// poorMembers tells which members exist of those whom commands want to take from
// and who have no account of the asset: they have too little, and are not unknown.
func poorMembers(ctx context.Context, tx pg.Tx, t tenant.Tenant, commands []Command, books map[holder]*book) (map[string]bool, error) {
	var without []string
	for _, c := range commands {
		if c.Op.takes() && books[holder{c.Member, c.Asset}] == nil {
			without = append(without, c.Member)
		}
	}
	if len(without) == 0 {
		return nil, nil
	}
	return tenant.Known(ctx, tx, t.ID, without)
}

// missingHolders lists the accounts that commands give to, that do not exist
// and that may be opened. Where members are not made on the way, those of
// unknown members may not.
func missingHolders(ctx context.Context, tx pg.Tx, t tenant.Tenant, commands []Command, books map[holder]*book) ([]holder, error) {
	var missing []holder
	seen := map[holder]bool{}
	for _, c := range commands {
		h := holder{c.Member, c.Asset}
		if c.Op.gives() && books[h] == nil && !seen[h] {
			seen[h] = true
			missing = append(missing, h)
		}
	}
	if len(missing) == 0 || t.Policy.Enrolment != tenant.EnrolmentStrict {
		return missing, nil
	}
	externals := make([]string, len(missing))
	for i, h := range missing {
		externals[i] = h.member
	}
	known, err := tenant.Known(ctx, tx, t.ID, externals)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(missing, func(h holder) bool { return !known[h.member] }), nil
}

func bookFromRow(r query.AccountListForUpdateRow) *book {
	return &book{
		ctid: r.Ctid, member: r.MemberID, external: r.ExternalID, memoKey: r.MemoKey, asset: Asset(r.Asset),
		balances: Balances{r.Available, r.Pending, r.Debt},
		dated:    r.Dated, earned: r.Earned, redeemed: r.Redeemed, seq: r.Seq,
		shown: [4]int64{r.Awards, r.Redeems, r.Deducts, r.Expires},
		dueAt: instant(r.DueAt), readDue: instant(r.DueAt), idleAt: instant(r.IdleAt), movedAt: r.MovedAt.UTC(), mark: r.Mark,
		known: r.Dated == 0 && r.Pending == 0,
	}
}

// instant reads a nullable column; the zero time is null.
func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// places collects the addresses of accounts or of transfers for set-based reads.
type places struct {
	members []int64
	assets  []int16
	seqs    []int64
}

func (p *places) add(b *book, seq int64) {
	p.members = append(p.members, b.member)
	p.assets = append(p.assets, int16(b.asset))
	p.seqs = append(p.seqs, seq)
}

// has tells whether a place was added before: a set-based read would give its
// rows twice.
func (p *places) has(b *book, seq int64) bool {
	for i := range p.seqs {
		if p.seqs[i] == seq && p.members[i] == b.member && p.assets[i] == int16(b.asset) {
			return true
		}
	}
	return false
}

type address struct {
	member int64
	asset  Asset
}

// load reads lots, holds and transfers to be undone where a command or the
// clock needs them. Plain awards need none of it.
func load(ctx context.Context, tx pg.Tx, tenantID int64, at time.Time, books map[holder]*book, commands []Command) error {
	byAddress := make(map[address]*book)
	var lotted, undo places
	want := func(b *book) {
		if b.known || byAddress[address{b.member, b.asset}] != nil {
			return
		}
		byAddress[address{b.member, b.asset}] = b
		lotted.add(b, 0)
	}
	for _, c := range commands {
		b := books[holder{c.Member, c.Asset}]
		if b == nil {
			continue
		}
		if needsLots(b, c, at) {
			want(b)
		}
		if c.UndoSeq > 0 && !undo.has(b, c.UndoSeq) {
			undo.add(b, c.UndoSeq)
		}
	}
	if len(lotted.members) > 0 {
		if err := loadLots(ctx, tx, tenantID, lotted, byAddress); err != nil {
			return err
		}
	}
	if len(undo.members) == 0 {
		return nil
	}
	for _, b := range books {
		if b != nil {
			byAddress[address{b.member, b.asset}] = b
		}
	}
	return loadOriginals(ctx, tx, tenantID, undo, byAddress)
}

// needsLots tells whether a command cannot be decided without the account's lots
// and holds.
func needsLots(b *book, c Command, at time.Time) bool {
	return !c.Op.gives() || b.falls(b.dueAt, at) || b.falls(c.MaturesAt, at)
}

func loadLots(ctx context.Context, tx pg.Tx, tenantID int64, p places, byAddress map[address]*book) error {
	lots, err := q.LotList(ctx, tx, query.LotListParams{TenantID: tenantID, MemberIds: p.members, Assets: p.assets})
	if err != nil {
		return fmt.Errorf("read lots: %w", err)
	}
	holds, err := q.HoldListOpen(ctx, tx, query.HoldListOpenParams{TenantID: tenantID, MemberIds: p.members, Assets: p.assets})
	if err != nil {
		return fmt.Errorf("read holds: %w", err)
	}
	for _, b := range byAddress {
		b.known = true
	}
	for _, l := range lots {
		b := byAddress[address{l.MemberID, Asset(l.Asset)}]
		b.lots = append(b.lots, lot{l.ExpiresAt.UTC(), l.Remaining})
	}
	for _, h := range holds {
		b := byAddress[address{h.MemberID, Asset(h.Asset)}]
		b.holds = append(b.holds, holdFromRow(h, b.external))
	}
	return nil
}

func holdFromRow(h query.Hold, external string) Hold {
	hold := Hold{
		ID: h.ID, Member: external, Asset: Asset(h.Asset), Amount: h.Amount, State: HoldState(h.State),
		MaturesAt: instant(h.MaturesAt), Memo: memoFromRow(h.Reason, h.Reference, h.Metadata),
		CreatedAt: h.CreatedAt.UTC(), ClosedAt: instant(h.ClosedAt), openedSeq: h.OpenedSeq,
	}
	if h.CauseID != nil {
		hold.Cause = *h.CauseID
	}
	if h.ClosedSeq != nil {
		hold.closedSeq = *h.ClosedSeq
	}
	return hold
}

func memoFromRow(reason string, reference *string, metadata []byte) Memo {
	m := Memo{Reason: reason, Metadata: metadata}
	if reference != nil {
		m.Reference = *reference
	}
	return m
}

func loadOriginals(ctx context.Context, tx pg.Tx, tenantID int64, p places, byAddress map[address]*book) error {
	rows, err := q.TransferListToUndo(ctx, tx, query.TransferListToUndoParams{TenantID: tenantID, MemberIds: p.members, Assets: p.assets, Seqs: p.seqs})
	if err != nil {
		return fmt.Errorf("read transfers to undo: %w", err)
	}
	entries, err := q.LotEntryListByTransfer(ctx, tx, query.LotEntryListByTransferParams{TenantID: tenantID, MemberIds: p.members, Assets: p.assets, Seqs: p.seqs})
	if err != nil {
		return fmt.Errorf("read lot entries: %w", err)
	}
	for _, r := range rows {
		b := byAddress[address{r.MemberID, Asset(r.Asset)}]
		if b.originals == nil {
			b.originals = map[int64]original{}
		}
		o := original{kind: Kind(r.Kind), amount: r.Amount, undone: r.Undone}
		if r.CauseID != nil {
			o.cause = *r.CauseID
		}
		b.originals[r.Seq] = o
	}
	for _, e := range entries {
		b := byAddress[address{e.MemberID, Asset(e.Asset)}]
		o := b.originals[e.Seq]
		o.entries = append(o.entries, entry{e.Seq, e.ExpiresAt.UTC(), e.Amount})
		b.originals[e.Seq] = o
	}
	return nil
}

// ordered lists the books that changed in lock order. One where nothing fell due
// after all has changed too: it must not be looked at again and again.
func ordered(books map[holder]*book) []*book {
	list := make([]*book, 0, len(books))
	for _, b := range books {
		if b == nil {
			continue
		}
		b.refreshDue()
		if len(b.transfers)+len(b.undone) > 0 || b.marked || !b.dueAt.Equal(b.readDue) {
			list = append(list, b)
		}
	}
	slices.SortFunc(list, func(x, y *book) int {
		return cmp.Or(cmp.Compare(x.member, y.member), cmp.Compare(x.asset, y.asset))
	})
	return list
}
