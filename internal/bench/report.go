package bench

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The bars that are not a multiple of another row.
const (
	tailBar   = 5         // p99 of an award stays under so many times its p50
	memoryBar = 256 << 20 // bytes of memory a server may take
)

// median is the middle figure by speed, with all that belongs to it.
func median(figures []figure) figure {
	sorted := slices.SortedFunc(slices.Values(figures), func(a, b figure) int { return int(a.perSecond - b.perSecond) })
	return sorted[len(sorted)/2]
}

func best(figures []figure) figure {
	return slices.MaxFunc(figures, func(a, b figure) int { return int(a.perSecond - b.perSecond) })
}

// report is the tables of a run, as Markdown.
func (r *run) report(ctx context.Context) (string, error) {
	version, err := r.database.version(ctx)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Measured by `incent bench` on %d cores, shared by PostgreSQL %s with default durability, the server (%s, %s/%s) and the load generator;\n",
		runtime.NumCPU(), version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(&b, "medians of %d rounds of %d s, in which all rows take turns; a ratio is the median of the rounds' ratios, since the machine's speed changes from round to round. *By CPU* is the ratio by CPU time spent: other processes on the machine disturb it less.\n\n", r.Runs, r.Seconds)
	b.WriteString("| work | a second | rounds | compared with | ratio | bar | met | by CPU |\n|---|--:|--:|---|--:|--:|---|--:|\n")
	for _, w := range rows {
		if len(r.figures[w.key]) > 0 {
			r.lines(&b, w)
		}
	}
	r.limits(&b)
	b.WriteString("\nWhat one award, read or transaction took, in the median round: latency of a request, CPU time by process, write-ahead log.\n\n")
	b.WriteString("| work | p50 | p95 | p99 | server | PostgreSQL | load generator | sum | others | WAL |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, w := range rows {
		if len(r.figures[w.key]) > 0 {
			f := median(r.figures[w.key])
			s := f.spent
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %d B |\n", w.title, millis(f.p50), millis(f.p95), millis(f.p99),
				micros(s.server), micros(s.database), micros(s.client), micros(s.ours()), micros(s.others), s.wal)
		}
	}
	return b.String(), nil
}

// lines are those of one row: one for each comparison.
func (r *run) lines(b *strings.Builder, w row) {
	all := r.figures[w.key]
	slowest := slices.MinFunc(all, func(x, y figure) int { return int(x.perSecond - y.perSecond) })
	name := w.title
	if note := median(all).note; note != "" {
		name += "; " + note
	}
	head := fmt.Sprintf("| %s | %s | %s–%s |", name, whole(median(all).perSecond), whole(slowest.perSecond), whole(best(all).perSecond))
	shown := false
	for _, c := range w.bars {
		others := r.figures[c.against]
		if len(others) == 0 {
			continue
		}
		name, of := title(c.against), bySpeed
		if c.best {
			name, others = "best "+name, slices.Repeat([]figure{best(others)}, len(all))
		}
		if c.tail > 0 {
			name, of = "p99 of "+name, byTail
		}
		ratio := compared(all, others, of)
		wanted, met := "", ""
		if c.tail > 0 {
			wanted, met = "≤ "+strconv.FormatFloat(c.tail, 'f', -1, 64), yes(ratio <= c.tail)
		}
		if c.atLeast > 0 {
			wanted, met = "≥ "+strconv.FormatFloat(math.Round(c.atLeast*100)/100, 'f', -1, 64), yes(ratio >= c.atLeast)
		}
		fmt.Fprintf(b, "%s %s | %.2f | %s | %s | %s |\n", head, name, ratio, wanted, met, measured(compared(all, others, byCPU)))
		head, shown = "| | | |", true
	}
	if !shown {
		fmt.Fprintf(b, "%s | | | | |\n", head)
	}
}

// compared is the ratio of two rows: the median of those of the rounds, each of
// which has both rows from the same minutes.
func compared(all, others []figure, of func(f, other figure) float64) float64 {
	ratios := make([]float64, min(len(all), len(others)))
	for i := range ratios {
		ratios[i] = of(all[i], others[i])
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}

func bySpeed(f, other figure) float64 { return f.perSecond / other.perSecond }

func byTail(f, other figure) float64 { return float64(f.p99) / float64(other.p99) }

// byCPU is the ratio of two rows by what they cost: what it would be if nobody
// else used the processors. Zero or not finite: it was not measured.
func byCPU(f, other figure) float64 {
	return float64(other.spent.ours()) / float64(f.spent.ours())
}

func measured(ratio float64) string {
	if ratio == 0 || math.IsInf(ratio, 0) || math.IsNaN(ratio) {
		return ""
	}
	return fmt.Sprintf("%.2f", ratio)
}

// limits are the bars on tail and memory.
func (r *run) limits(b *strings.Builder) {
	if all := r.figures["award"]; len(all) > 0 {
		f := median(all)
		ratio := float64(f.p99) / float64(f.p50)
		fmt.Fprintf(b, "| p99 of one award per request, over its p50 | | | %s over %s | %.1f | < %d | %s | |\n", millis(f.p99), millis(f.p50), ratio, tailBar, yes(ratio < tailBar))
	}
	if r.peak > 0 {
		fmt.Fprintf(b, "| memory of a server at its peak | | | | %d MiB | < %d MiB | %s | |\n", r.peak>>20, memoryBar>>20, yes(r.peak < memoryBar))
	}
}

func title(key string) string {
	for _, w := range rows {
		if w.key == key && strings.HasPrefix(w.title, "the same") {
			return "`-M prepared`"
		}
		if w.key == key {
			head, _, _ := strings.Cut(w.title, ", ")
			return head
		}
	}
	return key
}

func yes(met bool) string {
	if met {
		return "yes"
	}
	return "**no**"
}

// whole prints a figure without its fraction, in groups of three digits.
func whole(f float64) string {
	text := strconv.FormatFloat(f, 'f', 0, 64)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func micros(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) + " µs" }

func millis(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 1, 64) + " ms"
}

// times is a figure's second line of the report, in short.
func (f figure) times() string {
	s := f.spent
	text := fmt.Sprintf("cpu: server %s, PostgreSQL %s, client %s, others %s; WAL %d B", micros(s.server), micros(s.database), micros(s.client), micros(s.others), s.wal)
	if f.p50 > 0 {
		text = fmt.Sprintf("p50 %s p95 %s p99 %s; ", millis(f.p50), millis(f.p95), millis(f.p99)) + text
	}
	return text
}

// Where the report goes in a file.
const (
	beginMarker = "<!-- bench:begin -->"
	endMarker   = "<!-- bench:end -->"
)

func checkMarkers(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	_, _, err = cutMarkers(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

func cutMarkers(text string) (before, after string, err error) {
	before, tail, found := strings.Cut(text, beginMarker)
	_, after, ended := strings.Cut(tail, endMarker)
	if !found || !ended {
		return "", "", fmt.Errorf("has no %s followed by %s", beginMarker, endMarker)
	}
	return before, after, nil
}

func writeBetweenMarkers(file, report string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, after, err := cutMarkers(string(text))
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(before+beginMarker+"\n"+report+endMarker+after), 0o644)
}
