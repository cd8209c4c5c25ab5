// Package management is the management facade: it maps what an operator's
// programs ask to the domains and their answers back, and does nothing else.
//
// Settings are the tenant's policy; items, code pools and codes are the
// store's; holds, reversals and liability are the ledger's. What another
// facade's words call by another name is translated here only: a hold that has
// matured is `released`.
//
// Instants are cut to milliseconds (wire.Millis). A key's secret passes through
// here once, on its way out; the stored answer that repeats it is sealed
// (internal/once).
package management
