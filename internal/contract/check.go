package contract

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// value reads the value at the cursor and holds it against the schema. False
// means that the scan is over: the text is broken, or there is enough to say.
func (s *scan) value(sch *schema) bool {
	switch s.next() {
	case '"':
		text, chars, ok := s.str()
		if ok && s.fits(sch, kindString) {
			s.say(sch.textProblem(text, chars))
		}
		return ok
	case '{':
		if !s.fits(sch, kindObject) {
			sch = &anything
		}
		return s.object(sch)
	case '[':
		if !s.fits(sch, kindArray) {
			sch = &anything
		}
		return s.array(sch)
	case 't':
		s.fits(sch, kindBoolean)
		return s.word("true")
	case 'f':
		s.fits(sch, kindBoolean)
		return s.word("false")
	case 'n':
		if !sch.nullable {
			s.problem(saysNull)
		}
		return s.word("null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		literal, whole, ok := s.number()
		if ok && (sch.kind == kindInteger || s.fits(sch, kindNumber)) {
			s.say(sch.numberProblem(literal, whole))
		}
		return ok
	}
	return s.broken("a value is expected")
}

// fits tells whether a value of this kind is to be held against the schema.
func (s *scan) fits(sch *schema, k kind) bool {
	if sch.kind == k {
		return true
	}
	if sch.kind != kindAny {
		s.problem(sch.saysKind)
	}
	return false
}

func (s *scan) say(message string) {
	if message != "" {
		s.problem(message)
	}
}

// object is one object while it is being read.
type object struct {
	sch   *schema
	seen  uint64              // declared members met, by index
	first int                 // where its undeclared names begin in scan.names
	many  map[string]struct{} // those names, once there are many
	count int
	comma int  // where the last comma stands
	kept  bool // whether a member before that comma stays in the clean body
}

func (s *scan) object(sch *schema) bool {
	if !s.enter() {
		return false
	}
	o := object{sch: sch, first: len(s.names)}
	for s.next() != '}' || o.count > 0 {
		from := s.pos
		member, hide, ok := s.member(&o)
		if !ok || !s.value(member) || s.enough() {
			return false
		}
		o.count++
		to := s.pos
		s.space()
		c := s.next()
		if hide {
			s.hide(&o, from, to, c == ',')
		} else {
			o.kept = true
		}
		if c == '}' {
			break
		}
		if c != ',' {
			return s.broken("a comma or a closing brace is expected")
		}
		o.comma = s.pos
		s.pos++
		s.space()
	}
	s.pos++
	s.complete(&o)
	s.depth--
	clear(s.names[o.first:])
	s.names = s.names[:o.first]
	if o.count < sch.minMembers {
		s.problem(sch.saysFew)
	} else if o.count > sch.maxMembers {
		s.problem(sch.saysMany)
	}
	return true
}

// member reads a name and its colon, and finds the schema of what follows.
func (s *scan) member(o *object) (sch *schema, hide, ok bool) {
	s.path[s.depth-1] = step{}
	if s.next() != '"' {
		return nil, false, s.broken("a member name in double quotes is expected")
	}
	name, _, ok := s.str()
	if !ok {
		return nil, false, false
	}
	if s.decoded {
		name = bytes.Clone(name)
	}
	s.path[s.depth-1].name = name
	if i, declared := o.sch.index[string(name)]; declared {
		if bit := uint64(1) << i; o.seen&bit != 0 {
			s.problem(saysTwice)
		} else {
			o.seen |= bit
		}
		sch = o.sch.members[i]
	} else {
		if !s.fresh(o, name) {
			s.problem(saysTwice)
		}
		if sch = o.sch.extra; sch == nil {
			s.problem(saysUnknown)
			sch = &anything
		}
		hide = o.sch.folded != nil && s.mistakable(o.sch, name)
	}
	if s.space(); s.next() != ':' {
		return nil, false, s.broken("a colon is expected")
	}
	s.pos++
	s.space()
	return sch, hide, true
}

// fresh tells whether an undeclared name is new to its object, and notes it.
func (s *scan) fresh(o *object, name []byte) bool {
	if o.many != nil {
		if _, met := o.many[string(name)]; met {
			return false
		}
		o.many[string(name)] = struct{}{}
		return true
	}
	for _, met := range s.names[o.first:] {
		if bytes.Equal(met, name) {
			return false
		}
	}
	s.names = append(s.names, name)
	if list := s.names[o.first:]; len(list) > maxNameList {
		o.many = make(map[string]struct{}, 4*maxNameList)
		for _, met := range list {
			o.many[string(met)] = struct{}{}
		}
		clear(list)
		s.names = s.names[:o.first]
	}
	return true
}

// mistakable tells whether encoding/json would bind the name to a declared one.
func (s *scan) mistakable(sch *schema, name []byte) bool {
	s.text = appendFolded(s.text[:0], name)
	return sch.folded[string(s.text)]
}

// appendFolded gives all spellings that encoding/json holds equal one text: the
// least character of each orbit of simple folding.
func appendFolded(dst, name []byte) []byte {
	for len(name) > 0 {
		r, size := utf8.DecodeRune(name)
		name = name[size:]
		for {
			folded := unicode.SimpleFold(r)
			if folded <= r {
				r = folded // past the greatest the orbit starts again at the least
				break
			}
			r = folded
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// hide keeps a member from the binder, with the comma that goes with it: the
// one before it, or the one behind where no member before it stays.
func (s *scan) hide(o *object, from, to int, more bool) {
	if o.kept {
		from = o.comma
	} else if more {
		to = s.pos + 1
	}
	s.cuts = append(s.cuts, span{from, to})
}

func (s *scan) withoutCuts() []byte {
	clean := make([]byte, 0, len(s.buf))
	at := 0
	for _, cut := range s.cuts {
		clean = append(clean, s.buf[at:cut.from]...)
		at = cut.to
	}
	return append(clean, s.buf[at:]...)
}

// complete reports the required members that never came.
func (s *scan) complete(o *object) {
	missing := o.sch.required &^ o.seen
	for i := 0; missing != 0; i, missing = i+1, missing>>1 {
		if missing&1 != 0 {
			s.path[s.depth-1] = step{name: o.sch.names[i]}
			s.problem(saysRequired)
		}
	}
}

func (s *scan) array(sch *schema) bool {
	if !s.enter() {
		return false
	}
	count := 0
	for s.next() != ']' || count > 0 {
		count++
		s.path[s.depth-1] = step{item: count}
		if !s.value(sch.items) || s.enough() {
			return false
		}
		s.space()
		c := s.next()
		if c == ']' {
			break
		}
		if c != ',' {
			return s.broken("a comma or a closing bracket is expected")
		}
		s.pos++
		s.space()
	}
	s.pos++
	s.depth--
	if count < sch.minItems {
		s.problem(sch.saysFew)
	} else if count > sch.maxItems {
		s.problem(sch.saysMany)
	}
	return true
}
