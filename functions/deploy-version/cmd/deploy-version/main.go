// Command deploy-version runs the function deploy-version by itself.
package main

import (
	function "github.com/17882237881/MaaS/functions/deploy-version"
	"github.com/17882237881/MaaS/shared/serve"
)

func main() { serve.Main("deploy-version", function.New()) }
