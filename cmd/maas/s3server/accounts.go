package s3server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/s3err"

	"github.com/17882237881/MaaS/shared/objects"
)

// accounts are the server's, none of which can be changed while it runs. An owner may do everything, a reader what the policy of each bucket says.
type accounts struct {
	auth.IAMService // of the first owner, which refuses changes

	others map[string]auth.Account
}

// newAccounts returns the accounts of owners, one at least, and of readers. The first owner is the root account.
func newAccounts(owners, readers []Credentials) accounts {
	all := accounts{auth.NewIAMServiceSingle(account(owners[0], auth.RoleAdmin)), map[string]auth.Account{}}
	for _, one := range owners[1:] {
		all.others[one.AccessKeyID] = account(one, auth.RoleAdmin)
	}
	for _, one := range readers {
		all.others[one.AccessKeyID] = account(one, auth.RoleUser)
	}
	return all
}

// checkDistinct fails if two accounts have the same id: one would have the rights of the other.
func checkDistinct(all []Credentials) error {
	seen := map[string]bool{}
	for _, one := range all {
		if seen[one.AccessKeyID] {
			return fmt.Errorf("object store credentials: two accounts have the access key id %s", one.AccessKeyID)
		}
		seen[one.AccessKeyID] = true
	}
	return nil
}

func account(c Credentials, role auth.Role) auth.Account {
	return auth.Account{Access: c.AccessKeyID, Secret: c.SecretAccessKey, Role: role}
}

// GetBucketPolicy returns the policy of every bucket: readers may read the objects of tenants (GetObject and HeadObject) and do nothing else.
// It is not stored, so that it always names the readers of this start. Without readers it fails with NoSuchBucketPolicy; owners are not bound
// by it.
func (s *store) GetBucketPolicy(_ context.Context, bucket string) ([]byte, error) {
	if len(s.readers) == 0 {
		return nil, s3err.GetBucketErr(s3err.ErrNoSuchBucketPolicy, bucket)
	}
	ids := make([]string, len(s.readers))
	for i, one := range s.readers {
		ids[i] = one.AccessKeyID
	}
	return json.Marshal(map[string]any{
		"Version": "2012-10-17",
		"Statement": []any{map[string]any{
			"Effect":    "Allow",
			"Principal": map[string]any{"AWS": ids},
			"Action":    auth.GetObjectAction,
			"Resource":  auth.ResourceArnPrefix + bucket + "/" + objects.Prefix + "*",
		}},
	})
}

// PutBucketPolicy fails with NotImplemented: the policy is derived from the accounts.
func (s *store) PutBucketPolicy(context.Context, string, []byte) error {
	return s3err.GetAPIError(s3err.ErrNotImplemented)
}

// GetUserAccount implements auth.IAMService: it returns the account of an access key id.
func (a accounts) GetUserAccount(id string) (auth.Account, error) {
	if one, ok := a.others[id]; ok {
		return one, nil
	}
	return a.IAMService.GetUserAccount(id)
}

// ensureBucket creates a private bucket of the owner's if there is none of the name. It does nothing for the name "".
func (s *store) ensureBucket(ctx context.Context, name string, owner Credentials) error {
	if name == "" {
		return nil
	}
	if _, err := os.Stat(filepath.Join(s.place.objects, name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	rights, err := json.Marshal(auth.ACL{Owner: owner.AccessKeyID})
	if err != nil {
		return err
	}
	err = s.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket: &name, ObjectOwnership: types.ObjectOwnershipBucketOwnerEnforced, CreateBucketConfiguration: &types.CreateBucketConfiguration{},
	}, rights)
	if err != nil {
		return fmt.Errorf("make bucket %s: %w", name, err)
	}
	return nil
}
