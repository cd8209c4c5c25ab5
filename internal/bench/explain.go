package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// shownStatements is how many statements explain lists: beyond, they cost nothing.
const shownStatements = 12

// explained are the rows of which explain shows the statements.
var explained = []string{"award", "click", "event"}

// explain runs some of the rows once more, now counting statements and, when
// asked, profiling the server. Its figures are not used. The server is a fresh
// one each time: statements prepared before the counting began are not counted.
func (r *run) explain(ctx context.Context) error {
	for _, w := range rows {
		if !slices.Contains(explained, w.key) || len(r.figures[w.key]) == 0 || !r.database.statistics && r.Profile == "" {
			continue
		}
		if err := r.explainRow(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) explainRow(ctx context.Context, w row) error {
	if r.database.statistics {
		if err := r.database.countStatements(ctx); err != nil {
			return err
		}
	}
	f, err := r.beside(ctx, databaseServed, func(s *server) (figure, error) { return r.profile(ctx, w, s) })
	if err != nil || !r.database.statistics {
		return err
	}
	list, err := r.database.statements(ctx, databaseServed, shownStatements)
	if err != nil {
		return err
	}
	done := f.perSecond * (time.Duration(r.Seconds)*time.Second + warm).Seconds()
	r.say("\nStatements of about %s times %s (%s a second while counting), and of the server's start:\n", whole(done), w.title, whole(f.perSecond))
	r.say("| statement | calls | rows | a call | of one | WAL of one |\n|---|--:|--:|--:|--:|--:|")
	for _, s := range list {
		r.say("| %s | %d | %d | %.0f µs | %.1f µs | %.0f B |", s.Name, s.Calls, s.Rows, s.TotalMs*1000/float64(s.Calls), s.TotalMs*1000/done, float64(s.Wal)/done)
	}
	return nil
}

// profile drives a row while its server is profiled, where that is wanted.
func (r *run) profile(ctx context.Context, w row, s *server) (f figure, err error) {
	main := r.main
	r.main = s
	defer func() { r.main = main }()
	g, pass := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		f, err = w.load(pass, r)
		return err
	})
	if r.Profile == "" {
		err = g.Wait()
		return f, err
	}
	g.Go(func() error {
		return fetch(pass, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", s.operations, r.Seconds), filepath.Join(r.Profile, w.key+".cpu.pprof"))
	})
	if err := g.Wait(); err != nil {
		return f, err
	}
	r.say("\nProfiles of the server are in %s.", r.Profile)
	return f, fetch(ctx, "http://"+s.operations+"/debug/pprof/allocs", filepath.Join(r.Profile, w.key+".allocs.pprof"))
}

// fetch stores what an address answers.
func fetch(ctx context.Context, address, file string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", address, answer.Status)
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, answer.Body)
	return errors.Join(err, out.Close())
}
