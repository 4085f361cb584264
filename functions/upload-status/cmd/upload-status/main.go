// Command upload-status runs the function upload-status by itself.
package main

import (
	function "github.com/17882237881/MaaS/functions/upload-status"
	"github.com/17882237881/MaaS/shared/serve"
)

func main() { serve.Main("upload-status", function.New()) }
