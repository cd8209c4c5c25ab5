package webhook

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/incent-dev/incent/internal/fault"
)

// connectLimit bounds the wait for a connection.
const connectLimit = 5 * time.Second

// maxURL bounds an endpoint's address: what common servers accept.
const maxURL = 2048

// inside are the networks that are not the public internet, beside those that
// netip knows by name. From IANA's registries of special-purpose addresses.
var inside = networks(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	// Within 2000::/3, outside of which nothing is public.
	"2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
)

var publicSix = netip.MustParsePrefix("2000::/3")

func networks(list ...string) (prefixes []netip.Prefix) {
	for _, p := range list {
		prefixes = append(prefixes, netip.MustParsePrefix(p))
	}
	return prefixes
}

// errInside is what a dial to an inside address ends with.
var errInside = errors.New("the address is not on the public internet")

// reach says where deliveries may go: to the public internet; in test mode, where
// the receiver may be a developer's own machine, to loopback too; and without TLS
// in test mode to loopback only.
type reach int

const (
	toPublic reach = iota
	toPublicOrLoopback
	toLoopback
)

// reachOf is where an endpoint with this scheme may be.
func reachOf(scheme string, test bool) reach {
	switch {
	case !test:
		return toPublic
	case scheme == "http":
		return toLoopback
	}
	return toPublicOrLoopback
}

// allowed tells whether a delivery may go to an address.
func allowed(a netip.Addr, to reach) bool {
	if a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if a.IsLoopback() {
		return to != toPublic
	}
	if to == toLoopback || !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.Is6() && !publicSix.Contains(a) {
		return false
	}
	for _, p := range inside {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// guard checks the address that is about to be connected to: after the name was
// resolved, so that a name cannot mean one thing when it is checked and another
// when it is used.
func guard(to reach) func(network, address string, _ syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || !strings.HasPrefix(network, "tcp") || !allowed(at.Addr(), to) {
			return fmt.Errorf("%s %s: %w", network, address, errInside)
		}
		return nil
	}
}

// CheckURL refuses an address that no delivery could go to. field is what the
// caller calls it.
func CheckURL(field, text string, test bool) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return fault.Field(field, "must be an address such as https://example.com/hooks")
	case len(text) > maxURL:
		return fault.Field(field, "must not be longer than %d bytes", maxURL)
	case u.Scheme != "https" && !(test && u.Scheme == "http"):
		return fault.Field(field, "must begin with https://; http:// is for loopback in test mode")
	case u.User != nil:
		return fault.Field(field, "must not hold a user name or password")
	case u.Fragment != "":
		return fault.Field(field, "must not have a fragment")
	}
	to := reachOf(u.Scheme, test)
	a, err := netip.ParseAddr(strings.Trim(u.Hostname(), "[]"))
	named, local := err != nil, strings.EqualFold(u.Hostname(), "localhost")
	switch {
	case !named && !allowed(a, to), named && local && to == toPublic:
		return fault.Field(field, "%s", errInside)
	case named && !local && to == toLoopback:
		return fault.Field(field, "must begin with https:// unless it is on loopback")
	}
	return nil
}

// dialer connects to where guard lets it.
func dialer(to reach, resolver *net.Resolver) *net.Dialer {
	return &net.Dialer{Timeout: connectLimit, Control: guard(to), Resolver: resolver}
}
