package ledger

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/incent-dev/incent/internal/pgtest"
)

// proxy stands between a pool and PostgreSQL and loses COMMITs: it ends the
// connection when one passes, either before PostgreSQL has it or after
// PostgreSQL has answered, but never lets that answer through.
type proxy struct {
	listener net.Listener
	upstream string // PostgreSQL's socket

	// every tells which COMMITs are lost: every n-th; 0 is none. Of those lost,
	// every second one has taken effect.
	every   atomic.Int64
	commits atomic.Int64
	lost    atomic.Int64
	applied atomic.Int64 // of the lost ones

	busy sync.WaitGroup
}

// startProxy answers the proxy and the address of the database through it.
func startProxy(t *testing.T) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(pgtest.URL())
	must(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &proxy{listener: listener, upstream: fmt.Sprintf("%s/.s.PGSQL.%s", u.Query().Get("host"), u.Query().Get("port"))}
	p.busy.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		p.busy.Wait()
	})
	u.Host, u.RawQuery = listener.Addr().String(), "sslmode=disable"
	return p, u.String()
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", p.upstream)
		if err != nil {
			_ = client.Close()
			continue
		}
		swallow := &atomic.Bool{}
		p.busy.Go(func() { backward(client, server, swallow) })
		p.busy.Go(func() { p.forward(client, server, swallow) })
	}
}

// backward passes answers on. Told to swallow, it waits for that of COMMIT and
// ends the connection on both sides: what was asked has been done by then.
func backward(client, server net.Conn, swallow *atomic.Bool) {
	defer client.Close()
	defer server.Close()
	buffer := make([]byte, 64<<10)
	var swallowed []byte
	for {
		n, err := server.Read(buffer)
		if err != nil {
			return
		}
		if swallow.Load() {
			if swallowed = append(swallowed, buffer[:n]...); bytes.Contains(swallowed, []byte("COMMIT\x00")) {
				return
			}
			continue
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// forward passes messages on, one by one, and looks for COMMIT among them: it is
// prepared once, under a name, and then bound by that name.
func (p *proxy) forward(client, server net.Conn, swallow *atomic.Bool) {
	defer client.Close()
	defer server.Close()
	head := 4 // the first message has no type
	var commit []byte
	for {
		message := make([]byte, head)
		if _, err := io.ReadFull(client, message); err != nil {
			return
		}
		rest := int(binary.BigEndian.Uint32(message[head-4:])) - 4
		message = append(message, make([]byte, rest)...)
		if _, err := io.ReadFull(client, message[head:]); err != nil {
			return
		}
		parts := bytes.SplitN(message[head:], []byte{0}, 3)
		switch {
		case head == 5 && message[0] == 'P' && string(parts[1]) == "COMMIT":
			commit = parts[0]
		case head == 5 && message[0] == 'B' && commit != nil && bytes.Equal(parts[1], commit):
			if every := p.every.Load(); every > 0 && p.commits.Add(1)%every == 0 {
				if p.lost.Add(1)%2 == 0 {
					return
				}
				p.applied.Add(1)
				swallow.Store(true) // backward ends the connection when the answer is there
			}
		}
		if _, err := server.Write(message); err != nil {
			return
		}
		head = 5
	}
}
