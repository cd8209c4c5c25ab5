package pg_test

import (
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/incent-dev/incent/db"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
)

// schemaQuery tells everything that migrations make, one line each. Whether a
// constraint has looked at old rows is left out: a step down may have to bring
// one back that newer rows do not fit.
const schemaQuery = `
SELECT format('column %s.%s %s %s %s', c.table_name, c.column_name, COALESCE(c.domain_name, c.udt_name), c.is_nullable, c.column_default)
  FROM information_schema.columns AS c WHERE c.table_schema = 'public'
UNION ALL SELECT format('constraint %s %s %s', conrelid::regclass, conname, replace(pg_get_constraintdef(oid), ' NOT VALID', ''))
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT format('index %s', indexdef) FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT format('function %s', pg_get_functiondef(oid)) FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
UNION ALL SELECT format('trigger %s', pg_get_triggerdef(oid)) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT format('type %s %s', typname, typtype) FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('d', 'e')
UNION ALL SELECT format('options %s %s', relname, reloptions) FROM pg_class WHERE relnamespace = 'public'::regnamespace
UNION ALL SELECT format('privilege %s %s', c.relname, p.privilege_type)
  FROM pg_class AS c, LATERAL aclexplode(c.relacl) AS p JOIN pg_roles AS r ON r.oid = p.grantee
 WHERE c.relnamespace = 'public'::regnamespace AND r.rolname = 'incent_app'
 ORDER BY 1`

func schemaOf(t *testing.T, url string) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), schemaQuery)
	must(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	return slices.DeleteFunc(lines, func(line string) bool { return strings.Contains(line, "schema_migrations") })
}

// differences lists what only one of two schemas has.
func differences(was, is []string) (lines []string) {
	for _, line := range was {
		if !slices.Contains(is, line) {
			lines = append(lines, "- "+line)
		}
	}
	for _, line := range is {
		if !slices.Contains(was, line) {
			lines = append(lines, "+ "+line)
		}
	}
	return lines
}

// TestMigrationsUpDownUp takes every migration up, all of them down again, and
// up once more: each step down undoes its step up exactly.
func TestMigrationsUpDownUp(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(db.Migrations, "migrations/*.up.sql")
	must(t, err)
	url := pgtest.Database(t)
	stages := [][]string{schemaOf(t, url)}
	for range files {
		must(t, pg.Migrate(t.Context(), url, 1))
		stages = append(stages, schemaOf(t, url))
	}
	for i := len(files) - 1; i >= 0; i-- {
		must(t, pg.Migrate(t.Context(), url, -1))
		if d := differences(stages[i], schemaOf(t, url)); d != nil {
			t.Errorf("%s does not undo its up:\n%s", strings.Replace(files[i], ".up.", ".down.", 1), strings.Join(d, "\n"))
		}
	}
	must(t, pg.Migrate(t.Context(), url, 0))
	if d := differences(stages[len(files)], schemaOf(t, url)); d != nil {
		t.Errorf("up again is not as before:\n%s", strings.Join(d, "\n"))
	}
	if d := differences(stages[len(files)], schemaOf(t, pgtest.URL())); d != nil {
		t.Errorf("step by step is not as at once:\n%s", strings.Join(d, "\n"))
	}
}

// TestServersThatStartAtOnce has several servers migrate one empty database.
func TestServersThatStartAtOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	var busy sync.WaitGroup
	for range 6 {
		busy.Go(func() {
			if err := pg.Migrate(t.Context(), url, 0); err != nil {
				t.Error(err)
			}
		})
	}
	busy.Wait()
	if d := differences(schemaOf(t, pgtest.URL()), schemaOf(t, url)); d != nil {
		t.Error(strings.Join(d, "\n"))
	}
}

// TestStatisticsAreThin looks whether every column that ANALYZE samples is one that an
// index has, and sampled little.
func TestStatisticsAreThin(t *testing.T) {
	t.Parallel()
	rows, err := pgtest.DB().Query(t.Context(), `
SELECT format('%s.%s %s', c.relname, a.attname, a.attstattarget)
  FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attstattarget IS DISTINCT FROM 0
   AND NOT (a.attstattarget = 10 AND EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND a.attnum = ANY (i.indkey::smallint[])))`)
	must(t, err)
	sampled, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	if len(sampled) > 0 {
		t.Error(strings.Join(sampled, "\n"))
	}
}
