// Command upload-init runs the function upload-init by itself.
package main

import (
	function "github.com/17882237881/MaaS/functions/upload-init"
	"github.com/17882237881/MaaS/shared/serve"
)

func main() { serve.Main("upload-init", function.New()) }
