package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// Places in a template that each request fills anew, in place: same length.
const (
	memberDigits = "#########"        // a member's number
	codeDigits   = "~~~~~~~~~"        // the number of a code, the same for the same member
	keyDigits    = "@@@@@@@@@@@@@@@@" // a number never used before
)

// template is a rendered request with the places that change.
type template struct {
	text    []byte
	members []int // offsets of memberDigits
	codes   []int // offsets of codeDigits
	keys    []int // offsets of keyDigits
}

func newTemplate(method, path, key string, headers, body string) template {
	var b strings.Builder
	credential := "Authorization: Bearer " + key
	if strings.HasPrefix(key, "inc_") {
		credential = "X-Api-Key: " + key
	}
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n%s", method, path, credential, headers)
	if body != "" {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.WriteString(body)
	text := []byte(b.String())
	return template{text, offsets(text, memberDigits), offsets(text, codeDigits), offsets(text, keyDigits)}
}

func offsets(text []byte, place string) (found []int) {
	for at := 0; ; {
		i := bytes.Index(text[at:], []byte(place))
		if i < 0 {
			return found
		}
		found = append(found, at+i)
		at += i + len(place)
	}
}

// put writes n in decimal digits over the whole place.
func put(place []byte, n uint64) {
	for i := len(place) - 1; i >= 0; i-- {
		place[i] = '0' + byte(n%10)
		n /= 10
	}
}

// ioTimeout ends a run whose server has stopped answering.
const ioTimeout = 30 * time.Second

// client is one connection. It knows as much of HTTP as our own server needs:
// what it costs, the server beside it does not get.
type client struct {
	conn    net.Conn
	request template // its own copy
	buf     []byte   // the answer
}

func dial(ctx context.Context, address string, t template) (*client, error) {
	conn, err := (&net.Dialer{Timeout: ioTimeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	t.text = bytes.Clone(t.text)
	return &client{conn: conn, request: t, buf: make([]byte, 64<<10)}, nil
}

var errAnswer = errors.New("cannot read the answer")

// do sends the request and reads the answer. body is valid until the next call.
func (c *client) do() (status int, body []byte, err error) {
	if _, err := c.conn.Write(c.request.text); err != nil {
		return 0, nil, err
	}
	n, head := 0, -1
	for head < 0 {
		if n == len(c.buf) {
			return 0, nil, errAnswer
		}
		m, err := c.conn.Read(c.buf[n:])
		if err != nil {
			return 0, nil, err
		}
		n += m
		head = bytes.Index(c.buf[:n], []byte("\r\n\r\n"))
	}
	if head < len("HTTP/1.1 200") {
		return 0, nil, errAnswer
	}
	status, err = strconv.Atoi(string(c.buf[9:12]))
	if err != nil {
		return 0, nil, errAnswer
	}
	length, chunked := bodyLength(c.buf[:head])
	body, err = c.rest(head+4, n, length, chunked)
	return status, body, err
}

// rest reads on until the body is whole. Nothing is pipelined, so the answer's
// end is the end of what there is to read.
func (c *client) rest(from, n, length int, chunked bool) ([]byte, error) {
	lastChunk := []byte("0\r\n\r\n")
	for {
		if chunked && bytes.HasSuffix(c.buf[from:n], lastChunk) || !chunked && n-from >= length {
			return c.buf[from:n], nil
		}
		if n == len(c.buf) {
			c.buf = append(c.buf, make([]byte, len(c.buf))...)
		}
		m, err := c.conn.Read(c.buf[n:])
		if err != nil {
			return nil, err
		}
		n += m
	}
}

func bodyLength(head []byte) (length int, chunked bool) {
	if i := bytes.Index(head, []byte("\r\nContent-Length: ")); i >= 0 {
		for _, digit := range head[i+len("\r\nContent-Length: "):] {
			if digit < '0' || digit > '9' {
				break
			}
			length = length*10 + int(digit-'0')
		}
		return length, false
	}
	return 0, bytes.Contains(head, []byte("\r\nTransfer-Encoding: chunked"))
}
