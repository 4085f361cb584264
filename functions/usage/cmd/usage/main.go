// Command usage runs the function usage by itself.
package main

import (
	function "github.com/17882237881/MaaS/functions/usage"
	"github.com/17882237881/MaaS/shared/serve"
)

func main() { serve.Main("usage", function.New()) }
