package apptest_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/incent-dev/incent/internal/apptest"
)

var documentedHeaders = []string{"X-Webhook-Signature", "X-Incentable-Signature"}

// published is the check that the documents publish: the HMAC over the body under
// the secret as it is shown.
func published(c call, secret string) bool {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(c.body)
	for _, name := range documentedHeaders {
		if got := c.header.Get(name); got != "" {
			return hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(got))
		}
	}
	return false
}

// tolerance is how far the library lets a timestamp be from now.
const tolerance = 5 * time.Minute

// standard is the library's check, as of when the request came: a test may look
// later than a receiver would.
func standard(t testing.TB, c call, secret string) bool {
	t.Helper()
	w, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := strconv.ParseInt(c.header.Get("webhook-timestamp"), 10, 64)
	return err == nil && c.at.Sub(time.Unix(signed, 0)).Abs() < tolerance && w.VerifyIgnoringTimestamp(c.body, c.header) == nil
}

func verify(t testing.TB, c call, secret string) {
	t.Helper()
	if !published(c, secret) || !standard(t, c, secret) {
		t.Errorf("%v\n%s\ndoes not verify: documented %v, standard %v", c.header, c.body, published(c, secret), standard(t, c, secret))
	}
}

// changed is a request with one byte of its body changed: the n-th, in a way that
// depends on n.
func (c call) changed(n int) call {
	body := bytes.Clone(c.body)
	body[n%len(body)] ^= byte(1 + n%255)
	return call{c.header, body, c.at}
}

// nodeVerdict is what the published checks say in JavaScript: of how many requests
// the signature is that of the raw body, that of the body parsed and written
// again, and that of Standard Webhooks.
type nodeVerdict struct{ Raw, Again, Standard int }

const nodeChecks = `
const crypto = require('crypto')
const verdict = { Raw: 0, Again: 0, Standard: 0 }
for (const line of require('fs').readFileSync(0, 'utf8').split('\n')) {
  if (!line) continue
  const { secret, signature, id, timestamp, signatures, body } = JSON.parse(line)
  const raw = Buffer.from(body, 'base64')
  const hmac = (bytes) => crypto.createHmac('sha256', secret).update(bytes).digest('hex')
  if (hmac(raw) === signature) verdict.Raw++
  try {
    if (hmac(JSON.stringify(JSON.parse(raw.toString('utf8')))) === signature) verdict.Again++
  } catch {}
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
  const wanted = 'v1,' + crypto.createHmac('sha256', key).update(id + '.' + timestamp + '.').update(raw).digest('base64')
  if (signatures.split(' ').includes(wanted)) verdict.Standard++
}
console.log(JSON.stringify(verdict))`

