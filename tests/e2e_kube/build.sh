#!/usr/bin/env bash
# Builds kube-apiserver 1.20 of Debian bookworm's own source package, for `make e2e-kube`: about six minutes on two
# cores, 3 GB of build tree. Needs a Debian machine with source packages enabled, and the right to install packages.
#     build.sh TARGET_DIR
set -euo pipefail
target=$(realpath -m "${1:?directory for the binaries}")
[ -x "$target/kube-apiserver" ] && { echo "already there: $target/kube-apiserver"; exit 0; }
mkdir -p "$target/src"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends golang-go dpkg-dev gcc libc6-dev make \
  rsync jq etcd-server golang-github-modern-go-reflect2-dev > /dev/null
cd "$target/src"
compgen -G "kubernetes-*/" > /dev/null || apt-get source -qq kubernetes
cd kubernetes-*/
# The vendored reflect2 1.0.1 crashes with Go >= 1.18 at the first call of a webhook; Debian's 1.0.2 does not.
rm vendor/github.com/modern-go/reflect2/*.go # files were renamed between the two
cp /usr/share/gocode/src/github.com/modern-go/reflect2/*.go /usr/share/gocode/src/github.com/modern-go/reflect2/*.s \
  vendor/github.com/modern-go/reflect2/
cat > ../version <<'V'
KUBE_GIT_COMMIT='faecb196815e248d3ecfb03c680a4507229c2a56'
KUBE_GIT_TREE_STATE='archive'
KUBE_GIT_VERSION='v1.20.2'
KUBE_GIT_MAJOR='1'
KUBE_GIT_MINOR='20'
V
export GOPATH=$PWD/.go GOFLAGS=-mod=vendor CGO_ENABLED=0 KUBE_BUILD_PLATFORMS=linux/amd64
export KUBE_GIT_VERSION_FILE=$target/src/version
mkdir -p .go/src/k8s.io
[ -L .go/src/k8s.io/kubernetes ] || ln -s ../../.. .go/src/k8s.io/kubernetes
make WHAT=cmd/kube-apiserver
cp _output/bin/kube-apiserver "$target/"
