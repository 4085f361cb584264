// Command verify-upload runs the function verify-upload by itself.
package main

import (
	function "github.com/17882237881/MaaS/functions/verify-upload"
	"github.com/17882237881/MaaS/shared/serve"
)

func main() { serve.Main("verify-upload", function.New()) }
