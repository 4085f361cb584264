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
)

// accounts are the server's, none of which can be changed while it runs. Each may do everything.
type accounts struct {
	auth.IAMService // of the first, which refuses changes

	others map[string]auth.Account
}

func newAccounts(keys []Credentials) accounts {
	all := accounts{auth.NewIAMServiceSingle(account(keys[0])), map[string]auth.Account{}}
	for _, one := range keys[1:] {
		all.others[one.AccessKeyID] = account(one)
	}
	return all
}

func account(c Credentials) auth.Account {
	return auth.Account{Access: c.AccessKeyID, Secret: c.SecretAccessKey, Role: auth.RoleAdmin}
}

// GetUserAccount is auth.IAMService's.
func (a accounts) GetUserAccount(id string) (auth.Account, error) {
	if one, ok := a.others[id]; ok {
		return one, nil
	}
	return a.IAMService.GetUserAccount(id)
}

// ensureBucket makes a private bucket where it is not there.
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
