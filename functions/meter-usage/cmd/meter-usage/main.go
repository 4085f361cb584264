// Command meter-usage runs the function meter-usage by itself.
package main

import (
	function "github.com/17882237881/MaaS/functions/meter-usage"
	"github.com/17882237881/MaaS/shared/serve"
)

func main() { serve.Main("meter-usage", function.New()) }
