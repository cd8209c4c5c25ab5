// Package incenta is the Incenta facade: it maps the documented requests to the
// domains and their answers back, and does nothing else.
//
// Coins here are the ledger's points; a user is the tenant's member; a catalog
// item is the store's item and a redemption its order. Instants have
// milliseconds, as the documents show them.
package incenta
