#include "store/local_store.h"

#include <doctest/doctest.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "support/scratch_dir.h"
#include "support/store_contract.h"
#include "support/thrown_error.h"

using namespace coppice;
using namespace coppice::test;
namespace fs = std::filesystem;

namespace {

constexpr const char* kPack = "packs/3f/3f2a";

mode_t mode_of(const std::string& path) {
  struct stat facts {};
  REQUIRE(::lstat(path.c_str(), &facts) == 0);
  return facts.st_mode & 07777;
}

void write_file(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::size_t count_entries(const std::string& path) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(path), fs::directory_iterator()));
}

/// Sets the process's umask while it lives.
class Umask {
 public:
  explicit Umask(mode_t mask) : before_(::umask(mask)) {}
  ~Umask() { ::umask(before_); }
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;

 private:
  mode_t before_;
};

/// Makes a store in a new directory of `scratch` each time.
void check_contract_with(const LocalStoreOptions& options) {
  const ScratchDir scratch;
  int count = 0;
  check_store_contract(
      [&] { return LocalStore::create(scratch / std::to_string(count++), options); });
  for (int at = 0; at < count; ++at) {
    CHECK(count_entries(scratch / (std::to_string(at) + "/tmp")) == 0);
  }
}

}  // namespace

TEST_CASE("a local store keeps the store contract and leaves no temporary files") {
  check_contract_with({});
}

TEST_CASE("without link the contract holds through RENAME_NOREPLACE") {
  LocalStoreOptions options;
  options.quirks.link_errno = EPERM;
  check_contract_with(options);
  for (const int errno_value : {ENOSYS, EOPNOTSUPP, EMLINK}) {
    const ScratchDir scratch;
    options.quirks.link_errno = errno_value;
    const auto store = LocalStore::create(scratch / "repo", options);
    CHECK(store->put_if_absent("log/0", as_bytes("x")));
    CHECK_FALSE(store->put_if_absent("log/0", as_bytes("y")));
  }
}

TEST_CASE("with neither link nor RENAME_NOREPLACE the contract holds on one host, with a warning") {
  const ScratchDir locks;
  int warnings = 0;
  LocalStoreOptions options;
  options.quirks = {.link_errno = EPERM, .rename_noreplace_errno = EINVAL};
  check_contract_with(options);
  LocalStoreOptions unlockable = options;
  unlockable.quirks.flock_errno = ENOLCK;
  unlockable.lock_dir = locks.path().string();
  check_contract_with(unlockable);

  const ScratchDir scratch;
  options.warn = [&](const std::string& warning) {
    CHECK(warning.find("one host only") != std::string::npos);
    ++warnings;
  };
  const auto store = LocalStore::create(scratch / "repo", options);
  CHECK(store->put_if_absent("log/0", as_bytes("x")));
  CHECK(store->put_if_absent("log/1", as_bytes("x")));
  CHECK(warnings == 1);
}

TEST_CASE("a name that another process gave is synced on demand, or its sync fails") {
  const ScratchDir scratch;
  LocalStore::create(scratch / "repo");
  fs::create_directories(scratch / "repo/packs/3f");
  write_file(scratch / "repo/packs/3f/3f2a", "x");
  LocalStore::open(scratch / "repo", {})->make_durable(kPack);
  const auto failing = LocalStore::open(scratch / "repo", {.quirks = {.fsync_errno = EIO}});
  CHECK(kind_of([&] { failing->make_durable(kPack); }) == ErrorKind::failed);
}

