# Sourced by tests/run.sh and examples/quickstart.sh: installs from Debian's packages what is not installed yet.

BUILD_PACKAGES="g++ cmake ninja-build pkg-config libssl-dev libzstd-dev libcli11-dev libfmt-dev libisal-dev
                nlohmann-json3-dev"
TEST_PACKAGES="doctest-dev clang clang-tidy clang-format libclang-rt-14-dev python3 python3-cryptography zstd b3sum
               openssl strace e2fsprogs xfsprogs btrfs-progs sshfs openssh-sftp-server util-linux gcc libc6-dev git"
LONG_TEST_PACKAGES="debootstrap restic borgbackup ceph-mon ceph-mgr ceph-osd ceph-mds ceph-fuse ceph-common
                    g++-aarch64-linux-gnu g++-s390x-linux-gnu qemu-user-static"

is_installed() {
  dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'
}

# BLAKE3 is a library of its own from Debian 13 on; Debian 12 has its sources inside a Rust package.
blake3_package() {
  if apt-cache show libblake3-dev >/dev/null 2>&1; then echo libblake3-dev; else echo librust-blake3-dev; fi
}

# install_packages NAME...: does nothing, and needs no rights, if all are there.
install_packages() {
  missing=""
  for package in "$@"; do
    is_installed "$package" || missing="$missing $package"
  done
  is_installed libblake3-dev || is_installed librust-blake3-dev || missing="$missing BLAKE3"
  [ -z "$missing" ] && return 0
  as_root=""
  [ "$(id -u)" = 0 ] || as_root=sudo
  $as_root apt-get update -qq
  case "$missing" in *BLAKE3*) missing="${missing% BLAKE3} $(blake3_package)" ;; esac
  echo "installing:$missing"
  # shellcheck disable=SC2086  # a list of names
  DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
}
