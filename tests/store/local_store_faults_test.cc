// Targets that go away, fill up, refuse or lose their writer.
#include <doctest/doctest.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/units.h"
#include "store/host.h"
#include "store/local_store.h"
#include "support/scratch_dir.h"
#include "support/thrown_error.h"

using namespace coppice;
using namespace coppice::test;
namespace fs = std::filesystem;

namespace {

bool run(const std::string& command) {
  return ::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

/// A 16 MiB ext4 file system of its own, if this machine lets the test have one.
class LoopMount {
 public:
  LoopMount()
      : is_mounted_(::getuid() == 0 &&
                    run("truncate -s 16M " + image_ + " && mkfs.ext4 -qF " + image_ + " && mkdir " +
                        path_ + " && mount -o loop " + image_ + " " + path_)) {}
  ~LoopMount() {
    if (is_mounted_) run("umount " + path_);
  }
  LoopMount(const LoopMount&) = delete;
  LoopMount& operator=(const LoopMount&) = delete;

  bool is_mounted() const { return is_mounted_; }
  const std::string& path() const { return path_; }

 private:
  ScratchDir scratch_;
  std::string image_ = scratch_ / "image";
  std::string path_ = scratch_ / "mounted";
  bool is_mounted_;
};

/// A child process that holds an unfinished upload in the store until it is killed.
class Uploader {
 public:
  explicit Uploader(const std::string& store_path) {
    std::array<int, 2> ready{};
    REQUIRE(::pipe(ready.data()) == 0);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) upload_and_wait(store_path, ready[1]);
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~Uploader() { kill(); }
  Uploader(const Uploader&) = delete;
  Uploader& operator=(const Uploader&) = delete;

  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  [[noreturn]] static void upload_and_wait(const std::string& store_path, int ready) {
    const auto store = LocalStore::open(store_path);
    const auto upload = store->begin_upload();
    upload->append(as_bytes("half"));
    if (::write(ready, "x", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }

  pid_t pid_ = 0;
};

}  // namespace

TEST_CASE("every fsync of a put is made, in order, and its failure fails the object") {
  // The root (for tmp/), the file, the root (for packs/), packs/ (for 00/), and, once the name is
  // there, 00/.
  constexpr int kBeforeTheNameIsThere = 4;
  for (const bool is_put_if_absent : {false, true}) {
    for (int works = 0; works <= kBeforeTheNameIsThere + 1; ++works) {
      CAPTURE(is_put_if_absent);
      CAPTURE(works);
      const ScratchDir scratch;
      fs::create_directory(scratch / "repo");
      LocalStoreOptions options;
      options.quirks = {.fsync_errno = EIO, .real_fsyncs = works};
      const auto store = LocalStore::open(scratch / "repo", options);
      const auto put = [&] {
        if (!is_put_if_absent) return store->put("packs/00/a", as_bytes("x"));
        const bool is_new = store->put_if_absent("packs/00/a", as_bytes("x"));
        CHECK(is_new);
      };
      if (works > kBeforeTheNameIsThere) {
        put();
      } else {
        CHECK(kind_of(put) == ErrorKind::failed);
      }
      CHECK(store->size("packs/00/a").has_value() == (works >= kBeforeTheNameIsThere));
      CHECK(fs::is_empty(scratch / "repo/tmp"));
    }
  }
}

TEST_CASE("a directory left by a process that was killed before its fsync is synced") {
  const ScratchDir scratch;
  fs::create_directories(scratch / "repo/packs/00");
  LocalStoreOptions options;
  options.quirks = {.fsync_errno = EIO, .real_fsyncs = 3};
  const auto store = LocalStore::open(scratch / "repo", options);
  CHECK(kind_of([&] { store->put("packs/00/a", as_bytes("x")); }) == ErrorKind::failed);
  CHECK_FALSE(store->size("packs/00/a"));
}

TEST_CASE("an upload is of no use after an error") {
  const ScratchDir scratch;
  const auto store = LocalStore::create(scratch / "repo");
  const auto upload = store->begin_upload();
  upload->append(as_bytes("x"));
  fs::remove_all(scratch / "repo/tmp");
  CHECK(kind_of([&] { upload->commit("a"); }) == ErrorKind::failed);
  CHECK(kind_of([&] { upload->append({}); }) == ErrorKind::failed);
  CHECK(kind_of([&] { upload->commit("a"); }) == ErrorKind::failed);
  CHECK(store->list("").empty());
}

TEST_CASE("a file system that cannot fsync or chmod is warned of once and used") {
  const ScratchDir scratch;
  std::vector<std::string> warnings;
  LocalStoreOptions options;
  options.warn = [&](const std::string& warning) { warnings.push_back(warning); };
  options.quirks = {.fsync_errno = EINVAL, .chmod_errno = EPERM};
  const auto store = LocalStore::create(scratch / "repo", options);
  for (const char* name : {"a", "b", "packs/00/c"}) store->put(name, as_bytes("x"));
  CHECK(store->put_if_absent("log/0", as_bytes("x")));
  CHECK(store->list("").size() == 4);
  REQUIRE(warnings.size() == 2);
  CHECK(warnings[0].find("modes") != std::string::npos);
  CHECK(warnings[1].find("fsync") != std::string::npos);
}

TEST_CASE("a target removed under us gives errors and is not made again") {
  const ScratchDir scratch;
  const auto store = LocalStore::create(scratch / "repo");
  store->put("header", as_bytes("x"));
  fs::remove_all(scratch / "repo");
  CHECK(kind_of([&] { store->put("a", {}); }) == ErrorKind::failed);
  CHECK(kind_of([&] { store->put_if_absent("log/0", {}); }) == ErrorKind::failed);
  CHECK(kind_of([&] { store->size("header"); }) == ErrorKind::failed);
  CHECK(kind_of([&] { store->size("log/0"); }) == ErrorKind::failed);
  CHECK(kind_of([&] { store->read_all("header", 1); }) == ErrorKind::failed);
  CHECK(kind_of([&] { store->list(""); }) == ErrorKind::failed);
  CHECK(kind_of([&] { store->remove("header"); }) == ErrorKind::failed);
  CHECK_FALSE(fs::exists(scratch / "repo"));
}

TEST_CASE("a target swapped under us stays untouched") {
  const ScratchDir scratch;
  const auto store = LocalStore::create(scratch / "repo");
  fs::rename(scratch / "repo", scratch / "moved");
  fs::create_directory(scratch / "repo");
  store->put("packs/00/a", as_bytes("x"));
  CHECK(store->put_if_absent("log/0", as_bytes("x")));
  CHECK(fs::is_empty(scratch / "repo"));
  CHECK(LocalStore::open(scratch / "moved")->list("").size() == 2);
}

TEST_CASE("the temporaries of a killed process are removed, those of a living one are not") {
  const ScratchDir scratch;
  const auto store = LocalStore::create(scratch / "repo");
  CHECK(store->remove_stale_temporaries() == 0);
  Uploader uploader(scratch / "repo");
  CHECK(store->remove_stale_temporaries() == 0);
  uploader.kill();
  const auto own = store->begin_upload();
  CHECK(store->remove_stale_temporaries() == 1);
  own->commit("a");
  CHECK(fs::is_empty(scratch / "repo/tmp"));
}

TEST_CASE("temporaries of other hosts and strangers' files stay") {
  const ScratchDir scratch;
  const auto store = LocalStore::create(scratch / "repo");
  const std::string own = make_temporary_name();
  for (const std::string& name : {"0123456789abcdef" + own.substr(16), std::string("note"),
                                  own.substr(0, 17), own.substr(0, 17) + "x-1", own}) {
    std::ofstream(scratch / ("repo/tmp/" + name)) << "x";
  }
  CHECK(store->remove_stale_temporaries() == 1);
  CHECK_FALSE(fs::exists(scratch / ("repo/tmp/" + own)));
}

TEST_CASE("a full target is told as such, keeps what it has and works again when there is room") {
  const LoopMount disk;
  if (!disk.is_mounted()) {
    MESSAGE("skipped: needs root and loop mounts");
    return;
  }
  const auto store = LocalStore::create(disk.path() + "/repo");
  const Bytes pack(kMiB, 0x5a);
  int stored = 0;
  const Error error = error_of([&] {
    for (;; ++stored) store->put("packs/00/" + std::to_string(stored), pack);
  });
  CHECK(error.kind() == ErrorKind::no_space);
  CHECK(std::string(error.what()).find(disk.path()) != std::string::npos);
  CHECK(std::string(error.what()).find("prune") != std::string::npos);
  CHECK(stored > 4);
  CHECK(store->list("packs/").size() == static_cast<std::size_t>(stored));
  CHECK(fs::is_empty(disk.path() + "/repo/tmp"));
  CHECK(kind_of([&] { store->put_if_absent("log/0", pack); }) == ErrorKind::no_space);
  CHECK_FALSE(store->size("log/0"));
  CHECK(store->remove("packs/00/0"));
  CHECK(store->put_if_absent("log/0", as_bytes("room")));
  CHECK(store->read_all("packs/00/1", kMiB) == pack);
}

TEST_CASE("a read-only mount can be read, and writing to it is an error") {
  const LoopMount disk;
  if (!disk.is_mounted()) {
    MESSAGE("skipped: needs root and loop mounts");
    return;
  }
  LocalStore::create(disk.path() + "/repo")->put("packs/00/a", as_bytes("x"));
  REQUIRE(run("mount -o remount,ro " + disk.path()));
  const auto store = LocalStore::open(disk.path() + "/repo");
  CHECK(store->read_all("packs/00/a", 1).size() == 1);
  CHECK(store->list("").size() == 1);
  CHECK(kind_of([&] { store->put("a", {}); }) == ErrorKind::failed);
  CHECK(kind_of([&] { store->put_if_absent("a", {}); }) == ErrorKind::failed);
  CHECK(kind_of([&] { store->remove("packs/00/a"); }) == ErrorKind::failed);
}
