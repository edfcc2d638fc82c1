#!/bin/sh
# Two minutes from a bare Debian 12 to a restored directory: installs what it needs, builds coppice, then backs up,
# loses, restores and verifies a real directory. Leaves nothing behind but build/quickstart.
set -eu
cd "$(dirname "$0")/.."
. tests/support/packages.sh

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() {
  printf '$ %s\n' "$*"
  "$@"
}

say "1. What it needs, from Debian's packages"
# shellcheck disable=SC2086  # a list of names
install_packages $BUILD_PACKAGES
echo "all there"

say "2. Build (once; later runs reuse it)"
cmake -S . -B build/quickstart -G Ninja -DCMAKE_BUILD_TYPE=Release -DCOPPICE_TESTS=OFF >/dev/null
cmake --build build/quickstart
PATH="$PWD/build/quickstart/cli:$PATH"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/coppice-quickstart.XXXXXX")
trap 'rm -rf "$scratch"' EXIT INT TERM
export COPPICE_REPOSITORY="$scratch/repository"
export COPPICE_PASSWORD="correct horse battery staple"
export COPPICE_STATE_DIR="$scratch/state"
export COPPICE_CACHE_DIR="$scratch/cache"

say "3. A directory worth keeping: a copy of this source tree"
mkdir "$scratch/work"
cp -a lib docs README.md "$scratch/work/"
echo "$(find "$scratch/work" -type f | wc -l) files"

say "4. A repository, and a first backup"
show coppice init
show coppice backup "$scratch/work"

say "5. Something changes; the next backup stores only that"
echo "a line that was not there before" >>"$scratch/work/README.md"
show coppice backup "$scratch/work"
show coppice snapshots

say "6. The disaster"
cp -a "$scratch/work" "$scratch/as-it-was"
show rm -rf "$scratch/work"

say "7. The way back"
show coppice restore "latest:$scratch/work" --target "$scratch/work"
diff -r "$scratch/as-it-was" "$scratch/work"
echo "every file is back, byte for byte"

say "8. Is the repository whole? Every byte of it is read for this"
show coppice verify --read-data
show coppice verify --keyless

say "What you would try next"
cat <<'TEXT'
  export PATH="$PWD/build/quickstart/cli:$PATH"      # or: cmake --install build/quickstart
  coppice -r /mnt/backup/repository init             # a repository on your own disk; it asks for a passphrase
  coppice -r /mnt/backup/repository backup /etc /home
  coppice -r /mnt/backup/repository ls latest /etc
  coppice -r /mnt/backup/repository restore latest:/etc -t /tmp/etc
  coppice -r /mnt/backup/repository key export > key-sheet.json   # keep it somewhere else: it opens the
                                                                  # repository when its own header is lost
  coppice backup --help
TEXT
