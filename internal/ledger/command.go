package ledger

import (
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/internal/fault"
)

// Codes of this package's refusals.
const (
	CodeInsufficientPoints = "insufficient_points"
	CodeBalanceOverflow    = "balance_overflow"
	CodeInvalidTransition  = "invalid_transition"
)

// MaxAmount bounds one command, in whole units. With it, and maxBalance, no sum
// in the books can leave int64.
const MaxAmount = 1_000_000_000_000_000

// maxBalance bounds every total of one account, in whole units.
const maxBalance = 1 << 60

// returnGrace is how long units live at least that come back from a cancelled
// order after their lot has expired.
const returnGrace = 30 * 24 * time.Hour

// Op is what a command asks for.
type Op uint8

// The operations.
const (
	OpAward   Op = iota + 1 // issue Amount; on hold when the tenant's policy says so
	OpHold                  // issue Amount into pending until MaturesAt, or until a decision
	OpRelease               // mature the hold HoldID now
	OpCancel                // cancel the hold HoldID
	OpSpend                 // redeem Amount
	OpRefund                // give back the spend UndoSeq
	OpDeduct                // take Amount away
	OpReverse               // claw back the grant UndoSeq by the tenant's policy
	OpSettle                // only post what is due
)

// gives tells whether the operation may make an account.
func (o Op) gives() bool { return o == OpAward || o == OpHold }

// takes tells whether the operation is refused when there is too little.
func (o Op) takes() bool { return o == OpSpend || o == OpDeduct }

// Command is one thing asked of the ledger, about one member and one asset.
type Command struct {
	Op        Op
	Member    string // the caller's id
	Asset     Asset
	Amount    int64     // award, hold, spend, deduct
	MaturesAt time.Time // hold; zero waits for a decision
	UndoSeq   int64     // refund, reverse
	HoldID    uuid.UUID // hold: the id it gets (made when zero); release, cancel: the hold
	Cause     uuid.UUID // the order or other object that it belongs to; zero is none
	Memo      Memo

	asked bool // by a caller for this member: refused for one who was erased
}

// Outcome is what a command came to.
type Outcome struct {
	Transfer Transfer // the one that carries the command's own effect; zero when nothing moved
	Holding  Holding  // the account afterwards
	Hold     *Hold    // hold, release, cancel, and an award that rests on hold

	// Reverse: what was taken, what became debt, what the policy let go.
	Taken, Owed, Forgiven int64
}

// Result is an outcome or a refusal; a refusal is always a fault.
type Result struct {
	Outcome
	Err error
}

func insufficient(b *book, need int64) error {
	return fault.New(fault.Invalid, CodeInsufficientPoints, "The member has %d %s, %d are needed",
		b.balances.Spendable(), b.asset, need)
}

func overflow() error {
	return fault.New(fault.Invalid, CodeBalanceOverflow, "The account cannot hold that much")
}
