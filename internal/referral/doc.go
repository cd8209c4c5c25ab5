// Package referral is the referral programme: campaigns, codes, clicks,
// conversions, and the rewards they earn.
//
// # Nouns
//
// A campaign says who is paid what for bringing whom. Its rule has versions: a
// change makes a new one, and each reward names the one it was made by. A
// referral is a code and its holder, the referrer. A click is a visit through a
// code; a counted one counts in the totals. An attribution binds a referee to
// one referral of a campaign: the first wins. A conversion is what the referee
// did; a reward is what somebody earned by it. A signal is one indication of
// fraud; a case is a referral or conversion under review.
//
// # Invariants
//
//  1. A code is unique in its tenant, without regard to case
//     (referrals_code_unique). There is one open referral per campaign and
//     referrer without a referee, and one per triple with one
//     (referrals_open_unique, referrals_triple_unique).
//  2. A referee has at most one attribution in a campaign, and it never moves
//     (attributions_pk).
//  3. A referee's first conversion in a campaign pays; whether it is the first
//     is decided under the lock of the attribution.
//  4. What a campaign has granted, less what was cancelled, never exceeds its
//     budget; decided under the lock of the campaign, taken only where there is
//     a budget. The cap per referrer likewise, under the lock of the referrer's
//     tally.
//  5. A reward moves PENDING -> APPROVED -> PAID, or to CANCELLED from the first
//     two, and nowhere else; but the refund of its conversion cancels one that
//     was paid in points, too, and leaves one that was redeemed as it is, since
//     what it bought is gone. One that a case holds leaves PENDING by its review
//     only. It has at most one code and is redeemed at most once. A hold that
//     has ended counts as APPROVED: whoever reads or locks settles it first.
//     An automated one that is APPROVED is paid by whoever comes first, a claim or
//     the sweep (SettleDue), under the reward's lock; so it is paid once.
//  6. Amounts of money are whole minor units; a percentage is rounded half-even,
//     once.
//  7. Totals are kept in shards and summed at reading: no request counts rows.
//     They equal the rows: counted clicks, conversions not rejected, rewards not
//     cancelled. The rewards of a member and the conversions of a code have
//     places without gap, by which their lists are counted and paged.
//  8. Everything that one call changes commits together, its points and its
//     idempotency key included.
//  9. Addresses, devices and user agents are kept as keyed hashes only.
//  10. What fraud is suspected of leaves a case with its signals, also where a
//     code is refused: that case has no referral, and stands beside the refusal.
//  11. What a server knows by heart of where a code leads is what the database says:
//     whatever changes it (a change of the campaign, an erasure) counts the tenant's
//     version of codes up in the same transaction, and each batch of clicks reads that
//     version before anything else, and the codes anew where it has moved.
//
// # Locks
//
// In the order: campaign, referral by id, attribution, tally, conversion, reward,
// case, then the store's (pools) and the ledger's; what has a trigger that takes a shard
// of the counts is written only then; sightings, hours and shards of totals, each
// in one order of its keys, and idempotency keys last. Members are enrolled before,
// as in the ledger. Clicks lock no referral: they take the attributions that are
// there, in the order of campaign and member, then make new ones, then add to the
// clicks of codes, each in one order too. An attribution's lock guards the visits
// of its referee; two who make the same one at once are told apart by its key, and
// the loser's transaction runs again.
// What grants, or takes back, shares the campaign, and has its row alone where
// there is a budget (lockCampaign); a change of the campaign waits for all of them
// and is not passed by later ones. Sharing is an advisory lock: a row's lock would
// write the campaign's row at every conversion, and under steady conversions a
// change would never have its turn. It locks the tenant's row, too, for the version of
// codes, as an erasure does.
//
// # Cost
//
// Clicks go through group commit like awards; those on one code share a lane, so
// that they do not wait for each other's commit. What fraud is judged by is kept
// as it happens (visits, sightings, hours, totals) and read by index: no call
// counts rows that grow with the campaign. Lists know how long they are, and where
// a page begins, from counts: those of a tenant or campaign per day, those of one
// member or code, which a day may fill, per block of 1024.
//
// What a click leaves behind decides what it costs; by incent bench, 64 clients on
// two busy cores, CPU time of everybody and write-ahead log of one:
//
//	                                          by one of 100,000   by nobody    an award
//	counts in the referral's own row, a row
//	for the visit beside the attribution      343 us, 1250 B   209 us, 610 B   187 us, 640 B
//	apart, the visit in the attribution       222 us,  820 B   184 us, 590 B   203 us, 640 B
//
// (Two runs; compare each line with its own award. PostgreSQL alone: 181 us and
// then 95, beside 65 and 74 of an award.) Since then
// codes, people and bindings are one look-up, so that a batch makes two round trips
// like an award's; a click that does not count leaves its code's row alone; and keys
// of members come from their index. Then codes were learnt by heart, the clicks of a
// holder's day were put beside their code's, and what needs no lane was taken out of it:
//
//	by one of 100,000   by nobody   an award
//	138 us, 740 B       117 us      159 us
//
// (Six rounds of these rows alone on a quiet machine; 1.12 and 1.36 times the rate of
// awards. README has them among all rows, on a busy one.) Looked up in the lane, by
// heart cost the server as much as it saved the database, and everybody in the lane
// waited for it; before the lane it is done beside it. Tried, and no cheaper than the
// noise: to bind and read by one INSERT with RETURNING. Two lanes instead of one cost 303 us instead of 239, and 250
// instead of 206.
package referral
