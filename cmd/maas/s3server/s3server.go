// Package s3server is the S3 server of one machine: versitygw's, on a folder, made to survive SIGKILL and power cuts.
//
// It runs in a process of its own (`maas s3-server`), because versitygw changes the working directory and allows one gateway per
// process. What it adds to versitygw v1.8.0, each seen to lose data without (the tests kill the real server at those moments):
//
//   - metadata in sidecar files: in one extended attribute the offsets of 900 parts overflow on ext4 (New);
//   - an interrupted Complete is undone or finished before the server starts (recover);
//   - an attribute of what is not there is not there either: else an If-None-Match is refused for ever after a crash (metadata);
//   - parts and objects are on the disk before they are acknowledged, and before the parts they were made of go (store);
//   - a part cannot slip into an upload that is being completed, and no Complete succeeds without an object (store).
package s3server
