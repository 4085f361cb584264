// Command models runs the function models by itself.
package main

import (
	function "github.com/17882237881/MaaS/functions/models"
	"github.com/17882237881/MaaS/shared/serve"
)

func main() { serve.Main("models", function.New()) }
