package fraud

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the list
	"io"
	"strings"
	"sync"
)

//go:generate ./disposable.sh

//go:embed disposable.txt.gz
var disposableGz []byte

// disposableLimit is the most the list may unpack to, ten times what it does.
const disposableLimit = 20 << 20

// disposable is the list unpacked, sorted lines in one piece: a map of 120,000
// strings would take several times the memory for no use.
var disposable = sync.OnceValue(func() string {
	unpacked, err := gzip.NewReader(bytes.NewReader(disposableGz))
	if err != nil {
		panic("fraud: the embedded list of disposable domains is damaged: " + err.Error())
	}
	text, err := io.ReadAll(io.LimitReader(unpacked, disposableLimit))
	if err != nil {
		panic("fraud: the embedded list of disposable domains is damaged: " + err.Error())
	}
	return string(text)
})

// Disposable tells whether a domain, as EmailDomain writes it, is known for
// throw-away mailboxes. DISPOSABLE.md says where the list is from.
func Disposable(domain string) bool {
	if domain == "" {
		return false
	}
	list := disposable()
	if hasLine(list, domain) {
		return true
	}
	for above := domain; above != ""; {
		if hasLine(list, "."+above) {
			return true
		}
		_, above, _ = strings.Cut(above, ".")
	}
	return false
}

// hasLine looks for a line in sorted lines, halving the text at line starts.
func hasLine(text, line string) bool {
	low, high := 0, len(text) // line starts
	for low < high {
		middle := (low + high) / 2
		start := strings.LastIndexByte(text[low:middle], '\n') + 1 + low
		end := strings.IndexByte(text[start:high], '\n') + start
		switch strings.Compare(text[start:end], line) {
		case 0:
			return true
		case -1:
			low = end + 1
		default:
			high = start
		}
	}
	return false
}