// inNode has Node check requests.
func inNode(t testing.TB, calls []call, secretOf func(call) string) (v nodeVerdict) {
	t.Helper()
	var in bytes.Buffer
	lines := json.NewEncoder(&in)
	for _, c := range calls {
		signature := ""
		for _, name := range documentedHeaders {
			signature += c.header.Get(name)
		}
		err := lines.Encode(object{
			"secret": secretOf(c), "signature": signature, "id": c.header.Get("webhook-id"), "timestamp": c.header.Get("webhook-timestamp"),
			"signatures": c.header.Get("webhook-signature"), "body": c.body,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	node := command(t, "node", "-e", nodeChecks)
	node.Stdin = &in
	out, err := node.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &v); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return v
}

// hostile is metadata that has broken signatures before.
const hostile = `{"html": "<b>&amp;</b>", "lines": "a\u2028b\u2029c", "10": "ten", "9": "nine", "0": 0, "01": "text", "big": 9007199254740993,
	"huge": 9223372036854775807, "money": 1.50, "tiny": 1e-7, "zero": -0.0, "emoji": "😀\ud83d\ude00", "nested": {"2": [1.0, 1e2, {"b": 1, "a": "\u0007\u007f\/"}]},
	"__proto__": "x", "": "empty", "quote\"": "\\", "non": "é漢"}`

// 10,000 deliveries over hostile metadata, in the middle of which the secret is
// rotated: each verifies by every published check, with the old secret or the new
// one (by Standard Webhooks with either while both live), none with a byte changed.
func TestEveryDeliveryVerifies(t *testing.T) {
	t.Parallel()
	const events, perCall = 10_000, 1000
	s := apptest.Start(t)
	r := newReceiver(t, nil)
	h := newHook(t, s, r.URL, "incentable", "points.awarded")
	older, newer := h.secret, ""
	one := `{"member_id":"mem_<&>\u2028","points":1,"reason":"<>&\u2028 😀","metadata":` + hostile + `}`
	body := `{"awards":[` + strings.Repeat(one+",", perCall-1) + one + `]}`
	for i := range events / perCall {
		if i == events/perCall/2 {
			r.await(t, "events under the first secret", atLeast(1)) // else none might have left yet
			newer = s.Management.Must(200, "POST", "/webhook-endpoints/"+h.id+"/rotate", object{"overlapSeconds": 3600}).Text("secret")
		}
		equal(t, "failed", s.Incentable.Must(200, "POST", "/points/award/bulk", body).At("data", "failed"), 0)
	}
	got := r.await(t, "all events", func(got []call) bool { return len(got) >= events && distinct(got) == events })
	both := 0
	secretOf := func(c call) string {
		if published(c, older) {
			return older
		}
		return newer
	}
	for i, c := range got {
		verify(t, c, secretOf(c))
		if strings.Contains(c.header.Get("webhook-signature"), " ") {
			both++
			if !standard(t, c, older) || !standard(t, c, newer) {
				t.Errorf("delivery %d does not verify under both secrets", i)
			}
		}
		for _, secret := range []string{older, newer} {
			if bad := c.changed(i * 31); published(bad, secret) || standard(t, bad, secret) {
				t.Errorf("delivery %d verifies with a byte changed", i)
			}
		}
		if t.Failed() {
			t.FailNow() // the rest says the same
		}
	}
	if both == 0 || both == len(got) {
		t.Errorf("%d of %d deliveries are signed twice: the rotation was not among them", both, len(got))
	}
	equal(t, "Node's checks", inNode(t, got, secretOf), nodeVerdict{len(got), len(got), len(got)})
	spoilt := make([]call, len(got))
	for i, c := range got {
		spoilt[i] = c.changed(i * 17)
	}
	if v := inNode(t, spoilt, secretOf); v.Raw != 0 || v.Standard != 0 {
		t.Errorf("with a byte changed Node verifies %+v", v)
	}
}

// Whichever of two secrets a receiver holds, the documented header verifies at an
// attempt or at the next; once the overlap is over only the new one does.
func TestRotationLeavesNobodyBehind(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	r := newReceiver(t, func(n int, _ call) (int, http.Header) {
		if n == 1 {
			return 401, muchLater
		}
		return 200, nil
	})
	h := newHook(t, s, r.URL, "incenta")
	rotate := func(seconds int) string {
		return s.Management.Must(200, "POST", "/webhook-endpoints/"+h.id+"/rotate", object{"overlapSeconds": seconds}).Text("secret")
	}
	newer := rotate(3600)
	if h.get(t).At("previousSecretUntil") == nil {
		t.Error("the end of the overlap is not shown")
	}
	plant(t, s, "USAGE_LIMIT_EXCEEDED", object{"x": 1})
	h.again(t, r.await(t, "the first attempt", atLeast(1))[0].id(), 1)
	got := r.await(t, "the second attempt", atLeast(2))
	equal(t, "one id", got[0].id(), got[1].id())
	if !published(got[0], h.secret) || !published(got[1], newer) || published(got[0], newer) || published(got[1], h.secret) {
		t.Error("attempts do not take turns, the older secret first")
	}
	newest := rotate(0)
	plant(t, s, "USAGE_LIMIT_EXCEEDED", object{"x": 2})
	last := r.await(t, "the third", atLeast(3))[2]
	if !published(last, newest) || !standard(t, last, newest) || standard(t, last, newer) || standard(t, last, h.secret) {
		t.Error("after the overlap not only the newest secret verifies")
	}
}
