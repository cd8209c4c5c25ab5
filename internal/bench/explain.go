package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
)

// shownStatements is how many statements explain lists: beyond, they cost nothing.
const shownStatements = 12

// explain runs awards once more, now counting statements and, when asked,
// profiling the server. Its figures are not used. The server is a fresh one:
// statements prepared before the counting began are not counted.
func (r *run) explain(ctx context.Context) error {
	if len(r.figures["award"]) == 0 || !r.database.statistics && r.Profile == "" {
		return nil
	}
	if r.database.statistics {
		if err := r.database.countStatements(ctx); err != nil {
			return err
		}
	}
	f, err := r.beside(ctx, databaseServed, func(s *server) (figure, error) { return r.profile(ctx, s) })
	if err != nil || !r.database.statistics {
		return err
	}
	list, err := r.database.statements(ctx, databaseServed, shownStatements)
	if err != nil {
		return err
	}
	awards := f.perSecond * (time.Duration(r.Seconds)*time.Second + warm).Seconds()
	r.say("\nStatements of about %s awards (%s a second while counting), and of the server's start:\n", whole(awards), whole(f.perSecond))
	r.say("| statement | calls | rows | a call | an award | WAL an award |\n|---|--:|--:|--:|--:|--:|")
	for _, s := range list {
		r.say("| %s | %d | %d | %.0f µs | %.1f µs | %.0f B |", s.Name, s.Calls, s.Rows, s.TotalMs*1000/float64(s.Calls), s.TotalMs*1000/awards, float64(s.Wal)/awards)
	}
	return nil
}

// profile drives awards while the server is profiled, where that is wanted.
func (r *run) profile(ctx context.Context, s *server) (f figure, err error) {
	g, pass := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		f, err = r.drive(pass, r.served.spread(), s)
		return err
	})
	if r.Profile == "" {
		err = g.Wait()
		return f, err
	}
	g.Go(func() error {
		return fetch(pass, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", s.operations, r.Seconds), filepath.Join(r.Profile, "cpu.pprof"))
	})
	if err := g.Wait(); err != nil {
		return f, err
	}
	r.say("\nProfiles of the server are in %s.", r.Profile)
	return f, fetch(ctx, "http://"+s.operations+"/debug/pprof/allocs", filepath.Join(r.Profile, "allocs.pprof"))
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
