// Package store sells: items, their stock, code pools, and orders.
//
// An item is what can be bought with points or tokens; one without a price in
// points is not sold for points. A code pool holds secret codes, imported or
// generated on demand. An order is one purchase; Incenta calls it a redemption.
//
// A partner is another business. A listing is an item that a partner offers: a
// row of items with a partner, so that price, stock, codes, order and refusals
// are those of any item, and the marketplace is files of this package rather
// than a package of its own. Listings are bought as such, by Redemption.Listing,
// and are absent from the catalogue. They are digital, so their orders are
// complete at once and never cancelled. An offer is a tenant's consent that one
// other tenant, named by its programme, sells an item of its own; a sale is one
// unit sold so, on the side of the tenant whose item it was. A settlement is
// what is owed to a partner.
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
//  5. Locks are taken in the order: order, items by tenant and id, pools by
//     tenant and id, then the ledger's, then spans by item, length, start and
//     status, partner days by partner and day, offers by tenant and id, then
//     idempotency keys.
//  6. A partner's day equals the sums over its orders, an offer's totals those
//     over its sales.
//  7. Every order of a listing notes what is owed for it; that of another
//     tenant's offer has one sale there, for as much, and the code that was issued
//     there (sales_pk).
//  8. Of another tenant a redemption reads and takes only what an offer made to
//     this one names: the item's stock and a code. The listing shows how many
//     are left, and nothing else of it.
//  9. That a pool has run out, or somebody wanted more than it has, is told once
//     until codes are put in (code_pools.told_empty_at), also where whoever asked
//     was refused; told is the tenant whose pool it is.
//
// Events about an order name it and no more; what is told of it is made from its
// row (tell.go), turned back to where it stood at the event.
//
// # Across tenants
//
// A redemption of another tenant's offer is one transaction over both: our
// points and order, their stock, code and sale. Two tenants may sell each
// other's items at the same time; since all items come before all pools, both in
// the order of tenants, and the only ledger accounts locked are our own, nobody
// waits in a circle: whoever holds an account waits only for counters, and those
// again come in one order. What stands behind a listing (partner, offer) is read
// without a lock, so that selling does not stop its keeper; withdrawing it acts
// on redemptions that begin later. This is the one place where a transaction
// spans tenants; where they are spread over machines, it is the one that needs
// a commit in two phases.
//
// Lists of orders are read by the counts of spans (seek.go): a page leaps over days,
// then over 288 seconds, then over seconds, to one second's orders at most. They
// are counted in all, of each item, and by status.
//
// Redemptions of both facades go through group commit: one item's stock or one
// pool's codes are wanted by everybody at once, and a lock per redemption would
// allow only one commit at a time.
package store
