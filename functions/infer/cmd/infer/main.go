// Command infer runs the function infer by itself.
package main

import (
	function "github.com/17882237881/MaaS/functions/infer"
	"github.com/17882237881/MaaS/shared/serve"
)

func main() { serve.Main("infer", function.New()) }
