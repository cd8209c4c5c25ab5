package tidy

import (
	"regexp"
	"strings"
	"unicode"
)

// node is one token of SQL, or a pair of parentheses and what is between them.
type node struct {
	kind kind
	text string // words in lower case, parameters without their @
	line int
	kids []node // of a group
	end  int    // the last line of a group, else line
}

type kind byte

const (
	word    kind = 'w' // a keyword or a name, quoted or not
	param   kind = '@'
	literal kind = 'l' // a string or a number
	sign    kind = 's' // an operator or punctuation
	group   kind = 'g'
	comment kind = 'c'
)

func (n node) is(words ...string) bool {
	if n.kind != word && n.kind != sign {
		return false
	}
	for _, w := range words {
		if n.text == w {
			return true
		}
	}
	return false
}

// has tells whether a word stands directly in the list, not within a group.
func has(nodes []node, words ...string) bool {
	for _, n := range nodes {
		if n.is(words...) {
			return true
		}
	}
	return false
}

// nth is the i-th node, or one that is nothing.
func nth(nodes []node, i int) node {
	if i < 0 || i >= len(nodes) {
		return node{}
	}
	return nodes[i]
}

// split cuts a list at every direct occurrence of a word or sign.
func split(nodes []node, at ...string) [][]node {
	var parts [][]node
	start := 0
	for i, n := range nodes {
		if n.is(at...) {
			parts = append(parts, nodes[start:i])
			start = i + 1
		}
	}
	return append(parts, nodes[start:])
}

// bare is the list without its comments, within groups too.
func bare(nodes []node) []node {
	var kept []node
	for _, n := range nodes {
		if n.kind == comment {
			continue
		}
		if n.kind == group {
			n.kids = bare(n.kids)
		}
		kept = append(kept, n)
	}
	return kept
}

// each visits every node of the list, groups before what they hold.
func each(nodes []node, visit func(node)) {
	for _, n := range nodes {
		visit(n)
		each(n.kids, visit)
	}
}

// lexer turns SQL text into nodes.
type lexer struct {
	text string
	at   int
	line int
}

// parse reads SQL. Text that ends within a string or a group is read as if it
// were closed: sqlc and PostgreSQL say better what is wrong with it.
func parse(text string) []node {
	l := &lexer{text: text, line: 1}
	var nodes []node
	for l.at < len(l.text) { // a stray ")" ends a group early: go on behind it
		nodes = append(nodes, l.list()...)
	}
	return nodes
}

func (l *lexer) list() []node {
	var nodes []node
	for {
		l.take(func(c byte) bool { return c <= ' ' })
		if l.at >= len(l.text) {
			return nodes
		}
		line := l.line
		switch l.text[l.at] {
		case '(':
			l.at++
			kids := l.list()
			nodes = append(nodes, node{kind: group, line: line, kids: kids, end: l.line})
		case ')':
			l.at++
			return nodes
		default:
			k, text := l.token()
			nodes = append(nodes, node{kind: k, text: text, line: line, end: l.line})
		}
	}
}

var dollarTag = regexp.MustCompile(`^\$([A-Za-z_][A-Za-z0-9_]*)?\$`)

func (l *lexer) token() (kind, string) {
	rest := l.text[l.at:]
	switch c := rest[0]; {
	case strings.HasPrefix(rest, "--"):
		return comment, strings.TrimSpace(l.take(func(c byte) bool { return c != '\n' })[2:])
	case strings.HasPrefix(rest, "/*"):
		return comment, strings.TrimSpace(l.through(2, "*/"))
	case c == '\'':
		return literal, l.quoted(false)
	case (c == 'e' || c == 'E') && len(rest) > 1 && rest[1] == '\'':
		l.at++
		return literal, l.quoted(true)
	case c == '"':
		return word, strings.TrimSuffix(l.through(1, `"`), `"`)
	case c == '$':
		if tag := dollarTag.FindString(rest); tag != "" {
			return literal, l.through(len(tag), tag)
		}
		l.at++
		return param, l.take(letter)
	case c == '@' && len(rest) > 1 && letter(rest[1]):
		l.at++
		return param, l.take(letter)
	case letter(c):
		text := l.take(letter)
		if unicode.IsDigit(rune(c)) {
			return literal, text
		}
		return word, strings.ToLower(text)
	case strings.IndexByte("+-*/<>=~!#%^&|?:", c) >= 0:
		return sign, l.operator()
	}
	l.at++
	return sign, rest[:1]
}

// operator stops before a comment and before a parameter, so that `=@id` is an
// equation; the operator `<@` is the exception.
func (l *lexer) operator() string {
	start := l.at
	for l.at < len(l.text) && strings.IndexByte("+-*/<>=~!@#%^&|?:", l.text[l.at]) >= 0 {
		rest := l.text[l.at:]
		param := len(rest) > 1 && rest[0] == '@' && letter(rest[1]) && l.text[start:l.at] != "<"
		if l.at > start && (param || strings.HasPrefix(rest, "--") || strings.HasPrefix(rest, "/*")) {
			break
		}
		l.at++
	}
	return l.text[start:l.at]
}

func letter(c byte) bool {
	return c == '_' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// take reads on while the bytes please.
func (l *lexer) take(pleases func(byte) bool) string {
	start := l.at
	for l.at < len(l.text) && pleases(l.text[l.at]) {
		if l.text[l.at] == '\n' {
			l.line++
		}
		l.at++
	}
	return l.text[start:l.at]
}

// through skips an opening of n bytes, and reads to the end of the closing.
func (l *lexer) through(n int, closing string) string {
	start := l.at + n
	end := len(l.text)
	if i := strings.Index(l.text[start:], closing); i >= 0 {
		end = start + i + len(closing)
	}
	l.line += strings.Count(l.text[l.at:end], "\n")
	l.at = end
	return l.text[start:end]
}

// quoted reads 'text', where two quotes are one, and a backslash may escape.
func (l *lexer) quoted(backslash bool) string {
	start := l.at + 1
	for l.at++; l.at < len(l.text); l.at++ {
		switch c := l.text[l.at]; {
		case c == '\n':
			l.line++
		case c == '\\' && backslash:
			l.at++
		case c == '\'' && l.at+1 < len(l.text) && l.text[l.at+1] == '\'':
			l.at++
		case c == '\'':
			l.at++
			return l.text[start : l.at-1]
		}
	}
	l.at = min(l.at, len(l.text))
	return l.text[start:l.at]
}
