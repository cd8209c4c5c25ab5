package apptest_test

import (
	"io"
	"net"
	"regexp"
	"strings"
	"testing"

	"github.com/incent-dev/incent/internal/apptest"
)

// What no HTTP client would send. Much of it the listener itself turns away,
// before there is a request; none of it may harm, and nothing may be told.
func TestRawBytes(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	auth := "Host: x\r\nAuthorization: Bearer " + s.Incentable.Key + "\r\n"
	post := "POST /incentable/v1/points/award HTTP/1.1\r\n" + auth
	secret := regexp.MustCompile(`SQLSTATE|\bpgx|goroutine|\.go:|panic|icb_test_`)
	for name, text := range map[string]string{
		"nothing":                  "",
		"no HTTP":                  "\x16\x03\x01\x02\x00\x01\x00",
		"unknown version":          "GET /incentable/v1/rewards HTTP/9.9\r\n" + auth + "\r\n",
		"no host":                  "GET /incentable/v1/rewards HTTP/1.1\r\n\r\n",
		"star":                     "GET * HTTP/1.1\r\n" + auth + "\r\n",
		"options star":             "OPTIONS * HTTP/1.1\r\n" + auth + "\r\n",
		"connect":                  "CONNECT x:443 HTTP/1.1\r\n" + auth + "\r\n",
		"absolute":                 "GET http://other/incentable/v1/rewards HTTP/1.1\r\n" + auth + "\r\n",
		"no slash":                 "GET incentable/v1/rewards HTTP/1.1\r\n" + auth + "\r\n",
		"bad escape":               "GET /incentable/v1/rewards/%zz HTTP/1.1\r\n" + auth + "\r\n",
		"NUL in the path":          "GET /incentable/v1/rewards/\x00 HTTP/1.1\r\n" + auth + "\r\n",
		"control in a header":      "GET /incentable/v1/rewards HTTP/1.1\r\n" + auth + "Idempotency-Key: a\x00b\r\n\r\n",
		"folded header":            "GET /incentable/v1/rewards HTTP/1.1\r\n" + auth + "X-A: b\r\n c\r\n\r\n",
		"space before the colon":   "GET /incentable/v1/rewards HTTP/1.1\r\n" + auth + "X-A : b\r\n\r\n",
		"huge header":              "GET /incentable/v1/rewards HTTP/1.1\r\n" + auth + "X-A: " + strings.Repeat("a", 200<<10) + "\r\n\r\n",
		"long target":              "GET /incentable/v1/rewards/" + strings.Repeat("a", 200<<10) + " HTTP/1.1\r\n" + auth + "\r\n",
		"shorter than it says":     post + "Content-Length: 100\r\n\r\n{",
		"negative length":          post + "Content-Length: -1\r\n\r\n",
		"two lengths":              post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
		"length and chunks":        post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"broken chunk":             post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
		"endless chunk size":       post + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("f", 40) + "\r\n",
		"unknown encoding":         post + "Transfer-Encoding: gzip\r\n\r\n{}",
		"expectation of nonsense":  post + "Expect: the-moon\r\nContent-Length: 2\r\n\r\n{}",
		"upgrade":                  "GET /incentable/v1/rewards HTTP/1.1\r\n" + auth + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		"HTTP/2 without agreement": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	} {
		answer := exchange(t, s.Incentable.Address(), text)
		if word := secret.FindString(answer); word != "" || strings.HasPrefix(answer, "HTTP/1.1 500") {
			t.Errorf("%s: it answers %.500q", name, answer)
		}
		// A request that reached a facade is answered in its words.
		if strings.Contains(answer, "X-Request-Id") && strings.Contains(answer, "HTTP/1.1 4") && !strings.Contains(answer, `"request`) {
			t.Errorf("%s: it answers %.500q", name, answer)
		}
	}
	s.Incentable.Must(200, "GET", "/rewards", nil)
}

// exchange sends bytes, closes its side, and reads all that comes.
func exchange(t testing.TB, address, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// The server may hang up before it has read everything: its right.
	_, _ = io.WriteString(conn, text)
	_ = conn.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(conn)
	return string(answer)
}
