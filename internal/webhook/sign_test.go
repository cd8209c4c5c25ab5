package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// verifies is what the documents let a receiver do: the hex of an HMAC over the
// body under the secret as it was shown.
func verifies(h http.Header, header, secret string, body []byte) bool {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(h.Get(header)))
}

// standard is what Standard Webhooks lets a receiver do.
func standard(t *testing.T, h http.Header, secret string, body []byte) bool {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(h.Get("webhook-id") + "." + h.Get("webhook-timestamp") + "." + string(body)))
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return slices.Contains(strings.Fields(h.Get("webhook-signature")), want)
}

func TestSign(t *testing.T) {
	newer, older := []byte(strings.Repeat("n", secretBytes)), []byte(strings.Repeat("o", secretBytes))
	body := []byte(`{"event":"REWARD_CREATED","data":{},"timestamp":"2026-06-18T12:00:00.000Z"}`)
	changed := slices.Clone(body)
	changed[3] ^= 1
	at := time.Date(2026, 6, 18, 12, 0, 0, 0, time.UTC)
	for facade, header := range map[Style]string{Incenta: "X-Webhook-Signature", Incentable: "X-Incentable-Signature"} {
		h := http.Header{}
		sign(h, facade, "event_1", at, body, [][]byte{newer}, 1)
		if !verifies(h, header, secretText(newer), body) || !standard(t, h, secretText(newer), body) {
			t.Errorf("%s: %v does not verify", facade, h)
		}
		if verifies(h, header, secretText(newer), changed) || standard(t, h, secretText(newer), changed) ||
			verifies(h, header, secretText(older), body) || standard(t, h, secretText(older), body) {
			t.Errorf("%s: another body or secret verifies", facade)
		}
		if h.Get("webhook-id") != "event_1" || h.Get("webhook-timestamp") != "1781784000" {
			t.Errorf("%s: %v", facade, h)
		}
		for attempt, held := range [][]byte{older, newer, older, newer} {
			h := http.Header{}
			sign(h, facade, "event_1", at, body, [][]byte{newer, older}, attempt+1)
			if !verifies(h, header, secretText(held), body) {
				t.Errorf("%s: attempt %d is not for its secret", facade, attempt+1)
			}
			for _, secret := range [][]byte{newer, older} {
				if !standard(t, h, secretText(secret), body) {
					t.Errorf("%s: attempt %d does not verify under both secrets", facade, attempt+1)
				}
			}
		}
	}
}
