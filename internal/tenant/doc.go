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
//  5. Only a test tenant's clock can run ahead of real time.
package tenant
