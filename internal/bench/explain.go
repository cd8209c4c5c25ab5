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
// profiling the server. Its figures are not used.
func (r *run) explain(ctx context.Context) error {
	if len(r.figures["award"]) == 0 || !r.database.statistics && r.Profile == "" {
		return nil
	}
	if r.database.statistics {
		if err := r.database.countStatements(ctx); err != nil {
			return err
		}
	}
	g, pass := errgroup.WithContext(ctx)
	if r.Profile != "" {
		g.Go(func() error {
			return fetch(pass, "http://"+r.main.operations+"/debug/pprof/profile?seconds="+fmt.Sprint(r.Seconds), filepath.Join(r.Profile, "cpu.pprof"))
		})
	}
	var f figure
	g.Go(func() (err error) {
		f, err = r.drive(pass, r.served.spread(), r.main)
		return err
	})
	if err := g.Wait(); err != nil {
		return err
	}
	if r.Profile != "" {
		if err := fetch(ctx, "http://"+r.main.operations+"/debug/pprof/allocs", filepath.Join(r.Profile, "allocs.pprof")); err != nil {
			return err
		}
		r.say("\nProfiles of the server are in %s.", r.Profile)
	}
	if !r.database.statistics {
		return nil
	}
	list, err := r.database.statements(ctx, databaseServed, shownStatements)
	if err != nil {
		return err
	}
	awards := f.perSecond * (time.Duration(r.Seconds)*time.Second + warm).Seconds()
	r.say("\nStatements of about %s awards (%s/s while counting):\n", whole(awards), whole(f.perSecond))
	r.say("| statement | calls | rows | µs a call | µs an award | WAL an award |\n|---|--:|--:|--:|--:|--:|")
	for _, s := range list {
		r.say("| %s | %d | %d | %.0f | %.1f | %.0f B |", s.Name, s.Calls, s.Rows, s.TotalMs*1000/float64(s.Calls), s.TotalMs*1000/awards, float64(s.Wal)/awards)
	}
	return nil
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
