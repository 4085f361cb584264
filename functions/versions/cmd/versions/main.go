// Command versions runs the function versions by itself.
package main

import (
	function "github.com/17882237881/MaaS/functions/versions"
	"github.com/17882237881/MaaS/shared/serve"
)

func main() { serve.Main("versions", function.New()) }
