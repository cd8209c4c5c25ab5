// Package tenant owns who may do what and for whom: tenants with their
// policies, API keys, members.
//
// A tenant is one programme in one mode, live or test. A principal is what a
// valid API key proves: a tenant, a facade, scopes. A member is a person, by
// the caller's own id.
//
// Invariants:
//
//  1. A key's secret is never stored, only its HMAC-SHA-256 under a server
//     secret, and is compared in constant time.
//  2. A key belongs to one facade and one tenant; test and live never meet.
//  3. A revoked key, and a rotated secret past its overlap, stop working within
//     authFreshness on every server.
//  4. Members are enrolled in a transaction of their own, before the one that
//     locks their accounts (see internal/ledger on lock order).
//  5. Only a test tenant's clock can run ahead of real time, and none ever runs
//     backwards. Keys and their secrets go by real time.
//  6. Members have places 1, 2, 3 ... in the order of their enrolment, without
//     gap, and member_counts holds the newest. A trigger numbers them, whoever
//     inserts them.
//
// Places make the list of members exact and flat: its total is one row, and the
// last page of a million costs what the first one does. The alternative, counts
// per day as for orders, would scan a day in which a million members came. The
// price is paid by enrolment alone, which is a transaction of its own: one
// narrow row per member, and enrolments of one tenant commit one after another.
// An award to a known member touches neither table.
package tenant
