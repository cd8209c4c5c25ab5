package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"

	feed "github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
	"github.com/incent-dev/incent/internal/webhook"
)

var hookRows = []row{
	{key: "award-told", title: "one award per request with one subscribed endpoint, 64 clients", prepare: makeHooks, load: told, bars: []bar{{against: "award", atLeast: 0.7}}},
}

// hooked is a tenant whose awards somebody hears of. It is in test mode, which lets
// deliveries go to loopback.
type hooked struct {
	history
	key   string
	hooks *webhook.Hooks // to make endpoints; the servers deliver
}

func makeHooks(ctx context.Context, r *run) error {
	db := r.served.db
	t, err := tenant.Create(ctx, db, "bench webhooks", tenant.Test)
	if err != nil {
		return err
	}
	keys, err := tenant.NewKeys(ctx, db)
	if err != nil {
		return err
	}
	key, err := keys.CreateKey(ctx, db, t, tenant.Incentable, "bench", []string{"read", "write"})
	if err != nil {
		return err
	}
	h := &hooked{history: history{Tenant: t.ID, Members: spreadMembers}, key: key.Text}
	if h.hooks, err = webhook.New(ctx, db, feed.New(db, nil)); err != nil {
		return err
	}
	r.hooked = h
	return h.make(ctx, r.database.url(r.served.name), pg.Now(), func(int) {})
}

// told measures awards while they are delivered to a receiver in this process, and
// notes how many of them arrived meanwhile.
func told(ctx context.Context, r *run) (f figure, err error) {
	to, err := startReceiver()
	if err != nil {
		return figure{}, err
	}
	defer to.stop()
	e, err := r.hooked.hooks.Create(ctx, r.hooked.Tenant, webhook.Endpoint{URL: to.url(), Style: webhook.Incentable, Kinds: []feed.Kind{feed.PointsAwarded}}, nil)
	if err != nil {
		return figure{}, err
	}
	// What is left of it must not disturb the next row.
	defer func() {
		err = errors.Join(err, r.hooked.hooks.Delete(context.WithoutCancel(ctx), r.hooked.Tenant, webhook.EndpointID(e.ID)))
	}()
	l := r.served.spread()
	l.template = award(r.hooked.key, "")
	if f, err = r.drive(ctx, l, r.main); err != nil {
		return f, err
	}
	f.note = fmt.Sprintf("%s deliveries arrived meanwhile, warm-up included", whole(float64(to.arrived.Load())))
	if to.arrived.Load() == 0 {
		err = errors.New("nothing was delivered")
	}
	return f, err
}

// hookReceiver answers every request with 200. It knows as much of HTTP as our own
// deliveries need: what it costs, the server beside it does not get.
type hookReceiver struct {
	listener net.Listener
	arrived  atomic.Int64
}

func startReceiver() (*hookReceiver, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &hookReceiver{listener: l}
	go func() { // ends with the listener
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.serve(c) // ends with the sender's connection
		}
	}()
	return r, nil
}

func (r *hookReceiver) url() string { return "http://" + r.listener.Addr().String() + "/" }

func (r *hookReceiver) stop() { _ = r.listener.Close() }

func (r *hookReceiver) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	length := 0
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		if digits, is := bytes.CutPrefix(line, []byte("Content-Length: ")); is {
			length = 0
			for _, d := range bytes.TrimSpace(digits) {
				length = length*10 + int(d-'0')
			}
		}
		if len(line) > 2 {
			continue
		}
		if _, err := io.CopyN(io.Discard, in, int64(length)); err != nil {
			return
		}
		r.arrived.Add(1)
		if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); err != nil {
			return
		}
	}
}
