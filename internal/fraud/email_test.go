package fraud

import (
	"strings"
	"testing"
)

func TestNormalEmail(t *testing.T) {
	for address, want := range map[string]string{
		"Ada@Example.COM":                  "ada@example.com",
		"  ada@example.com ":               "ada@example.com",
		"ada+shop@example.com":             "ada@example.com",
		"ada+a+b@example.com":              "ada@example.com",
		"a.d.a@gmail.com":                  "ada@gmail.com",
		"A.da+x@GoogleMail.com.":           "ada@gmail.com",
		"a.da@example.com":                 "a.da@example.com",
		"ada@example.com.":                 "ada@example.com",
		"ada@MÜLLER.example":               "ada@xn--mller-kva.example",
		"ada@xn--mller-kva.example":        "ada@xn--mller-kva.example",
		"ada@ex_ample.com":                 "ada@ex_ample.com",
		"+tag@example.com":                 "+tag@example.com",
		"...@gmail.com":                    "...@gmail.com",
		"ada":                              "",
		"@example.com":                     "",
		"ada@":                             "",
		"ada@.":                            "",
		"":                                 "",
		"\xff@example.com":                 "",
		strings.Repeat("a", 400) + "@x.de": "",
	} {
		if got := NormalEmail(address); got != want {
			t.Errorf("NormalEmail(%q) = %q, want %q", address, got, want)
		}
	}
}

func TestSimilarity(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"anna1@x.de", "anna22@x.de", digitsVaried},
		{"anna@x.de", "an.na7@x.de", digitsVaried},
		{"an1@x.de", "an2@x.de", ""}, // too short to tell
		{"12345@x.de", "67890@x.de", ""},
		{"anna.meier@x.de", "anna.meier@y.de", otherProvider},
		{"contact@x.de", "contact@y.de", ""},
		{"anna@x.de", "anna@y.de", ""},
		{"anna.meier@x.de", "anna.meyer@x.de", oneLetter},
		{"j.smith@x.de", "m.smith@x.de", initial},
		{"anna.meier@x.de", "anna.meier@x.de", ""},
		{"anna.meier@x.de", "otto.lang@x.de", ""},
		{"", "anna@x.de", ""},
	} {
		if got := similarity(c.a, c.b); got != c.want {
			t.Errorf("similarity(%q, %q) = %q, want %q", c.a, c.b, got, c.want)
		}
		if there, back := similarity(c.a, c.b), similarity(c.b, c.a); there != back {
			t.Errorf("similarity(%q, %q) is %q one way and %q the other", c.a, c.b, there, back)
		}
	}
}

func TestMask(t *testing.T) {
	for address, want := range map[string]string{
		"ada@example.com": "a***@example.com", "élise@example.com": "é***@example.com", "nonsense": "",
	} {
		if got := Mask(address); got != want {
			t.Errorf("Mask(%q) = %q, want %q", address, got, want)
		}
	}
}

func TestNetworkOf(t *testing.T) {
	for address, want := range map[string]string{
		"203.0.113.7":           "203.0.113.7/32",
		"::ffff:203.0.113.7":    "203.0.113.7/32",
		"2001:db8:1:2:3:4:5:6":  "2001:db8:1:2::/64",
		"2001:db8:1:2::9%eth0":  "2001:db8:1:2::/64",
		"10.1.2.3":              "",
		"127.0.0.1":             "",
		"fe80::1":               "",
		"0.0.0.0":               "",
		"203.0.113.7, 10.1.2.3": "",
		"":                      "",
	} {
		if got := NetworkOf(address); got != want {
			t.Errorf("NetworkOf(%q) = %q, want %q", address, got, want)
		}
	}
}

func TestDisposable(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(disposable(), "\n"), "\n")
	if len(lines) < 100_000 {
		t.Fatalf("the list has %d lines", len(lines))
	}
	for i, line := range lines {
		if i > 0 && lines[i-1] >= line {
			t.Fatalf("%q stands before %q", lines[i-1], line)
		}
		if !hasLine(disposable(), line) {
			t.Fatalf("%q is not found", line)
		}
	}
	for domain, want := range map[string]bool{
		"mailinator.com": true, "0x01.gq": true, "any.below.0x01.gq": true, "GMAIL.COM": false,
		"gmail.com": false, "outlook.com": false, "icloud.com": false, "privaterelay.appleid.com": false,
		"proton.me": false, "": false, ".": false, "com": false,
	} {
		if got := Disposable(domain); got != want {
			t.Errorf("Disposable(%q) = %v", domain, got)
		}
	}
}

func FuzzNormalEmail(f *testing.F) {
	for _, seed := range []string{"Ada+x@GoogleMail.com.", "a@ü.de", "a.b@gmail.com", "@", "a@b@c", "İ@x.de", "a@１.２", "a@xn--", "\xff@x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		normal := NormalEmail(address)
		if again := NormalEmail(normal); again != normal && len(normal) <= emailLimit { // lower case may be longer
			t.Errorf("%q becomes %q, and that %q", address, normal, again)
		}
		domain := EmailDomain(address)
		if (normal == "") != (domain == "") || !strings.HasSuffix(normal, domain) {
			t.Errorf("%q becomes %q with domain %q", address, normal, domain)
		}
		if masked := Mask(address); masked != "" && !strings.HasSuffix(masked, "***@"+domain) {
			t.Errorf("%q is masked %q", address, masked)
		}
		Disposable(domain)
	})
}

func FuzzSimilarity(f *testing.F) {
	f.Add("anna1@x.de", "anna2@x.de")
	f.Add("anna.meier@x.de", "anna.meyer@x.de")
	f.Fuzz(func(t *testing.T, a, b string) {
		a, b = NormalEmail(a), NormalEmail(b)
		if there, back := similarity(a, b), similarity(b, a); there != back {
			t.Errorf("%q and %q: %q one way, %q the other", a, b, there, back)
		}
		if how := similarity(a, a); how != "" {
			t.Errorf("%q resembles itself: %s", a, how)
		}
	})
}
