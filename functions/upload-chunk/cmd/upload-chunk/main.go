// Command upload-chunk runs the function upload-chunk by itself.
package main

import (
	function "github.com/17882237881/MaaS/functions/upload-chunk"
	"github.com/17882237881/MaaS/shared/serve"
)

func main() { serve.Main("upload-chunk", function.New()) }
