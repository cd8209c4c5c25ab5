package apptest_test

import (
	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/tenant"
)

func init() {
	ask := apptest.NewRequest
	addGolden(tenant.Incenta, map[string]func(ids) apptest.Request{
		"listBalances":     get("/incentives/balances"),
		"getBalance":       func(i ids) apptest.Request { return ask("GET", "/incentives/balances/"+i.member, nil) },
		"listCatalogItems": get("/incentives/catalog?active=true"),
		"createCatalogItem": func(i ids) apptest.Request {
			return ask("POST", "/incentives/catalog", object{"name": "Voucher", "type": "DIGITAL", "coinPrice": 10, "tokenPrice": nil, "codePoolId": i.pool})
		},
		"getCatalogItem": func(i ids) apptest.Request { return ask("GET", "/incentives/catalog/"+i.digital, nil) },
		"updateCatalogItem": func(i ids) apptest.Request {
			return ask("PATCH", "/incentives/catalog/"+i.physical, object{"stock": 100, "imageUrl": nil})
		},
		"deleteCatalogItem": func(i ids) apptest.Request { return ask("DELETE", "/incentives/catalog/"+i.physical, nil) },
		"redeemItem": func(i ids) apptest.Request {
			return ask("POST", "/incentives/redeem", object{"userId": i.member, "itemId": i.digital, "currency": "TOKENS"})
		},
		"listRedemptions": func(i ids) apptest.Request { return ask("GET", "/incentives/redemptions?userId="+i.member, nil) },
		"updateRedemption": func(i ids) apptest.Request {
			return ask("PATCH", "/incentives/redemptions/"+i.order, object{"status": "FULFILLED", "carrier": "UPS"})
		},
	})
}
