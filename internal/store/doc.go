// Package store sells: items, their stock, code pools, and orders.
//
// An item is what can be bought with points or tokens; one without a price in
// points is not sold for points. A code pool holds secret codes, imported or
// generated on demand. An order is one purchase; Incenta calls it a redemption.
//
// Invariants:
//
//  1. Stock, points, codes and order commit together, whatever dies in between.
//  2. Stock never falls below zero (items_stock_not_negative), a code goes to
//     one order or earned reward only (locked with its pool, codes_one_owner),
//     and the spend is the ledger's.
//  3. An order moves along the arrows of moves and nowhere else; cancelling
//     gives points (to their lots) and stock back at most once.
//  4. A pool's counts equal its codes; a span's counts equal its orders
//     (order_spans, kept by the triggers on orders).
//  5. Locks are taken in the order: order, items by id, pools by id, then the
//     ledger's, then spans by item, length, start and status, then idempotency keys.
//
// Lists of orders are read by the counts of spans (seek.go): a page leaps over days,
// then over 288 seconds, then over seconds, to one second's orders at most. They
// are counted in all, of each item, and by status.
//
// Redemptions of both facades go through group commit: one item's stock or one
// pool's codes are wanted by everybody at once, and a lock per redemption would
// allow only one commit at a time.
package store
