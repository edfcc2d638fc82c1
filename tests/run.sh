#!/bin/sh
# Installs what it needs from Debian's packages, builds, and runs every test. A second run reuses all of it.
#   sh tests/run.sh            everything that CI runs
#   sh tests/run.sh --quick    release build and its tests only
#   sh tests/run.sh --tidy     the same and clang-tidy over all sources (some fifteen minutes, which CI does not have)
#   sh tests/run.sh --long     as --quick, and campaigns that take root, the network and some minutes
set -eu
cd "$(dirname "$0")/.."
. tests/support/packages.sh

passed=0
failed=0
mode=${1:-all}

say() { printf '\n== %s\n' "$*"; }

# step NAME COMMAND...: one line of the summary; a failing step does not stop the others.
step() {
  name=$1
  shift
  say "$name"
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $name"
  fi
}

summary() { printf '\n%d passed, %d failed\n' "$passed" "$failed"; }

# Without a build the steps after it would only repeat that it is missing.
stop_if_failed() {
  [ "$failed" = 0 ] && return 0
  summary
  exit 1
}

# build PRESET [CMAKE OPTIONS...]
build() {
  preset=$1
  shift
  cmake --preset "$preset" "$@" >/dev/null && cmake --build "build/$preset"
}

# start_build PRESET TARGETS [CMAKE OPTIONS...]: builds beside the steps that follow. Tests wait much, for the disk and for time to pass;
# what compiles meanwhile comes after them (nice), and is a group of processes of its own, so that nothing of it outlives this script.
building=""
start_build() {
  preset=$1
  targets=$2
  shift 2
  cmake --preset "$preset" "$@" >"build/$preset.log" || return 0
  # shellcheck disable=SC2086  # a list of names
  setsid nice -n 10 cmake --build "build/$preset" --target $targets >>"build/$preset.log" 2>&1 &
  building=$!
}
trap '[ -z "$building" ] || kill -- "-$building"' EXIT
trap 'exit 130' INT TERM

# has_built PRESET: waits for what start_build began, and prints its output.
has_built() {
  status=1
  [ -z "$building" ] || { wait "$building" && status=0 || status=$?; }
  building=""
  cat "build/$1.log"
  return "$status"
}

PIPELINES="task store repo backup restore verify"

# run_tests PRESET [CTEST OPTIONS...]: one more at a time than there are processors, because some always wait.
run_tests() {
  preset=$1
  shift
  ctest --test-dir "build/$preset" -j "$(($(nproc) + 1))" --output-on-failure "$@"
}

# Program, man page and completions lie where a package would put them, and the program runs from there.
install_is_complete() {
  rm -rf build/installed
  cmake --install build/release --prefix "$PWD/build/installed" >/dev/null &&
    [ -s build/installed/share/man/man1/coppice.1 ] &&
    [ -s build/installed/share/bash-completion/completions/coppice ] &&
    [ -s build/installed/share/zsh/site-functions/_coppice ] &&
    [ -s build/installed/share/fish/vendor_completions.d/coppice.fish ] &&
    build/installed/bin/coppice version
}

# The linker takes two classes of one name silently for one; those in anonymous namespaces are safe, and few.
class_names_are_unique() {
  twice=$(find lib cli -name '*.h' | xargs grep -hoE '^(class|struct) [A-Za-z]+( final)?[^;]*\{' |
    awk '{print $2}' | sort | uniq -d)
  [ -z "$twice" ] || { echo "defined in two headers: $twice"; return 1; }
}

format_is_clean() {
  find cli lib tests -name '*.cc' -o -name '*.h' | xargs clang-format --dry-run -Werror
}

# clang-tidy takes minutes, so an unchanged tree is not judged twice.
tidy_is_clean() {
  state=$(find cli lib .clang-tidy -type f | sort | xargs cat | sha256sum)
  [ -f build/tidy.state ] && [ "$(cat build/tidy.state)" = "$state" ] && echo "unchanged since it was clean" && return 0
  find cli lib -name '*.cc' | sort | xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p build/release 2>build/tidy.log >build/tidy.out ||
    { cat build/tidy.out; return 1; }
  echo "$state" >build/tidy.state
}

# shellcheck disable=SC2086  # lists of names
install_packages $BUILD_PACKAGES $TEST_PACKAGES
# shellcheck disable=SC2086
[ "$mode" = --long ] && install_packages $LONG_TEST_PACKAGES

step "release build (g++)" build release
stop_if_failed
[ "$mode" = all ] && start_build asan all -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_C_COMPILER=clang
step "tests" run_tests release
step "an index of 10,000,000 chunks" python3 tests/bench/index_scale.py --coppice build/release/cli/coppice \
  --bench build/release/tests/bench/index_bench --chunks 10000000
step "installation" install_is_complete
step "class names" class_names_are_unique
step "formatting" format_is_clean
[ "$mode" = --tidy ] && step "clang-tidy" tidy_is_clean
if [ "$mode" = all ]; then
  step "ASan and UBSan build (clang++)" has_built asan
  stop_if_failed
  start_build tsan "$(printf 'test_%s ' $PIPELINES)"
  step "tests under ASan and UBSan" run_tests asan
  step "TSan build of the pipelines (g++)" has_built tsan
  stop_if_failed
  # Tests that go on as another user in a child process start threads there.
  TSAN_OPTIONS="die_after_fork=0 suppressions=$PWD/tests/support/tsan.supp"
  export TSAN_OPTIONS
  step "tests of the pipelines under TSan" run_tests tsan -R "^($(echo $PIPELINES | tr ' ' '|'))\$"
fi

if [ "$mode" = --long ]; then
  step "stress: 50 backups and 50 restores of trees that change" python3 tests/long/stress_test.py build/release/cli/coppice
  step "2,000,000 entries, a file of 20 GiB" python3 tests/long/scale_test.py build/release/cli/coppice --entries 2000000 --long
  step "an index of 100,000,000 chunks" python3 tests/bench/index_scale.py --coppice build/release/cli/coppice \
    --bench build/release/tests/bench/index_bench --chunks 100000000
  step "collection: the whole model, ten years of hourly backups" build/release/tests/test_prune --no-skip
  step "ten thousand snapshots" python3 tests/bench/many_snapshots.py --coppice build/release/cli/coppice \
    --test build/release/tests/test_retention
  step "bad sectors under a repository" python3 tests/long/damage_drill.py build/release/cli/coppice 768
  step "a Debian root file system" python3 tests/long/debian_test.py build/release/cli/coppice
  step "the same tree through the peers" python3 tests/long/compare_peers.py build/release/cli/coppice
  step "100,000 states after power cuts, every byte flipped" env COPPICE_LONG_TESTS=1 build/release/tests/test_crash
  step "SIGKILL and errors at every system call that writes" python3 tests/long/kill_test.py build/release/cli/coppice
  step "power cuts on ext4, xfs and btrfs" python3 tests/long/power_cut_test.py build/release/cli/coppice
  step "sixteen writers on a disk, sshfs and CephFS" python3 tests/long/writers_test.py build/release/cli/coppice
  step "golden repositories on arm64 and s390x" python3 tests/long/foreign_test.py build/foreign
  step "fuzzers, a minute each" python3 tests/long/fuzz_test.py build/fuzz 60
fi

summary
[ "$failed" = 0 ]
