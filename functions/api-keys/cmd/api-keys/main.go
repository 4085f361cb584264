// Command api-keys runs the function api-keys by itself.
package main

import (
	function "github.com/17882237881/MaaS/functions/api-keys"
	"github.com/17882237881/MaaS/shared/serve"
)

func main() { serve.Main("api-keys", function.New()) }
