#!/usr/bin/env bash
# Finds ONNX Runtime's shared library and prints its path. It is, in this order: $ONNXRUNTIME_LIB_PATH; the one that the system's linker finds;
# the one in the cache folder; else the one out of pip's wheel or npm's package, fetched into the cache folder once. A fetched library
# is used only if its SHA-256 is the pinned one. Needs python3 with pip, or npm with tar.
set -euo pipefail

version=1.31.1      # ort.Version; a test compares them
npm_version=1.30.0  # npm has no 1.31.1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/maas/onnxruntime/$version

case $(uname -s)-$(uname -m) in
Linux-x86_64)
  machine=x86_64 npm_machine=x64
  pip_sum=fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3
  npm_sum=ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23
  ;;
Linux-aarch64)
  machine=aarch64 npm_machine=arm64
  pip_sum=8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467
  npm_sum=1f549d46250b005580b597f4164984aaf75b3bcb9f3aeb07c7f8a8fe60b23c76
  ;;
*)
  echo "library.sh: no pinned ONNX Runtime for $(uname -s) on $(uname -m): install it and set ONNXRUNTIME_LIB_PATH" >&2
  exit 1
  ;;
esac

main() {
  if [[ -n ${ONNXRUNTIME_LIB_PATH:-} ]]; then
    [[ -f $ONNXRUNTIME_LIB_PATH ]] || fail "ONNXRUNTIME_LIB_PATH is $ONNXRUNTIME_LIB_PATH, which is no file"
    echo "$ONNXRUNTIME_LIB_PATH"
  elif found=$(system_library); then
    echo "$found"
  elif found=$(cached_library); then
    echo "$found"
  else
    fetch
    cached_library
  fi
}

# system_library prints the path of the one that the linker knows.
system_library() {
  PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | awk '/libonnxruntime\.so/ {print $NF; found = 1; exit} END {exit !found}'
}

cached_library() {
  local file
  for file in "$cache"/libonnxruntime.so.*; do
    if [[ -f $file ]]; then
      echo "$file"
      return
    fi
  done
  return 1
}

fetch() {
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  from_pip || from_npm || fail "neither pip nor npm gave the library (their messages are above)"
}

from_pip() {
  local platform="manylinux_2_28_$machine"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --implementation cp --python-version 3.12 \
    --platform "$platform" --platform "manylinux_2_27_$machine" --dest "$scratch" "onnxruntime==$version" >&2 || return 1
  python3 - "$scratch" "libonnxruntime.so.$version" <<'PYTHON' || return 1
import pathlib, sys, zipfile
folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
    (folder / name).write_bytes(wheel.read("onnxruntime/capi/" + name))
PYTHON
  keep "$scratch/libonnxruntime.so.$version" "$version" "$pip_sum"
}

from_npm() {
  (cd "$scratch" && npm pack --silent "onnxruntime-node@$npm_version" >&2 && tar -xzf onnxruntime-node-*.tgz) || return 1
  local file
  for file in "$scratch"/package/bin/napi-v*/linux/"$npm_machine"/libonnxruntime.so*; do
    [[ -f $file ]] && keep "$file" "$npm_version" "$npm_sum" && return
  done
  return 1
}

# keep checks a library and puts it into the cache in one step, so that nobody ever finds half of it there.
keep() {
  local file=$1 release=$2 want=$3 got
  got=$(sha256sum "$file" | cut -d' ' -f1)
  [[ $got == "$want" ]] || fail "$(basename "$file") has the SHA-256 $got, and not the pinned $want"
  mkdir -p "$cache"
  cp "$file" "$cache/.fetched.$$"
  mv "$cache/.fetched.$$" "$cache/libonnxruntime.so.$release"
}

fail() {
  echo "library.sh: $*" >&2
  exit 1
}

main
