package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/incent-dev/incent/internal/event"
)

// A secret's text is its prefix and the base64 of its bytes, which is what the
// Standard Webhooks libraries take.
const (
	secretPrefix = "whsec_"
	secretBytes  = 32
)

// secretText renders a signing secret.
func secretText(secret []byte) string {
	return secretPrefix + base64.StdEncoding.EncodeToString(secret)
}

// Style is the facade whose receivers an endpoint speaks to.
type Style = event.Facade

// The styles.
const (
	Incenta    = event.Incenta
	Incentable = event.Incentable
)

// hexHeader is where each facade's receivers look for the documented signature.
var hexHeader = map[Style]string{
	Incenta:    "X-Webhook-Signature",
	Incentable: "X-Incentable-Signature",
}

// sign puts the signatures of a body under every live secret, newest first, into
// the headers: the documented one, hex of HMAC-SHA-256 over the body, and those
// of Standard Webhooks over id, time and body. The documented one has room for
// one signature, so during a rotation attempts take turns, the older secret
// first, since the receiver may not have the newer one yet: whichever it has, an
// attempt or the next one verifies.
//
// attempt counts from 1. The key of the documented signature is the secret's text, as a receiver keeps
// it in a variable; that of Standard Webhooks is the bytes that the text encodes.
func sign(h http.Header, to Style, id string, at time.Time, body []byte, secrets [][]byte, attempt int) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	var standard []string
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(id + "." + stamp + "."))
		mac.Write(body)
		standard = append(standard, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	mac := hmac.New(sha256.New, []byte(secretText(secrets[len(secrets)-1-(attempt-1)%len(secrets)])))
	mac.Write(body)
	h.Set(hexHeader[to], hex.EncodeToString(mac.Sum(nil)))
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", stamp)
	h.Set("webhook-signature", strings.Join(standard, " "))
}
