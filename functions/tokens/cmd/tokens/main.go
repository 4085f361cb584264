// Command tokens runs the function tokens by itself.
package main

import (
	function "github.com/17882237881/MaaS/functions/tokens"
	"github.com/17882237881/MaaS/shared/serve"
)

func main() { serve.Main("tokens", function.New()) }
