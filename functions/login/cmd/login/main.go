// Command login runs the function login by itself.
package main

import (
	function "github.com/17882237881/MaaS/functions/login"
	"github.com/17882237881/MaaS/shared/serve"
)

func main() { serve.Main("login", function.New()) }
