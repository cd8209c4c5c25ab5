package webhook_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/tenant"
	"github.com/incent-dev/incent/internal/webhook"
)

const (
	innerURL  = "INCENT_TEST_INNER_URL" // database of the process within
	innerOpen = "INCENT_TEST_INNER_OPEN"

	settlePatience = 3 * time.Minute
)

// Deliveries to inside addresses, however they are written or resolved, reach
// nobody, though every address there is belongs to the process: it runs in a network
// namespace of its own. A machine that forbids that has only its loopback addresses
// to be reached.
func TestNothingInsideIsReached(t *testing.T) {
	if os.Getenv(innerURL) != "" {
		return
	}
	inner := func(more ...string) *exec.Cmd {
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWithin$", "-test.v")
		c.Env = append(append(os.Environ(), innerURL+"="+pgtest.URL()), more...)
		return c
	}
	c := inner()
	ownNetwork(c)
	out, err := c.CombinedOutput()
	if c.ProcessState == nil || c.ProcessState.ExitCode() == exitNoNetwork {
		t.Logf("no network of its own (%v): on this machine only loopback could be reached", err)
		out, err = inner(innerOpen + "=1").CombinedOutput()
	}
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}

const exitNoNetwork = 77

// within is the process that has the network to itself.
type within struct {
	db    *pg.DB
	hooks *webhook.Hooks
	port  string // of the listeners on all addresses

	mu      sync.Mutex
	reached []string // addresses that somebody connected to
}

