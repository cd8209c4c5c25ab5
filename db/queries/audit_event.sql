-- Queries of the journal's part of an audit: the first commit that breaks an
-- invariant of internal/event/doc.go, or no row. The events of commits stand side
-- by side in arrays, of which the shorter ones are filled up with nulls. What
-- offends is gathered first, as in audit.sql.

-- name: CommitFindMisplaced :one
-- Invariant 2: a commit that does not follow where the one before it ends, or a feed that ends elsewhere.
WITH line AS MATERIALIZED (
    SELECT c.id, c.place, cardinality(c.kinds) AS events,
           COALESCE(lag(c.place + cardinality(c.kinds)) OVER w, 1) AS due,
           COALESCE(lead(c.place) OVER w, (SELECT f.next FROM feeds AS f WHERE f.tenant_id = @tenant_id), 0) AS next
      FROM commits AS c
     WHERE c.tenant_id = @tenant_id AND c.place IS NOT NULL
    WINDOW w AS (ORDER BY c.place)),
bad AS MATERIALIZED (
    SELECT l.id, format('holds %s events from number %s on, due from %s on; the feed goes on with %s', l.events, l.place, l.due, l.next)::text AS says
      FROM line AS l
     WHERE l.place <> l.due OR l.next <> l.place + l.events)
SELECT b.id, b.says FROM bad AS b ORDER BY b.id LIMIT 1;

-- name: CommitFindUnmoved :one
-- Invariant 5: an event that is a transfer which there is not, or that is told twice; or one of a member whom there is not.
WITH told AS MATERIALIZED (
    SELECT c.id, unnest(c.kinds) AS kind, unnest(c.members) AS member_id, unnest(c.assets) AS asset, unnest(c.seqs) AS seq
      FROM commits AS c
     WHERE c.tenant_id = @tenant_id),
bad AS MATERIALIZED (
    SELECT e.id::text AS id, format('names transfer %s of account %s of member %s, which there is not', e.seq, e.asset, e.member_id)::text AS says
      FROM told AS e
      LEFT JOIN transfers AS t ON t.tenant_id = @tenant_id AND t.member_id = e.member_id AND t.asset = e.asset AND t.seq = e.seq
     WHERE e.asset > 0 AND t.seq IS NULL
     UNION ALL
    SELECT max(e.id::text), format('names transfer %s of account %s of member %s, %s times', e.seq, e.asset, e.member_id, count(*))::text
      FROM told AS e
     WHERE e.asset > 0
     GROUP BY e.member_id, e.asset, e.seq
    HAVING count(*) > 1
     UNION ALL
    SELECT e.id::text, format('is about the member with the key %s, who does not exist', e.member_id)::text
      FROM told AS e
      LEFT JOIN members AS m ON m.tenant_id = @tenant_id AND m.id = e.member_id
     WHERE e.member_id > 0 AND m.id IS NULL
     UNION ALL
    SELECT max(e.id::text), format('makes the member with the key %s, %s times', e.member_id, count(*))::text
      FROM told AS e
     WHERE e.kind = @made_kind::smallint
     GROUP BY e.member_id
    HAVING count(*) > 1)
SELECT b.id::text AS id, b.says FROM bad AS b ORDER BY b.id LIMIT 1;

-- name: CommitFindOrderless :one
-- Invariant 5: an event about an order that there is not, or one that happens once and is told twice.
WITH told AS MATERIALIZED (
    SELECT c.id, unnest(c.kinds) AS kind, unnest(c.objects) AS object
      FROM commits AS c
     WHERE c.tenant_id = @tenant_id),
bad AS MATERIALIZED (
    SELECT e.id::text AS id, format('is, by kind %s, about order %s, which there is not', e.kind, e.object)::text AS says
      FROM told AS e
      LEFT JOIN orders AS o ON o.tenant_id = @tenant_id AND o.id = e.object
     WHERE e.kind = ANY(@kinds::smallint[]) AND o.id IS NULL
     UNION ALL
    SELECT max(e.id::text), format('is, by kind %s, about order %s, %s times', e.kind, e.object, count(*))::text
      FROM told AS e
     WHERE e.kind = ANY(@kinds::smallint[]) AND e.kind <> @often::smallint
     GROUP BY e.kind, e.object
    HAVING count(*) > 1)
SELECT b.id::text AS id, b.says FROM bad AS b ORDER BY b.id LIMIT 1;

-- name: CommitFindUnreferred :one
-- Invariant 5: an event about a code, click, conversion or reward that there is not, or that is told twice.
WITH told AS MATERIALIZED (
    SELECT c.id, unnest(c.kinds) AS kind, unnest(c.objects) AS object
      FROM commits AS c
     WHERE c.tenant_id = @tenant_id),
about AS MATERIALIZED (
    SELECT e.id, e.kind, e.object
      FROM told AS e
     WHERE e.kind = ANY(@rewards::smallint[]) OR e.kind IN (@code::smallint, @click::smallint, @conversion::smallint)),
bad AS MATERIALIZED (
    SELECT e.id::text AS id, format('is, by kind %s, about %s, which there is not', e.kind, e.object)::text AS says
      FROM about AS e
      LEFT JOIN referrals AS r ON e.kind = @code::smallint AND r.tenant_id = @tenant_id AND r.id = e.object
      LEFT JOIN clicks AS k ON e.kind = @click::smallint AND k.tenant_id = @tenant_id AND k.id = e.object
      LEFT JOIN conversions AS v ON e.kind = @conversion::smallint AND v.tenant_id = @tenant_id AND v.id = e.object
      LEFT JOIN rewards AS w ON e.kind = ANY(@rewards::smallint[]) AND w.tenant_id = @tenant_id AND w.id = e.object
     WHERE COALESCE(r.id, k.id, v.id, w.id) IS NULL
     UNION ALL
    SELECT max(e.id::text), format('is, by kind %s, about %s, %s times', e.kind, e.object, count(*))::text
      FROM about AS e
     GROUP BY e.kind, e.object
    HAVING count(*) > 1)
SELECT b.id::text AS id, b.says FROM bad AS b ORDER BY b.id LIMIT 1;

-- name: CommitFindInactive :one
-- Invariant 5: an event that is an activity which there is not, or that is told twice.
WITH told AS MATERIALIZED (
    SELECT c.id, unnest(c.kinds) AS kind, unnest(c.members) AS member_id, unnest(c.seqs) AS place
      FROM commits AS c
     WHERE c.tenant_id = @tenant_id),
bad AS MATERIALIZED (
    SELECT e.id::text AS id, format('names activity %s of the member with the key %s, which there is not', e.place, e.member_id)::text AS says
      FROM told AS e
      LEFT JOIN activities AS a ON a.tenant_id = @tenant_id AND a.member_id = e.member_id AND a.place = e.place
     WHERE e.kind = @recorded::smallint AND a.place IS NULL
     UNION ALL
    SELECT max(e.id::text), format('names activity %s of the member with the key %s, %s times', e.place, e.member_id, count(*))::text
      FROM told AS e
     WHERE e.kind = @recorded::smallint
     GROUP BY e.member_id, e.place
    HAVING count(*) > 1)
SELECT b.id::text AS id, b.says FROM bad AS b ORDER BY b.id LIMIT 1;
