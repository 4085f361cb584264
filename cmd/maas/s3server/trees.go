package s3server

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"

	"github.com/versity/versitygw/backend/posix"
)

// trees are the two folders that versitygw keeps in step: objects/<bucket>/<key> is a file, metadata/<bucket>/<key>/meta/<attribute>
// what is known of it. An open upload is a folder of parts in both.
type trees struct{ objects, metadata string }

func newTrees(data string) trees {
	return trees{objects: filepath.Join(data, "objects"), metadata: filepath.Join(data, "metadata")}
}

// uploads returns the folder of a key's open uploads, relative to a bucket.
func uploads(key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(posix.MetaTmpMultipartDir, hex.EncodeToString(sum[:]))
}
