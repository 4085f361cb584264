// Command publish-version runs the function publish-version by itself.
package main

import (
	function "github.com/17882237881/MaaS/functions/publish-version"
	"github.com/17882237881/MaaS/shared/serve"
)

func main() { serve.Main("publish-version", function.New()) }
