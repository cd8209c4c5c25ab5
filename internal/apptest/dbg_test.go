package apptest_test
import ("testing";"github.com/incent-dev/incent/internal/apptest")
func TestDbg(t *testing.T){ s:=apptest.Start(t); t.Log(s.Incenta!=nil, s.Incentable!=nil, s.Management!=nil)
 t.Logf("%+v", s.Incentable.Call("GET","/../../incenta/v1/openapi.json",nil).Status)
 }
