package webhook_test

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/incent-dev/incent/internal/tenant"
)

// answerName is what names lead to: whatever their owner likes, and something else
// once rebound. All that are no names, but spellings of numbers, lead inside.
func answerName(rebound *atomic.Bool) func(name string) []string {
	return func(name string) []string {
		switch {
		case strings.HasPrefix(name, "rebind"):
			if !rebound.Load() {
				return publics
			}
			return []string{"10.0.0.5", "fd00::5"}
		case strings.HasPrefix(name, "inside"):
			return []string{"127.0.0.1", "10.0.0.6", "::1", "fd00:ec2::254"}
		case strings.HasPrefix(name, "metadata"):
			return []string{"169.254.169.254", "::ffff:169.254.169.254"}
		}
		return []string{"10.0.0.9", "fd00::9"}
	}
}

// names are resolved when they are dialled, and what they lead to is what counts.
func (w *within) names(t *testing.T, rebound *atomic.Bool) {
	live := w.tenant(t, tenant.Live)
	for _, name := range []string{"inside.example", "metadata.example"} {
		endpoint, delivery := w.endpoint(t, live, "https://"+name+":"+w.port+"/")
		if d := w.settled(t, live, endpoint, delivery); d.Problem != "address_refused" {
			t.Errorf("%s: %+v", name, d)
		}
	}
	endpoint, delivery := w.endpoint(t, live, "https://rebind.example:"+w.port+"/")
	if d := w.settled(t, live, endpoint, delivery); d.Problem == "address_refused" || d.Problem == "name_not_found" {
		t.Errorf("before it is rebound the name leads outside, and the delivery ends with %s", d.Problem)
	}
	rebound.Store(true)
	for range 5 {
		if d := w.settled(t, live, endpoint, w.test(t, live, endpoint)); d.Problem != "address_refused" {
			t.Errorf("rebound: %+v", d)
		}
	}
}

// serveNames answers every question about names in this network.
func serveNames(t *testing.T, answer func(name string) []string) {
	t.Helper()
	for _, address := range []string{"0.0.0.0:53", "[::]:53"} {
		network := "udp4"
		if address[0] == '[' {
			network = "udp6"
		}
		conn, err := net.ListenPacket(network, address)
		if err != nil && network == "udp6" {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		go func() { // ends with the connection
			buffer := make([]byte, 1500)
			for {
				n, from, err := conn.ReadFrom(buffer)
				if errors.Is(err, net.ErrClosed) {
					return
				}
				if err != nil {
					continue
				}
				if reply := replyTo(buffer[:n], answer); reply != nil {
					_, _ = conn.WriteTo(reply, from)
				}
			}
		}()
	}
}

func replyTo(question []byte, answer func(string) []string) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	asked := m.Questions[0]
	six := asked.Type == dnsmessage.TypeAAAA
	reply := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}, Questions: m.Questions}
	list := answer(asked.Name.String())
	if list == nil {
		reply.RCode = dnsmessage.RCodeNameError
	}
	for _, text := range list {
		a := netip.MustParseAddr(text)
		head := dnsmessage.ResourceHeader{Name: asked.Name, Type: asked.Type, Class: asked.Class}
		switch {
		case six && a.Is6():
			reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		case !six && a.Is4() && asked.Type == dnsmessage.TypeA:
			reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: a.As4()}})
		}
	}
	packed, err := reply.Pack()
	if err != nil {
		return nil
	}
	return packed
}
