package fraud

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// emailLimit is the most bytes of a mailbox that are looked at: the API takes
// no longer one, and distances are quadratic in it.
const emailLimit = 320

// domains maps a name as typed to the name as looked up: width, case, scripts.
var domains = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false))

// hostLetters are what a name looked up is made of; underscores do occur.
const hostLetters = "abcdefghijklmnopqrstuvwxyz0123456789-_."

// NormalEmail is the mailbox that an address reaches, as far as can be told
// from the outside: lower case, without plus tag, without the dots that Gmail
// ignores, the domain in ASCII. It is empty for what is no address. Block lists
// compare by it; nothing is ever sent to it.
func NormalEmail(address string) string {
	local, domain := split(address)
	if domain == "" {
		return ""
	}
	local = strings.ToLower(local)
	if tag := strings.IndexByte(local, '+'); tag > 0 {
		local = local[:tag]
	}
	if domain == "gmail.com" {
		if plainLocal := strings.ReplaceAll(local, ".", ""); plainLocal != "" {
			local = plainLocal
		}
	}
	return local + "@" + domain
}

// EmailDomain is the domain of an address, lower case and in ASCII; empty for
// what is no address.
func EmailDomain(address string) string {
	_, domain := split(address)
	return domain
}

// Mask shows enough of an address to recognise it by, and no more.
func Mask(address string) string {
	local, domain := split(address)
	if domain == "" {
		return ""
	}
	_, first := utf8.DecodeRuneInString(local)
	return local[:first] + "***@" + domain
}

func split(address string) (local, domain string) {
	address = strings.TrimSpace(address)
	at := strings.LastIndexByte(address, '@')
	if at <= 0 || len(address) > emailLimit || !utf8.ValidString(address) || strings.ContainsFunc(address, blank) {
		return "", ""
	}
	domain = normalDomain(address[at+1:])
	if domain == "" {
		return "", ""
	}
	return address[:at], domain
}

func blank(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

func normalDomain(typed string) string {
	name := strings.ToLower(strings.TrimRight(typed, "."))
	if ascii, err := domains.ToASCII(name); err == nil {
		name = strings.TrimRight(ascii, ".")
	}
	if strings.ContainsFunc(name, func(r rune) bool { return !strings.ContainsRune(hostLetters, r) }) {
		return "" // no mail can be sent there
	}
	if name == "googlemail.com" { // one service under two names
		return "gmail.com"
	}
	return name
}

// mailbox is the address to judge: the one sent, else an id that is one, since
// many programmes use addresses as ids.
func mailbox(sent, id string) string {
	if sent == "" && strings.Contains(EmailDomain(id), ".") {
		return id
	}
	return sent
}

// How two mailboxes resemble each other.
const (
	digitsVaried  = "digits varied"
	otherProvider = "same name at another provider"
	oneLetter     = "a letter apart"
	initial       = "an initial apart"
)

// Names this short coincide by chance.
const (
	nameShort     = 6 // for the same name elsewhere, or a letter apart
	stemShort     = 4 // for digits varied
	editLongName  = 12
	editsLongName = 2
)

// shared are mailboxes of a function rather than a person, alike everywhere.
var shared = map[string]bool{
	"account": true, "accounts": true, "billing": true, "contact": true, "hallo": true, "hello": true, "kontakt": true,
	"mailbox": true, "marketing": true, "office": true, "orders": true, "postmaster": true, "support": true, "webmaster": true,
}

// similarity compares two normal mailboxes; empty for no likeness, and for the
// same mailbox, which is a signal of its own.
func similarity(a, b string) string {
	localA, domainA, okA := strings.Cut(a, "@")
	localB, domainB, okB := strings.Cut(b, "@")
	if !okA || !okB || a == b || shared[localA] || shared[localB] {
		return ""
	}
	if domainA != domainB {
		if name := withoutMarks(localA); len(name) >= nameShort && name == withoutMarks(localB) {
			return otherProvider
		}
		return ""
	}
	if stem := withoutDigits(localA); len(stem) >= stemShort && stem == withoutDigits(localB) {
		return digitsVaried
	}
	shorter := min(len(localA), len(localB))
	edits := 1
	if shorter >= editLongName {
		edits = editsLongName
	}
	switch {
	case shorter < nameShort || !within(localA, localB, edits):
		return ""
	case localA[1:] == localB[1:]:
		return initial
	default:
		return oneLetter
	}
}

// withoutMarks is a name without what separates its parts.
func withoutMarks(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '.' || r == '_' || r == '-' {
			return -1
		}
		return r
	}, name)
}

func withoutDigits(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, withoutMarks(name))
}

// within tells whether a becomes b by at most edits changed, added or removed
// bytes.
func within(a, b string, edits int) bool {
	if a == b {
		return true
	}
	if edits == 0 || len(a)-len(b) > edits || len(b)-len(a) > edits {
		return false
	}
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	a, b = a[i:], b[i:]
	if a == "" || b == "" {
		return len(a)+len(b) <= edits
	}
	return within(a[1:], b[1:], edits-1) || within(a[1:], b, edits-1) || within(a, b[1:], edits-1)
}

// NetworkOf is the network that an address belongs to, to hash and compare: the
// address itself in IPv4, its /64 in IPv6, since a household is given one. It is
// empty for what is no address, and for loopback, private and link-local ones,
// which say nothing outside their own network.
func NetworkOf(address string) string {
	ip, err := netip.ParseAddr(strings.TrimSpace(address))
	if err != nil {
		return ""
	}
	ip = ip.Unmap().WithZone("")
	if ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() {
		return ""
	}
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	network, err := ip.Prefix(bits)
	if err != nil {
		return ""
	}
	return network.String()
}
