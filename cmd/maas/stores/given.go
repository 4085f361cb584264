package stores

import (
	"strings"

	"github.com/17882237881/MaaS/shared/settings"
)

// given is what the environment says of servers that run already.
type given struct {
	DatabaseURL        string `env:"DATABASE_URL"`
	MigrateDatabaseURL string `env:"MIGRATE_DATABASE_URL"`
	RedisURL           string `env:"REDIS_URL"`
	RedisCA            string `env:"REDIS_CA"`
	S3Endpoint         string `env:"S3_ENDPOINT"`
	S3CA               string `env:"S3_CA"`
	S3Bucket           string `env:"S3_BUCKET" envDefault:"maas"`
	S3Region           string `env:"S3_REGION" envDefault:"us-east-1"`
	S3AccessKeyID      string `env:"S3_ACCESS_KEY_ID"`
	S3SecretAccessKey  string `env:"S3_SECRET_ACCESS_KEY"`
	S3ReaderID         string `env:"S3_READER_ACCESS_KEY_ID"`
	S3ReaderSecret     string `env:"S3_READER_SECRET_ACCESS_KEY"`
}

// readGiven returns what an environment of "NAME=value" says of servers that run already.
func readGiven(environment []string) (given, error) {
	vars := make(map[string]string, len(environment))
	for _, pair := range environment {
		name, value, _ := strings.Cut(pair, "=")
		vars[name] = value
	}
	var g given
	err := settings.New("stores", vars).Config(&g)
	return g, err
}
