package tenant

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"

	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
)

// Kind is the facade that a key opens.
type Kind string

// The kinds of keys.
const (
	Incenta    Kind = "incenta"
	Incentable Kind = "incentable"
	Management Kind = "management"
)

// Principal is what a valid key proves. It is an explicit argument of whatever
// acts for a caller.
type Principal struct {
	Tenant int64
	Mode   Mode
	Kind   Kind
	Key    int64
	Scopes []string

	// Budget is how many calls the key may make in a window; see internal/limit.
	// Zero is no limit.
	Budget int64
}

// Can tells whether the principal holds a scope such as "points:write": by its
// name, or by "write" for every group.
func (p Principal) Can(scope string) bool {
	_, verb, _ := strings.Cut(scope, ":")
	return slices.Contains(p.Scopes, scope) || slices.Contains(p.Scopes, verb)
}

// Groups are the parts of each API that scopes speak of.
var Groups = map[Kind][]string{
	Incenta:    {"referrals", "rewards", "incentives", "catalog", "marketplace"},
	Incentable: {"points", "rewards", "orders"},
	Management: {"settings", "members", "keys", "items", "codes", "ledger", "campaigns", "fraud", "rewards", "incentives", "marketplace", "events", "webhooks"},
}

// CheckScopes refuses scopes that would never match anything in the key's API.
func CheckScopes(kind Kind, scopes []string) error {
	if len(scopes) == 0 {
		return fault.Field("scopes", "must name at least one scope, for example read or write")
	}
	for i, s := range scopes {
		group, verb, grouped := strings.Cut(s, ":")
		if !grouped {
			verb = s
		}
		if verb != "read" && verb != "write" || grouped && !slices.Contains(Groups[kind], group) {
			return fault.Field("scopes["+strconv.Itoa(i)+"]", "is no scope of %s; use read, write, or group:read, group:write with a group of %s",
				kind, strings.Join(Groups[kind], ", "))
		}
	}
	return nil
}

// A key's text is its prefix and, in base32, 8 bytes of tenant, 8 of key id, 32
// of secret and 4 of checksum: enough to find its row by primary key, and to
// turn most nonsense away without asking the database.
const (
	secretSize = 32
	keySize    = 16 + secretSize + crc32.Size
)

var keyEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

func prefixOf(kind Kind, mode Mode) string {
	switch kind {
	case Incenta:
		return "inc_" + string(mode) + "_"
	case Incentable:
		return "icb_" + string(mode) + "_"
	}
	return "mgt_" + string(mode) + "_"
}

type parsedKey struct {
	tenant, key int64
	secret      [secretSize]byte
}

func (k parsedKey) text(prefix string) string {
	b := make([]byte, 0, keySize)
	b = binary.BigEndian.AppendUint64(b, uint64(k.tenant))
	b = binary.BigEndian.AppendUint64(b, uint64(k.key))
	b = append(b, k.secret[:]...)
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(append([]byte(prefix), b...)))
	return prefix + keyEncoding.EncodeToString(b)
}

func parseKey(text string) (k parsedKey, prefix string, ok bool) {
	cut := strings.LastIndexByte(text, '_') + 1
	prefix = text[:cut]
	var b [keySize]byte
	if len(text)-cut != keyEncoding.EncodedLen(keySize) {
		return k, "", false
	}
	if _, err := keyEncoding.Decode(b[:], []byte(text[cut:])); err != nil {
		return k, "", false
	}
	// The last character has bits to spare: only one of its spellings is the key.
	if string(keyEncoding.AppendEncode(make([]byte, 0, 2*keySize), b[:])) != text[cut:] {
		return k, "", false
	}
	sum := crc32.Update(crc32.ChecksumIEEE([]byte(prefix)), crc32.IEEETable, b[:keySize-crc32.Size])
	if sum != binary.BigEndian.Uint32(b[keySize-crc32.Size:]) {
		return k, "", false
	}
	k.tenant = int64(binary.BigEndian.Uint64(b[0:8]))
	k.key = int64(binary.BigEndian.Uint64(b[8:16]))
	copy(k.secret[:], b[16:])
	return k, prefix, true
}

func macOf(serverSecret []byte, secret [secretSize]byte) []byte {
	h := hmac.New(sha256.New, serverSecret)
	h.Write(secret[:])
	return h.Sum(nil)
}

// KeyID renders a key's public id.
func KeyID(key int64) string { return id.Key("key_", key) }

// ParseKeyID is KeyID's inverse; false when text is no such id.
func ParseKeyID(text string) (int64, bool) { return id.ParseKey("key_", text) }
