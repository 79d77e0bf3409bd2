#!/usr/bin/env bash
# Builds the image without a registry, where there is Debian, buildah and root: a stand-in of the base image is made by
# debootstrap once, and the Dockerfile is built on it. Words given are passed to `buildah bud`.
#     image.sh [--build-arg COMPILE=0] [-v /etc/pip.conf:/etc/pip.conf:ro]
set -euo pipefail
cd "$(dirname "$0")/../.."
base=docker.io/library/python:3.11-slim-bookworm
buildah=(buildah --storage-driver vfs)
if ! "${buildah[@]}" inspect --type image "$base" > /dev/null 2>&1; then
  root=$(mktemp -d)
  trap 'rm -rf "$root"' EXIT
  debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv,python3-dev bookworm "$root"
  ln -s /usr/bin/python3 "$root/usr/local/bin/python"
  made=$("${buildah[@]}" from scratch)
  "${buildah[@]}" add -q "$made" "$root" /
  "${buildah[@]}" config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$made"
  "${buildah[@]}" commit -q "$made" "$base"
  "${buildah[@]}" rm "$made" > /dev/null
fi
"${buildah[@]}" bud --isolation chroot --pull-never --network host -t waf-sidecar:e2e "$@" .