func TestWithin(t *testing.T) {
	if os.Getenv(innerURL) == "" {
		return
	}
	if os.Getenv(innerOpen) == "" {
		if err := everyAddress(); err != nil {
			fmt.Println(err)
			os.Exit(exitNoNetwork)
		}
	}
	w := newWithin(t)
	var rebound atomic.Bool
	if os.Getenv(innerOpen) == "" {
		serveNames(t, answerName(&rebound))
	}
	t.Run("", func(t *testing.T) {
		t.Run("spellings", func(t *testing.T) { t.Parallel(); w.spellings(t) })
		t.Run("answers", func(t *testing.T) { t.Parallel(); w.answers(t) })
		if os.Getenv(innerOpen) == "" {
			t.Run("names", func(t *testing.T) { t.Parallel(); w.names(t, &rebound) })
		}
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	outside := 0
	for _, at := range w.reached {
		if a := netip.MustParseAddrPort(at).Addr().Unmap(); public(a) {
			outside++
		} else {
			t.Errorf("%s was reached", at)
		}
	}
	if outside == 0 && os.Getenv(innerOpen) == "" {
		t.Error("nobody reached a public address either: the test shows nothing")
	}
}

// publics are the addresses of the outside that names resolve to here.
var publics = []string{"93.184.216.34", "2606:2800:220:1::1"}

func public(a netip.Addr) bool {
	for _, p := range publics {
		if a == netip.MustParseAddr(p) {
			return true
		}
	}
	return false
}

func newWithin(t *testing.T) *within {
	t.Helper()
	db, err := pg.Open(t.Context(), pg.Config{URL: os.Getenv(innerURL), AllowVolatile: true, LockTimeout: pgtest.LockTimeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	hooks, err := webhook.New(t.Context(), db, event.New(db, nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := hooks.Start(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hooks.Close(context.Background()) })
	w := &within{db: db, hooks: hooks}
	w.listen(t, "tcp4", "0.0.0.0:0")
	w.listen(t, "tcp6", "[::]:"+w.port)
	if os.Getenv(innerOpen) == "" {
		w.control(t)
	}
	return w
}

// listen accepts whoever comes, and notes where to.
func (w *within) listen(t *testing.T, network, address string) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil && network == "tcp6" {
		t.Logf("no IPv6: %v", err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if w.port == "" {
		_, w.port, _ = net.SplitHostPort(l.Addr().String())
	}
	go func() { // ends with the listener
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			w.mu.Lock()
			w.reached = append(w.reached, c.LocalAddr().String())
			w.mu.Unlock()
			c.Close()
		}
	}()
}

// control shows that here inside addresses can be reached, were it not for the guard.
func (w *within) control(t *testing.T) {
	t.Helper()
	for _, host := range []string{"10.1.2.3", "169.254.169.254", "192.168.1.1", "127.0.0.1", publics[0]} {
		c, err := net.Dial("tcp", net.JoinHostPort(host, w.port))
		if err != nil {
			t.Fatalf("without the guard %s is not reached: %v", host, err)
		}
		_, _ = c.Read(make([]byte, 1)) // it was accepted, and noted
		c.Close()
	}
	w.mu.Lock()
	w.reached = nil
	w.mu.Unlock()
}

func (w *within) tenant(t *testing.T, mode tenant.Mode) tenant.Tenant {
	t.Helper()
	made, err := tenant.Create(t.Context(), w.db, fmt.Sprintf("%s %d", t.Name(), pg.NewKey()), mode)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// endpoint makes an endpoint past the check of its address, and a test for it.
func (w *within) endpoint(t *testing.T, of tenant.Tenant, address string) (endpoint, delivery string) {
	t.Helper()
	made, err := w.hooks.Create(t.Context(), of.ID, webhook.Endpoint{URL: "https://shop.example/", Style: webhook.Incenta, Kinds: []event.Kind{event.UsageLimitExceeded}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.Exec(t.Context(), "UPDATE webhook_endpoints SET url = $3 WHERE tenant_id = $1 AND id = $2", of.ID, made.ID, address); err != nil {
		t.Fatal(err)
	}
	return webhook.EndpointID(made.ID), w.test(t, of, webhook.EndpointID(made.ID))
}

func (w *within) test(t *testing.T, of tenant.Tenant, endpoint string) string {
	t.Helper()
	sent, err := w.hooks.Test(t.Context(), of.ID, endpoint, nil)
	if err != nil {
		t.Fatal(err)
	}
	return sent.PublicID()
}

// settled waits for the end of a delivery.
func (w *within) settled(t *testing.T, of tenant.Tenant, endpoint, delivery string) webhook.Delivery {
	t.Helper()
	deadline := time.Now().Add(settlePatience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		d, err := w.hooks.Delivery(t.Context(), of.ID, endpoint, delivery)
		if err != nil {
			t.Fatal(err)
		}
		if d.State != webhook.Pending {
			return d
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not settled", delivery)
		}
		<-tick.C
	}
}

// hosts are ways to write an inside address in a URL.
func hosts(text string) []string {
	a := netip.MustParseAddr(text)
	if a.Is6() {
		if zone := a.Zone(); zone != "" {
			return []string{"[" + a.WithZone("").String() + "%25" + zone + "]"}
		}
		return []string{"[" + text + "]", "[" + strings.ToUpper(a.StringExpanded()) + "]"}
	}
	four := a.As4()
	number := uint32(four[0])<<24 | uint32(four[1])<<16 | uint32(four[2])<<8 | uint32(four[3])
	return []string{
		text, text + ".", fmt.Sprint(number), fmt.Sprintf("0x%08x", number), fmt.Sprintf("%#o", number),
		fmt.Sprintf("%#o.%#o.%#o.%#o", four[0], four[1], four[2], four[3]), fmt.Sprintf("%d.%d", four[0], number&0xffffff),
		"[::ffff:" + text + "]", "[" + netip.AddrFrom16(a.As16()).StringExpanded() + "]",
		strings.ReplaceAll(text, ".", "%2e"), strings.ReplaceAll(text, ".", "。"),
	}
}

// spellings tries every address in every spelling, live by https and in test mode
// by http, where loopback alone is let through.
func (w *within) spellings(t *testing.T) {
	var addresses []string
	for _, inside := range webhook.Insiders {
		for _, host := range hosts(inside) {
			addresses = append(addresses, "https://"+host+":"+w.port+"/")
		}
	}
	for _, host := range []string{"localhost", "LOCALHOST", "localhost.", "example.com@10.0.0.1", "0", "[::]"} {
		addresses = append(addresses, "https://"+host+":"+w.port+"/")
	}
	addresses = append(addresses, "https://10.0.0.1:"+w.port+"#@example.com/", "https://10.0.0.1:"+w.port+"?@example.com/", "gopher://10.0.0.1:"+w.port+"/")
	refused, tried := 0, 0
	live, test := w.tenant(t, tenant.Live), w.tenant(t, tenant.Test)
	type sent struct {
		of                          tenant.Tenant
		address, endpoint, delivery string
	}
	var all []sent
	for i, address := range addresses {
		if i%45 == 0 { // a tenant may have 50 endpoints
			live, test = w.tenant(t, tenant.Live), w.tenant(t, tenant.Test)
		}
		if err := webhook.CheckURL("url", address, false); fault.Is(err, fault.CodeInvalidRequest) {
			refused++
		}
		if _, err := url.Parse(address); err != nil {
			continue // refused above, and nothing to dial
		}
		tried++
		endpoint, delivery := w.endpoint(t, live, address)
		all = append(all, sent{live, address, endpoint, delivery})
		if plain := "http" + strings.TrimPrefix(address, "https"); !strings.Contains(address, "127.") && !strings.Contains(address, "7f") && i%3 == 0 && !loops(address) {
			endpoint, delivery := w.endpoint(t, test, plain)
			all = append(all, sent{test, plain, endpoint, delivery})
		}
	}
	problems := map[string]int{}
	for _, s := range all {
		d := w.settled(t, s.of, s.endpoint, s.delivery)
		if d.State != webhook.Failed || d.Status != 0 {
			t.Errorf("%s: %s, answered %d", s.address, d.State, d.Status)
		}
		problems[d.Problem]++
	}
	t.Logf("%d spellings, %d refused when an endpoint is made; %d deliveries: %v", len(addresses), refused, len(all), problems)
	if tried < 200 || problems["address_refused"] < 200 {
		t.Errorf("only %d spellings were tried, %d met the guard", tried, problems["address_refused"])
	}
}

// loops tells of an address that means this machine however it is written, which
// test mode lets through.
func loops(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	for _, host := range []string{"localhost", "::1", "0", "2130706", "0177", "01770", "%25"} {
		if strings.Contains(strings.ToLower(u.Hostname()), host) {
			return true
		}
	}
	ips, err := net.LookupHost(u.Hostname())
	return err == nil && len(ips) > 0 && netip.MustParseAddr(ips[0]).IsLoopback()
}

// answers that redirect, never end or never come are cut off, and lead nowhere.
func (w *within) answers(t *testing.T) {
	var strayed, requests atomic.Int64
	cut := make(chan struct{}, 16)
	forever := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/stray", func(http.ResponseWriter, *http.Request) { strayed.Add(1) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		mux.HandleFunc(fmt.Sprint("/redirect/", status), func(rw http.ResponseWriter, _ *http.Request) {
			requests.Add(1)
			rw.Header().Set("Location", "/stray")
			if status%2 == 0 {
				rw.Header().Set("Location", "http://10.0.0.7:"+w.port+"/")
			}
			rw.WriteHeader(status)
		})
	}
	mux.HandleFunc("/endless", func(rw http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := io.WriteString(rw, strings.Repeat("x", 1<<10)); err != nil {
				cut <- struct{}{}
				return
			}
		}
	})
	mux.HandleFunc("/drip", func(rw http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(rw).Flush()
		<-r.Context().Done() // the status is told, the rest never is
		cut <- struct{}{}
	})
	mux.HandleFunc("/silent", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-r.Context().Done():
		case <-forever:
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(forever) })
	test := w.tenant(t, tenant.Test)
	for path, want := range map[string]string{
		"/redirect/301": "failed 301 ", "/redirect/302": "failed 302 ", "/redirect/303": "failed 303 ", "/redirect/307": "failed 307 ", "/redirect/308": "failed 308 ",
		"/endless": "delivered 200 ", "/drip": "delivered 200 ", "/silent": "failed 0 timeout",
		endlessHeaders(t): "failed 0 no_answer", endlessInterim(t): "failed 0 no_answer", slowHeaders(t): "failed 0 timeout",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			address := path
			if path[0] == '/' {
				address = server.URL + path
			}
			endpoint, delivery := w.endpoint(t, test, address)
			d := w.settled(t, test, endpoint, delivery)
			if got := fmt.Sprint(d.State, " ", d.Status, " ", d.Problem); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			// However slow the machine, it does not go on for as long as there are answers.
			if d.Duration > time.Minute {
				t.Errorf("it took %v", d.Duration)
			}
		})
	}
	t.Cleanup(func() { // once all have been tried
		for range 2 {
			select {
			case <-cut:
			case <-time.After(settlePatience):
				t.Error("an answer without an end is still being read")
			}
		}
		if strayed.Load() != 0 || requests.Load() != 5 {
			t.Errorf("%d requests were redirected, %d arrived there", requests.Load(), strayed.Load())
		}
	})
}

// raw serves connections with bytes that are hardly HTTP, from the first byte of a
// request on (before, an answer would be to nothing) until they are cut.
func raw(t *testing.T, begin, again string, pause time.Duration) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() { // ends with the listener
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { // ends when the other side has had enough
				defer c.Close()
				tick := time.NewTicker(max(pause, time.Microsecond))
				defer tick.Stop()
				_, err := c.Read(make([]byte, 1))
				if err == nil {
					_, err = io.WriteString(c, begin)
				}
				for err == nil {
					_, err = io.WriteString(c, again)
					<-tick.C
				}
			}()
		}
	}()
	return "http://" + l.Addr().String() + "/"
}

func endlessHeaders(t *testing.T) string {
	return raw(t, "HTTP/1.1 200 OK\r\n", "X-Again: "+strings.Repeat("x", 1000)+"\r\n", 0)
}

func endlessInterim(t *testing.T) string { return raw(t, "", "HTTP/1.1 103 Early Hints\r\n\r\n", 0) }

func slowHeaders(t *testing.T) string {
	return raw(t, "HTTP/1.1 200 OK\r\n", "X-A: b\r\n", 300*time.Millisecond)
}
