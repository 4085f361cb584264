package objects

import "github.com/17882237881/MaaS/api/fault"

// Profile is what a store demands of the parts of an upload. The last part may always be shorter.
type Profile struct {
	MinPart    int64 // bytes
	MaxPart    int64 // bytes
	MaxParts   int
	EqualParts bool // all parts but the last must have one size
}

// profileOf returns the limits of a kind of store by its name in S3_PROFILE: s3, r2 or scaleway. It fails with Internal for any other name.
func profileOf(name string) (Profile, error) {
	const mib = 1 << 20
	s3 := Profile{MinPart: 5 * mib, MaxPart: 5 << 30, MaxParts: 10_000} // Amazon S3 user guide, multipart upload limits
	switch name {
	case "s3": // Amazon, MinIO, versitygw, Ceph
		return s3, nil
	case "r2": // Cloudflare R2: parts of one size
		s3.EqualParts = true
		return s3, nil
	case "scaleway": // Scaleway Object Storage: 1,000 parts
		s3.MaxParts = 1_000
		return s3, nil
	default:
		return Profile{}, fault.New(fault.Internal, "S3_PROFILE is s3, r2 or scaleway; this is "+name)
	}
}
