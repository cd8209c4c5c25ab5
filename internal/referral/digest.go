package referral

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"io"
)

// digest is the keyed hash that stands for an address, a device or a user agent
// wherever one is kept. The same text has another hash in another tenant and as
// another kind of trait, so hashes say nothing beside their own table's rows.
func (p *Programme) digest(tenantID int64, kind, text string) []byte {
	h := hmac.New(sha256.New, p.secret)
	var owner [8]byte
	binary.BigEndian.PutUint64(owner[:], uint64(tenantID))
	h.Write(owner[:])
	io.WriteString(h, kind+"\x00"+text)
	return h.Sum(nil)
}
