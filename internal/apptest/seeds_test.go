package apptest_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/store"
)

// Each folder of testdata/seeds is an example of the Incentable documents:
// request.txt is the request line and the body to the letter, response.json the
// answer. Where the documents show a request without an answer, the answer is
// in the shape that they show elsewhere.
func TestDocumentedExamples(t *testing.T) {
	t.Parallel()
	for name, prepare := range seeds {
		line, body := readSeed(t, name)
		method, path, _ := strings.Cut(line, " ")
		path = strings.TrimPrefix(path, "/v1")
		var documented any
		decode(t, name, &documented)
		for scheme, through := range map[string]func(*apptest.Client) *apptest.Client{
			"base": func(c *apptest.Client) *apptest.Client { return c },
			"host": func(c *apptest.Client) *apptest.Client { return c.Bare("api.incentable.com") },
			"bare": func(c *apptest.Client) *apptest.Client { return c.Bare("") },
		} {
			t.Run(name+"/"+scheme, func(t *testing.T) {
				t.Parallel()
				s := apptest.Start(t)
				order := prepare(t, s)
				send := any(body)
				if body == "" {
					send = nil
				}
				status := 200
				if method == "POST" && name != "award-bulk" {
					status = 201
				}
				r := through(s.Incentable).Must(status, method, strings.ReplaceAll(path, "{order_id}", order), send)
				shows(t, "", documented, r.JSON())
			})
		}
	}
}

func TestEverySeedIsTried(t *testing.T) {
	t.Parallel()
	folders, err := os.ReadDir("testdata/seeds")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if seeds[f.Name()] == nil {
			t.Errorf("testdata/seeds/%s: nobody prepares it", f.Name())
		}
	}
}

const member = "mem_abc123"

// seeds prepare what their examples speak of; the order, where there is one, is
// what {order_id} stands for.
var seeds = map[string]func(testing.TB, *apptest.Server) (order string){
	"rewards-list": catalogue,
	"rewards-get":  catalogue,
	"redeem-digital": func(t testing.TB, s *apptest.Server) string {
		give(t, s, member, 5000)
		return catalogue(t, s)
	},
	"redeem-physical": func(t testing.TB, s *apptest.Server) string {
		give(t, s, member, 17_500)
		return catalogue(t, s)
	},
	"orders-update": func(t testing.TB, s *apptest.Server) string {
		catalogue(t, s)
		give(t, s, member, 17_500)
		return buyPhysical(t, s, member, "rwd_002")
	},
	"orders-list": func(t testing.TB, s *apptest.Server) string {
		catalogue(t, s)
		give(t, s, member, 17_500)
		order := buyPhysical(t, s, member, "rwd_002")
		_, body := readSeed(t, "orders-update")
		s.Incentable.Must(200, "PATCH", "/orders/"+order, body)
		return order
	},
	"balance": func(t testing.TB, s *apptest.Server) string {
		give(t, s, member, 12_500)
		addItem(t, s, store.Item{ID: "rwd_75", Name: "Amazon Gift Card $75", Kind: store.Digital, PointsCost: whole(7500)})
		s.Incentable.Must(201, "POST", "/rewards/redeem", object{"member_id": member, "reward_id": "rwd_75"})
		post(t, s, ledger.Command{Op: ledger.OpHold, Member: member, Asset: ledger.Points, Amount: 500})
		return ""
	},
	"award": func(t testing.TB, s *apptest.Server) string {
		give(t, s, member, 5000)
		return ""
	},
	"award-bulk": func(testing.TB, *apptest.Server) string { return "" },
	"deduct": func(t testing.TB, s *apptest.Server) string {
		give(t, s, member, 5500)
		return ""
	},
	"transactions": func(t testing.TB, s *apptest.Server) string {
		give(t, s, member, 6000)
		addItem(t, s, store.Item{ID: "rwd_10", Name: "Amazon Gift Card $10", Kind: store.Digital, PointsCost: whole(1000)})
		s.Incentable.Must(201, "POST", "/rewards/redeem", object{"member_id": member, "reward_id": "rwd_10"})
		_, body := readSeed(t, "award")
		s.Incentable.Must(201, "POST", "/points/award", body)
		return ""
	},
}

// catalogue puts the documents' two rewards on sale.
func catalogue(t testing.TB, s *apptest.Server) string {
	t.Helper()
	picture := func(name string) *string {
		url := "https://cdn.incentable.com/rewards/" + name
		return &url
	}
	pool := addPool(t, s, "AMZN-XXXX-XXXX-XXXX")
	addItem(t, s, store.Item{
		ID: "rwd_001", Name: "Amazon Gift Card $25", Description: "Digital Amazon.com gift card", PointsCost: whole(2500),
		Category: "Gift Cards", Kind: store.Digital, ImageURL: picture("amazon-25.png"), PoolID: &pool,
	})
	addItem(t, s, store.Item{
		ID: "rwd_002", Name: "Wireless Earbuds", Description: "Premium wireless earbuds with charging case", PointsCost: whole(15000),
		Category: "Electronics", Kind: store.Physical, ImageURL: picture("earbuds.png"), Stock: whole(50),
	})
	return ""
}

func readSeed(t testing.TB, name string) (line, body string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "seeds", name, "request.txt"))
	if err != nil {
		t.Fatal(err)
	}
	line, body, _ = strings.Cut(string(text), "\n")
	return line, body
}

func decode(t testing.TB, name string, into *any) {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", "seeds", name, "response.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	d := json.NewDecoder(file)
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		t.Fatal(err)
	}
}

// shapes are of members whose values are ours to choose.
var shapes = map[string]*regexp.Regexp{
	"transaction_id": regexp.MustCompile(`^txn_[0-9a-z]{1,36}$`),
	"order_id":       regexp.MustCompile(`^ord_[0-9a-z]{1,36}$`),
	"created_at":     instants, "shipped_at": instants, "delivered_at": instants,
}

var instants = regexp.MustCompile(`^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)

// shows wants every documented member in an answer, with the documented value
// or, where that is ours to choose, in its shape. A list may go on.
func shows(t testing.TB, at string, documented, got any) {
	t.Helper()
	switch want := documented.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s is %v, want an object", at, got)
			return
		}
		for name, value := range want {
			member, there := object[name]
			if shape := shapes[name]; shape != nil {
				if text, _ := member.(string); !shape.MatchString(text) {
					t.Errorf("%s.%s is %v, want the shape of %v", at, name, member, value)
				}
			} else if !there {
				t.Errorf("%s.%s is missing", at, name)
			} else {
				shows(t, at+"."+name, value, member)
			}
		}
	case []any:
		list, _ := got.([]any)
		if len(list) < len(want) {
			t.Errorf("%s has %d entries, want %d", at, len(list), len(want))
			return
		}
		for i := range want {
			shows(t, fmt.Sprintf("%s[%d]", at, i), want[i], list[i])
		}
	default:
		if got != documented {
			t.Errorf("%s is %v, want %v", at, got, documented)
		}
	}
}
