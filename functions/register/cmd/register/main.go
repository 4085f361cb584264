// Command register runs the function register by itself.
package main

import (
	function "github.com/17882237881/MaaS/functions/register"
	"github.com/17882237881/MaaS/shared/serve"
)

func main() { serve.Main("register", function.New()) }
