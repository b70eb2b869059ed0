package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/url"
	"path"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// An S3 is a Store in a bucket of any service that speaks S3.
type S3 struct {
	client         *minio.Client
	bucket, prefix string
}

// NewS3 keeps everything in an existing bucket, which address names as
// s3://bucket/prefix?endpoint=https://host:port&region=name. Prefix and region
// may be missing; an endpoint without https:// is spoken to in the clear only
// if it says http://.
func NewS3(address, accessKey, secretKey string) (*S3, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "s3" || u.Host == "" || u.User != nil {
		// The error would repeat an address that may hold a password.
		return nil, errors.New("media: S3 address is not s3://bucket/prefix?endpoint=https://host&region=name")
	}
	endpoint, secure := u.Query().Get("endpoint"), true
	if host, ok := strings.CutPrefix(endpoint, "http://"); ok {
		endpoint, secure = host, false
	}
	endpoint = strings.TrimSuffix(strings.TrimPrefix(endpoint, "https://"), "/")
	if endpoint == "" {
		return nil, errors.New("media: S3 address lacks ?endpoint=https://host")
	}
	client, err := minio.New(endpoint, &minio.Options{
		Creds:  credentials.NewStaticV4(accessKey, secretKey, ""),
		Secure: secure,
		Region: u.Query().Get("region"),
	})
	if err != nil {
		return nil, fmt.Errorf("media: S3: %w", err)
	}
	return &S3{client, u.Host, strings.Trim(u.Path, "/")}, nil
}

func (s *S3) Put(ctx context.Context, name string, r io.Reader, size int64) error {
	key, err := s.key(name)
	if err != nil {
		return err
	}
	kind := mime.TypeByExtension(path.Ext(name))
	if kind == "" {
		kind = "application/octet-stream"
	}
	info, err := s.client.PutObject(ctx, s.bucket, key, r, size, minio.PutObjectOptions{ContentType: kind})
	if err == nil && info.Size != size {
		err = fmt.Errorf("%d bytes came, not %d", info.Size, size)
	}
	if err != nil {
		return fmt.Errorf("media: put %s: %w", name, err)
	}
	return nil
}

func (s *S3) Open(ctx context.Context, name string) (File, error) {
	key, err := s.key(name)
	if err != nil {
		return File{}, err
	}
	object, err := s.client.GetObject(ctx, s.bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return File{}, fmt.Errorf("media: open %s: %w", name, err)
	}
	info, err := object.Stat()
	if err != nil {
		if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
			err = fs.ErrNotExist
		}
		return File{}, errors.Join(fmt.Errorf("media: open %s: %w", name, err), object.Close())
	}
	return File{object, info.Size, info.LastModified}, nil
}

func (s *S3) Delete(ctx context.Context, name string) error {
	key, err := s.key(name)
	if err != nil {
		return err
	}
	if err := s.client.RemoveObject(ctx, s.bucket, key, minio.RemoveObjectOptions{}); err != nil {
		return fmt.Errorf("media: delete %s: %w", name, err)
	}
	return nil
}

func (s *S3) key(name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	return path.Join(s.prefix, name), nil
}
