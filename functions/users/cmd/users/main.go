// Command users runs the function users by itself.
package main

import (
	function "github.com/17882237881/MaaS/functions/users"
	"github.com/17882237881/MaaS/shared/serve"
)

func main() { serve.Main("users", function.New()) }
