// Package incentable is the Incentable facade: it maps the documented requests
// to the domains and their answers back, and does nothing else.
//
// Points here are the ledger's points; a reward is the store's item with a
// price in points; a transaction is a transfer seen from one member. Instants
// are whole seconds, as the documents show them.
package incentable
