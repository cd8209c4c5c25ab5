// Package limit keeps callers within what their tenant allows: calls a month of
// all Incenta keys together, calls a minute of each Incentable key.
//
// # Nouns
//
// A budget is how many calls may be made in a window, a minute or a calendar
// month in UTC by real time, whatever clock a test tenant is given. A portion is
// what one process takes of it at once, to hand out call by call.
//
// # Invariants
//
//  1. All processes together never let more calls through in a window than its
//     budget: a portion is taken in one row of the database, under its lock.
//  2. They let through what is asked, less what lies in portions of processes
//     that nobody asks any more: at most a 400th of the budget in each, and a
//     sixteenth of what is left when less than that is left. So eight processes
//     waste 2 % at worst, and those that are asked waste nothing.
//  3. A process that stops gives back what it holds. One that is killed loses no
//     more than it would use in about a second: portions begin at one call, and
//     double only while they last less than that.
//  4. That a month's budget is exceeded is told once, in the feed
//     (USAGE_LIMIT_EXCEEDED), by whichever process is first to refuse a call.
//  5. Without a budget nothing here touches the database, and with one only the
//     call that takes a portion does, and none while a window is used up.
//
// Every call is counted for which a key was proved, refusals and replays too,
// since it is the asking that is limited.
//
// # What it does not own
//
// How large budgets are (tenant), and how a refusal looks (httpapi).
package limit
