// Command sweep runs the function sweep by itself.
package main

import (
	function "github.com/17882237881/MaaS/functions/sweep"
	"github.com/17882237881/MaaS/shared/serve"
)

func main() { serve.Main("sweep", function.New()) }
