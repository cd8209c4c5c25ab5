package webhook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/incent-dev/incent/internal/fault"
)

// insiders are addresses that no delivery may reach, each in the middle and at
// both ends of its network.
var insiders = []string{
	"0.0.0.0", "0.0.0.1", "0.255.255.255", "10.0.0.0", "10.1.2.3", "10.255.255.255", "100.64.0.0", "100.100.100.200", "100.127.255.255",
	"127.0.0.0", "127.0.0.1", "127.1.2.3", "127.255.255.255", "169.254.0.0", "169.254.169.254", "169.254.255.255",
	"172.16.0.0", "172.20.10.2", "172.31.255.255", "192.0.0.0", "192.0.0.8", "192.0.0.255", "192.0.2.0", "192.0.2.255", "192.88.99.1",
	"192.168.0.0", "192.168.1.1", "192.168.255.255", "198.18.0.0", "198.19.255.255", "198.51.100.0", "198.51.100.255",
	"203.0.113.0", "203.0.113.255", "224.0.0.0", "224.0.0.1", "239.255.255.255", "240.0.0.0", "250.1.1.1", "255.255.255.254", "255.255.255.255",
	"::", "::1", "::2", "::7f00:1", "::ffff:0:0", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::", "100::1",
	"1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001::", "2001::1", "2001:0:7f00:1::", "2001:10::1", "2001:20::1", "2001:1ff:ffff::1",
	"2001:db8::", "2001:db8::1", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2002::", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:c0a8:101::1",
	"2620:4f:8000::1", "3fff::1", "3fff:fff:ffff::1", "4000::", "5f00::1", "fc00::", "fc00::1", "fd00:ec2::254", "fdff:ffff::1",
	"fe80::", "fe80::1", "fe80::1%eth0", "febf:ffff::1", "fec0::1", "ff00::", "ff02::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
}

var outsiders = []string{
	"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0",
	"172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "203.0.112.255", "223.255.255.255",
	"2000::1", "2001:200::1", "2001:4860:4860::8888", "2003::1", "2606:4700:4700::1111", "3ffe::1",
}

// spellings are ways to write an address that resolvers and dialers understand.
func spellings(t *testing.T, text string) []string {
	t.Helper()
	a := netip.MustParseAddr(text)
	all := []string{text, a.StringExpanded()}
	if a.Is4() {
		four := a.As4()
		all = append(all, "::ffff:"+text, fmt.Sprintf("::ffff:%x:%x", four[:2], four[2:]), netip.AddrFrom16(a.As16()).StringExpanded())
	} else {
		all = append(all, strings.ToUpper(a.WithZone("").StringExpanded()))
	}
	return all
}

func TestGuard(t *testing.T) {
	refused := 0
	check := guard(toPublic)
	for _, inside := range insiders {
		for _, text := range spellings(t, inside) {
			for _, network := range []string{"tcp", "tcp4", "tcp6"} {
				if err := check(network, net.JoinHostPort(text, "443"), nil); !errors.Is(err, errInside) {
					t.Errorf("%s %s: %v", network, text, err)
				}
			}
			refused++
		}
	}
	if refused < 200 {
		t.Errorf("only %d spellings", refused)
	}
	for _, outside := range outsiders {
		if err := check("tcp", net.JoinHostPort(outside, "443"), nil); err != nil {
			t.Error(err)
		}
	}
	for _, strange := range []string{"", "443", "example.com:443", "[::1", "1.1.1.1", "1.1.1.1:x"} {
		if err := check("tcp", strange, nil); !errors.Is(err, errInside) {
			t.Errorf("%q: %v", strange, err)
		}
	}
	if err := check("udp", "1.1.1.1:443", nil); !errors.Is(err, errInside) {
		t.Errorf("udp: %v", err)
	}
	for _, to := range []reach{toPublicOrLoopback, toLoopback} {
		if err := guard(to)("tcp", "127.0.0.1:80", nil); err != nil {
			t.Errorf("loopback in test mode: %v", err)
		}
		if err := guard(to)("tcp", "10.0.0.1:80", nil); !errors.Is(err, errInside) {
			t.Errorf("a private network in test mode: %v", err)
		}
	}
	if err := guard(toLoopback)("tcp", "1.1.1.1:80", nil); !errors.Is(err, errInside) {
		t.Errorf("the internet without TLS: %v", err)
	}
}

// A name is refused by what it resolves to, whatever it resolved to before.
func TestDialerStopsAtTheAddress(t *testing.T) {
	reached := 0
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	defer receiver.Close()
	_, port, err := net.SplitHostPort(receiver.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"localhost", "127.0.0.1", "0", "127.1", "2130706433", "0x7f000001", "017700000001"} {
		conn, err := dialer(toPublic, nil).DialContext(context.Background(), "tcp", net.JoinHostPort(host, port))
		if err == nil {
			conn.Close()
			t.Errorf("%s was reached", host)
		}
	}
	if reached != 0 {
		t.Errorf("the receiver was reached %d times", reached)
	}
	conn, err := dialer(toLoopback, nil).DialContext(context.Background(), "tcp", net.JoinHostPort("localhost", port))
	if err != nil {
		t.Fatalf("in test mode: %v", err)
	}
	conn.Close()
}

func TestCheckURL(t *testing.T) {
	for _, good := range []string{"https://example.com/hooks?a=1", "https://example.com:8443", "https://[2606:4700:4700::1111]/x"} {
		if err := CheckURL("url", good, false); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "example.com", "https://", "https:///x", "https:example.com", "http://example.com", "ftp://example.com", "javascript:alert(1)",
		"https://user:pass@example.com", "https://user@example.com", "https://example.com/#x", "https://127.0.0.1", "https://[::1]:80/", "https://localhost/x",
		"https://LOCALHOST", "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/latest", "https://exa mple.com", "https://example.com/" + strings.Repeat("x", maxURL),
	} {
		if err := CheckURL("url", bad, false); !fault.Is(err, fault.CodeInvalidRequest) {
			t.Errorf("%.60s: %v", bad, err)
		}
	}
	for _, good := range []string{"http://127.0.0.1:3000/hooks", "http://localhost:3000", "http://[::1]/", "https://127.0.0.1", "https://localhost/x", "https://example.com"} {
		if err := CheckURL("url", good, true); err != nil {
			t.Errorf("%s in test mode: %v", good, err)
		}
	}
	for _, bad := range []string{"http://example.com", "http://1.1.1.1/", "http://10.0.0.1/", "https://10.0.0.1/", "ws://127.0.0.1/"} {
		if err := CheckURL("url", bad, true); !fault.Is(err, fault.CodeInvalidRequest) {
			t.Errorf("%s in test mode: %v", bad, err)
		}
	}
}
