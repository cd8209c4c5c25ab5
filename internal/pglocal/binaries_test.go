package pglocal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// nowhere hides every PostgreSQL of the machine, and stands in an empty folder.
func nowhere(t *testing.T) (working string) {
	t.Helper()
	places := usualPlaces
	usualPlaces = nil
	t.Cleanup(func() { usualPlaces = places })
	t.Setenv("PATH", t.TempDir())
	t.Chdir(t.TempDir())
	working, err := os.Getwd()
	must(t, err)
	return working
}

// fake makes a folder of programs that say they are of this version.
func fake(t *testing.T, folder, version string) string {
	t.Helper()
	must(t, os.MkdirAll(folder, 0o755))
	script := fmt.Sprintf("#!/bin/sh\necho 'postgres (PostgreSQL) %s (from a package)'\n", version)
	for _, name := range []string{"postgres", "initdb"} {
		must(t, os.WriteFile(filepath.Join(folder, name), []byte(script), 0o755))
	}
	return folder
}

func TestNothingInstalled(t *testing.T) {
	nowhere(t)
	release, _ := os.ReadFile("/etc/os-release")
	refused(t, Options{Dir: folder(t)}, "PostgreSQL 15 or newer", "Install it:", installCommand("linux", string(release), 0), "INCENT_DATABASE_URL")
}

func TestOnlyTheMajorOfTheDataOpensIt(t *testing.T) {
	working := nowhere(t)
	dir := folder(t)
	must(t, os.MkdirAll(filepath.Join(dir, "data"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("16\n"), 0o600))
	usualPlaces = []string{filepath.Join(working, "lib", "*", "bin")}
	other := fake(t, filepath.Join(working, "lib", "17", "bin"), "17.2")
	refused(t, Options{Dir: dir}, "written by PostgreSQL 16", "17 ("+other+")", "Install it:")
	refused(t, Options{Dir: dir, BinDir: other}, "holds PostgreSQL 17", "written by PostgreSQL 16")

	right := fake(t, filepath.Join(working, "lib", "16", "bin"), "16.9")
	b, err := findBinaries(t.Context(), "", 16)
	must(t, err)
	if filepath.Dir(b.postgres) != right || b.major != 16 {
		t.Errorf("found %+v", b)
	}

	must(t, os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("14\n"), 0o600))
	refused(t, Options{Dir: dir}, `written by PostgreSQL "14"`, "at least 15")
}

func TestTooOldIsNoPostgreSQL(t *testing.T) {
	working := nowhere(t)
	old := fake(t, filepath.Join(working, "bin"), "14.11")
	t.Setenv("PATH", old)
	refused(t, Options{Dir: folder(t)}, "15 or newer", "14 ("+old+")")
	refused(t, Options{Dir: folder(t), BinDir: old}, "holds PostgreSQL 14, at least 15")
	refused(t, Options{Dir: folder(t), BinDir: t.TempDir()}, "no PostgreSQL in the given folder")
}

func TestWherePostgreSQLIsLookedFor(t *testing.T) {
	working := nowhere(t)
	found := func() string {
		t.Helper()
		b, err := findBinaries(t.Context(), "", 0)
		must(t, err)
		return filepath.Dir(b.postgres)
	}
	// Each is preferred to those before it.
	real := fake(t, filepath.Join(working, "real"), "15.1")
	onPath := filepath.Join(working, "path")
	must(t, os.Mkdir(onPath, 0o755))
	must(t, os.Symlink(filepath.Join(real, "postgres"), filepath.Join(onPath, "postgres")))
	t.Setenv("PATH", onPath)
	if got := found(); got != real {
		t.Errorf("found %s on PATH", got)
	}
	usualPlaces = []string{filepath.Join(working, "opt", "postgresql@*", "bin")}
	for _, version := range []string{"9", "15", "18beta1", "17"} {
		want := fake(t, filepath.Join(working, "opt", "postgresql@"+version, "bin"), version)
		if version == "15" || version == "18beta1" {
			if got := found(); got != want {
				t.Errorf("found %s, want %s", got, want)
			}
		}
	}
	bundled := fake(t, filepath.Join(working, ".pg", "16", "bin"), "16.4")
	if got := found(); got != bundled {
		t.Errorf("found %s, want the bundled one", got)
	}
	must(t, os.Chmod(filepath.Join(working, ".pg"), 0o777))
	if got := found(); got == bundled {
		t.Error("took programs from a folder that anybody may write to")
	}
}

func TestInstallCommand(t *testing.T) {
	for _, c := range []struct {
		system, release string
		major           int
		want            string
	}{
		{"darwin", "", 0, "brew install postgresql@17"},
		{"darwin", "", 15, "brew install postgresql@15"},
		{"linux", "ID=debian\n", 0, "sudo apt-get install -y postgresql"},
		{"linux", "NAME=x\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", 16, "sudo apt-get install -y postgresql-16"},
		{"linux", "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", 0, "sudo dnf install -y postgresql-server"},
		{"linux", "ID=fedora\n", 17, "sudo dnf install -y postgresql17-server"},
		{"linux", "ID=alpine\n", 17, "sudo apk add postgresql17"},
		{"linux", "ID=arch\n", 17, "sudo pacman -S --noconfirm postgresql"},
	} {
		if got := installCommand(c.system, c.release, c.major); got != c.want {
			t.Errorf("%s %q %d: %s, want %s", c.system, c.release, c.major, got, c.want)
		}
	}
	if got := installCommand("linux", "", 0); strings.Contains(got, "sudo") {
		t.Errorf("an unknown system is told %q", got)
	}
}

// A program that lies elsewhere may be of another major.
func TestProgramsLieBesideTheServer(t *testing.T) {
	working := nowhere(t)
	usualPlaces = []string{filepath.Join(working, "lib", "*", "bin")}
	old, newest := fake(t, filepath.Join(working, "lib", "16", "bin"), "16.9"), fake(t, filepath.Join(working, "lib", "17", "bin"), "17.2")
	must(t, os.WriteFile(filepath.Join(old, "pg_dump"), nil, 0o755))
	if path, err := Program(t.Context(), "pg_dump"); err == nil || !strings.Contains(err.Error(), newest) {
		t.Errorf("found %q, %v", path, err)
	}
	must(t, os.WriteFile(filepath.Join(newest, "pg_dump"), nil, 0o755))
	path, err := Program(t.Context(), "pg_dump")
	must(t, err)
	if path != filepath.Join(newest, "pg_dump") {
		t.Errorf("found %q", path)
	}
}