TEST_CASE("those who stand in for the file system exclude each other wherever their state lies") {
  const ScratchDir scratch;
  const ScratchDir locks;
  LocalStoreOptions options;
  options.quirks = {.link_errno = EPERM, .rename_noreplace_errno = EINVAL};
  LocalStore::create(scratch / "repo", options);
  constexpr int kStores = 8;
  for (int round = 0; round < 20; ++round) {
    const std::string name = "log/" + std::to_string(round);
    std::atomic<int> winners{0};
    std::vector<std::thread> threads;
    for (int me = 0; me < kStores; ++me) {
      threads.emplace_back([&, me] {
        LocalStoreOptions own = options;
        own.lock_dir = locks / std::to_string(me);
        fs::create_directories(own.lock_dir);
        const auto store = LocalStore::open(scratch / "repo", own);
        if (store->put_if_absent(name, as_bytes("x"))) ++winners;
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(winners == 1);
  }
}

TEST_CASE("without link, RENAME_NOREPLACE, flock and a lock directory put_if_absent is an error") {
  const ScratchDir scratch;
  const auto store = LocalStore::create(
      scratch / "repo",
      {.quirks = {.link_errno = EPERM, .rename_noreplace_errno = ENOSYS, .flock_errno = ENOLCK}});
  CHECK(kind_of([&] { store->put_if_absent("log/0", {}); }) == ErrorKind::failed);
  CHECK(store->list("").empty());
}

TEST_CASE("a directory that is not there or no directory is no repository") {
  const ScratchDir scratch;
  write_file(scratch / "file", "x");
  CHECK(kind_of([&] { LocalStore::open(scratch / "absent"); }) == ErrorKind::no_repository);
  CHECK(kind_of([&] { LocalStore::open(scratch / "file"); }) == ErrorKind::no_repository);
}

TEST_CASE("a store is made only in an absent or empty directory whose parent is there") {
  const ScratchDir scratch;
  CHECK(kind_of([&] { LocalStore::create(scratch / "unmounted/repo"); }) == ErrorKind::failed);
  CHECK_FALSE(fs::exists(scratch / "unmounted"));
  fs::create_directories(scratch / "full/of.things");
  const Error error = error_of([&] { LocalStore::create(scratch / "full"); });
  CHECK(error.kind() == ErrorKind::failed);
  CHECK(std::string(error.what()).find("not empty") != std::string::npos);
  fs::create_directories(scratch / "disk/lost+found");
  LocalStore::create(scratch / "disk")->put("header", as_bytes("x"));
  CHECK(LocalStore::open(scratch / "disk")->size("header") == 1);
}

TEST_CASE("files and directories are private whatever the umask is") {
  const ScratchDir scratch;
  const Umask open_to_all(0);
  const auto store = LocalStore::create(scratch / "repo");
  store->put(kPack, as_bytes("x"));
  CHECK(store->put_if_absent("log/0", as_bytes("x")));
  for (const char* directory : {"repo", "repo/tmp", "repo/packs", "repo/packs/3f", "repo/log"}) {
    CAPTURE(directory);
    CHECK(mode_of(scratch / directory) == 0700);
  }
  CHECK(mode_of(scratch / "repo/packs/3f/3f2a") == 0400);
  CHECK(mode_of(scratch / "repo/log/0") == 0400);
}

TEST_CASE(
    "a shared group reads and writes whatever the umask is, also after the store is reopened") {
  const ScratchDir scratch;
  const Umask closed_to_all(0077);
  const gid_t group = ::getuid() == 0 ? 1 : ::getgid();
  LocalStore::create(scratch / "repo", {}, group)->put("log/0", as_bytes("x"));
  LocalStore::open(scratch / "repo")->put(kPack, as_bytes("x"));
  for (const char* directory : {"repo", "repo/tmp", "repo/packs", "repo/packs/3f", "repo/log"}) {
    CAPTURE(directory);
    CHECK(mode_of(scratch / directory) == 02770);
  }
  struct stat facts {};
  REQUIRE(::stat((scratch / "repo/packs/3f/3f2a").c_str(), &facts) == 0);
  CHECK((facts.st_mode & 07777) == 0440);
  CHECK(facts.st_gid == group);
  CHECK(mode_of(scratch / "repo/log/0") == 0440);
}

TEST_CASE("strangers' files, links and unfinished uploads are not listed") {
  const ScratchDir scratch;
  const auto store = LocalStore::create(scratch / "repo");
  store->put("packs/00/a", as_bytes("x"));
  for (const char* name : {"packs/00/A", "packs/.x", "packs/x~", "Thumbs.db", "tmp/left"}) {
    write_file(scratch / (std::string("repo/") + name), "y");
  }
  fs::create_symlink("a", scratch / "repo/packs/00/b");
  fs::create_directories(scratch / "repo/lost+found");
  const auto upload = store->begin_upload();
  CHECK(store->list("") == std::vector<ObjectInfo>{{"packs/00/a", 1}});
  CHECK(store->names("") == std::vector<std::string>{"packs/00/a"});
}

TEST_CASE("no symlink is followed and no FIFO is waited for") {
  const ScratchDir scratch;
  const auto store = LocalStore::create(scratch / "repo");
  fs::create_directories(scratch / "elsewhere");
  write_file(scratch / "elsewhere/0", "secret");
  fs::create_directory_symlink(scratch / "elsewhere", scratch / "repo/log");
  fs::create_symlink(scratch / "elsewhere/0", scratch / "repo/header");
  REQUIRE(::mkfifo((scratch / "repo/fifo").c_str(), 0600) == 0);
  Bytes byte(1);
  for (const char* name : {"log/0", "header", "fifo"}) {
    CAPTURE(name);
    CHECK(kind_of([&] { store->read(name, 0, byte); }) == ErrorKind::damaged);
  }
  CHECK(kind_of([&] { store->size("log/0"); }) == ErrorKind::damaged);
  CHECK(store->size("header") == 0);
  CHECK(store->size("fifo") == 0);
  CHECK(kind_of([&] { store->put("log/1", byte); }) == ErrorKind::failed);
  CHECK(count_entries(scratch / "elsewhere") == 1);
  CHECK(count_entries(scratch / "repo/tmp") == 0);
}

TEST_CASE("a store opened for reading only is never written to") {
  const ScratchDir scratch;
  fs::create_directories(scratch / "repo");
  write_file(scratch / "repo/header", "x");
  const auto store = LocalStore::open(scratch / "repo", {.read_only = true});
  CHECK(store->read_all("header", 1).size() == 1);
  CHECK(store->list("").size() == 1);
  CHECK(kind_of([&] { store->put("a", {}); }) == ErrorKind::refused);
  CHECK(kind_of([&] { store->put_if_absent("a", {}); }) == ErrorKind::refused);
  CHECK(kind_of([&] { store->remove("header"); }) == ErrorKind::refused);
  CHECK(kind_of([&] { store->remove_stale_temporaries(); }) == ErrorKind::refused);
  CHECK(count_entries(scratch / "repo") == 1);
}

TEST_CASE("a store copied without its empty directories works on") {
  const ScratchDir scratch;
  fs::create_directories(scratch / "repo");
  const auto store = LocalStore::open(scratch / "repo");
  CHECK(count_entries(scratch / "repo") == 0);
  store->put(kPack, as_bytes("x"));
  CHECK(store->size(kPack) == 1);
}

TEST_CASE("reading many packs keeps few descriptors open") {
  const ScratchDir scratch;
  const auto store = LocalStore::create(scratch / "repo");
  const std::size_t before = count_entries("/proc/self/fd");
  for (int pack = 0; pack < 200; ++pack) {
    const std::string name = "packs/00/" + std::to_string(pack);
    store->put(name, as_bytes(name));
    CHECK(as_text(store->read_all(name, 99)) == name);
  }
  CHECK(count_entries("/proc/self/fd") == before + 64);
}
