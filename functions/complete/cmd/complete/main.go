// Command complete runs the function complete by itself.
package main

import (
	function "github.com/17882237881/MaaS/functions/complete"
	"github.com/17882237881/MaaS/shared/serve"
)

func main() { serve.Main("complete", function.New()) }
