package pglocal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// oldestMajor is the oldest PostgreSQL the schema is tested with.
const oldestMajor = 15

type binaries struct {
	postgres, initdb string
	major            int
}

// usualPlaces are where packages put PostgreSQL, usually outside PATH and with
// several versions side by side.
var usualPlaces = []string{
	"/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
	"/usr/pgsql-*/bin",                                   // packages of postgresql.org for Fedora and its kin
	"/usr/lib/postgresql*/bin",                           // SUSE
	"/usr/libexec/postgresql*",                           // Alpine
	"/opt/homebrew/opt/postgresql@*/bin",                 // Homebrew on Apple silicon
	"/usr/local/opt/postgresql@*/bin",                    // Homebrew on Intel
	"/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
}

// findBinaries looks for PostgreSQL: in the given folder only, or in `.pg/<major>`
// of the working folder, then in the usual places, newest first, then on PATH.
// Where a cluster exists already, only its own major will do.
func findBinaries(ctx context.Context, explicit string, major int) (binaries, error) {
	if explicit != "" {
		return explicitBinaries(ctx, explicit, major)
	}
	var unfit []string
	for _, folder := range candidateFolders() {
		b, err := inspect(ctx, folder)
		switch {
		case err != nil:
		case b.major == major, major == 0 && b.major >= oldestMajor:
			return b, nil
		default:
			unfit = append(unfit, fmt.Sprintf("%d (%s)", b.major, folder))
		}
	}
	return binaries{}, missing(major, unfit)
}

func explicitBinaries(ctx context.Context, folder string, major int) (binaries, error) {
	b, err := inspect(ctx, folder)
	switch {
	case err != nil:
		return b, fmt.Errorf("no PostgreSQL in the given folder %s: %w", folder, err)
	case b.major < oldestMajor:
		return b, fmt.Errorf("%s holds PostgreSQL %d, at least %d is needed", folder, b.major, oldestMajor)
	case major != 0 && b.major != major:
		return b, fmt.Errorf("%s holds PostgreSQL %d, but the existing data was written by PostgreSQL %d and only that can open it", folder, b.major, major)
	}
	return b, nil
}

// Program finds a program of PostgreSQL's, such as pg_dump, beside the server that
// Start would run on new data: that one can read what this one writes.
func Program(ctx context.Context, name string) (string, error) {
	b, err := findBinaries(ctx, "", 0)
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(b.postgres), name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("PostgreSQL's client programs are not all installed beside its server: %w", err)
	}
	return path, nil
}

func candidateFolders() []string {
	var folders []string
	if bundled, err := filepath.Abs(".pg"); err == nil && trusted(bundled) {
		folders = newestFirst(filepath.Join(bundled, "*", "bin"))
	}
	for _, place := range usualPlaces {
		folders = append(folders, newestFirst(place)...)
	}
	if found, err := exec.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(found); err == nil {
			folders = append(folders, filepath.Dir(real))
		}
	}
	return folders
}

// trusted tells whether only we or root can have put programs there: a server
// started by root in a folder of somebody else must not run what it finds.
func trusted(folder string) bool {
	info, err := os.Lstat(folder)
	if err != nil || !info.IsDir() || info.Mode().Perm()&0o022 != 0 {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && (stat.Uid == 0 || int(stat.Uid) == os.Geteuid())
}

var versionInPath = regexp.MustCompile(`(\d+)[^/]*(/bin)?$`)

func newestFirst(pattern string) []string {
	folders, _ := filepath.Glob(pattern) // fails on bad patterns only
	version := func(folder string) int {
		match := versionInPath.FindStringSubmatch(folder)
		if match == nil {
			return 0
		}
		n, _ := strconv.Atoi(match[1])
		return n
	}
	slices.SortStableFunc(folders, func(a, b string) int { return cmp.Compare(version(b), version(a)) })
	return folders
}

var versionInOutput = regexp.MustCompile(`\) (\d+)`)

// inspect asks the programs in a folder what they are.
func inspect(ctx context.Context, folder string) (binaries, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return binaries{}, err
	}
	b := binaries{postgres: filepath.Join(folder, "postgres"), initdb: filepath.Join(folder, "initdb")}
	if _, err := os.Stat(b.initdb); err != nil {
		return b, err
	}
	out, err := exec.CommandContext(ctx, b.postgres, "--version").Output()
	if err != nil {
		return b, fmt.Errorf("%s --version: %w", b.postgres, err)
	}
	match := versionInOutput.FindSubmatch(out)
	if match == nil {
		return b, fmt.Errorf("%s --version says %q", b.postgres, out)
	}
	b.major, err = strconv.Atoi(string(match[1]))
	return b, err
}

// missing says what to do, since this is the first thing a newcomer may meet.
func missing(major int, unfit []string) error {
	var text strings.Builder
	if major != 0 {
		fmt.Fprintf(&text, "the existing data was written by PostgreSQL %d, and only that version can open it; it was not found.", major)
	} else {
		fmt.Fprintf(&text, "PostgreSQL %d or newer is needed and was not found.", oldestMajor)
	}
	if len(unfit) > 0 {
		fmt.Fprintf(&text, " Found, but unfit: %s.", strings.Join(unfit, ", "))
	}
	release, _ := os.ReadFile("/etc/os-release")
	fmt.Fprintf(&text, "\nInstall it:  %s\nor set INCENT_DATABASE_URL to any PostgreSQL %d or newer.",
		installCommand(runtime.GOOS, string(release), major), oldestMajor)
	return errors.New(text.String())
}

// installCommand is the one command that puts PostgreSQL where it is found. A
// major of 0 leaves the version to the packager.
func installCommand(system, release string, major int) string {
	if system == "darwin" {
		return fmt.Sprintf("brew install postgresql@%d", cmp.Or(major, 17))
	}
	var ids []string // of the system and of those it descends from
	for line := range strings.Lines(release) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if name == "ID" || name == "ID_LIKE" {
			ids = append(ids, strings.Fields(strings.Trim(value, `"'`))...)
		}
	}
	for _, family := range []struct{ id, newest, versioned string }{
		{"debian", "sudo apt-get install -y postgresql", "sudo apt-get install -y postgresql-%d"},
		{"fedora", "sudo dnf install -y postgresql-server", "sudo dnf install -y postgresql%d-server"},
		{"suse", "sudo zypper install -y postgresql-server", "sudo zypper install -y postgresql%d-server"},
		{"alpine", "sudo apk add postgresql", "sudo apk add postgresql%d"},
		{"arch", "sudo pacman -S --noconfirm postgresql", "sudo pacman -S --noconfirm postgresql"},
	} {
		switch {
		case !slices.Contains(ids, family.id):
		case major != 0 && strings.Contains(family.versioned, "%d"):
			return fmt.Sprintf(family.versioned, major)
		default:
			return family.newest
		}
	}
	return "the PostgreSQL server package of this system"
}
