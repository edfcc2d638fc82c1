#include <doctest/doctest.h>
#include <fcntl.h>

#include "fs/fd.h"
#include "prune_world.h"
#include "restore/dump.h"
#include "restore/restore.h"
#include "support/repository_objects.h"
#include "verify/verify.h"

/// Readers that a collector overtakes: nobody waits for them, so what they read may be moved and
/// removed between any two of their reads. They look for it anew before they call it missing.
namespace coppice::test {
namespace {

/// Calls `meanwhile` before its n-th read of an object.
class OvertakenStore final : public Store {
 public:
  OvertakenStore(Store& inner, std::uint64_t at, std::function<void()> meanwhile)
      : inner_(inner), at_(at), meanwhile_(std::move(meanwhile)) {}

  bool is_hit() const { return is_hit_; }
  std::uint64_t reads() const { return reads_; }

  std::unique_ptr<Upload> begin_upload() override { return inner_.begin_upload(); }
  bool put_if_absent(const std::string& name, ByteView bytes) override {
    return inner_.put_if_absent(name, bytes);
  }
  std::optional<std::uint64_t> size(const std::string& name) override { return inner_.size(name); }
  void read(const std::string& name, std::uint64_t offset, MutableByteView out) override {
    if (reads_++ == at_) {
      is_hit_ = true;
      meanwhile_();
    }
    inner_.read(name, offset, out);
  }
  std::vector<ObjectInfo> list(const std::string& prefix) override { return inner_.list(prefix); }
  bool remove(const std::string& name) override { return inner_.remove(name); }
  std::string description() const override { return inner_.description(); }

 private:
  Store& inner_;
  const std::uint64_t at_;
  const std::function<void()> meanwhile_;
  std::uint64_t reads_ = 0;
  bool is_hit_ = false;
};

class Reading : public PruneWorld {
 public:
  /// Pack one is partly dead once the first snapshot is forgotten, and has the bases of pack two;
  /// the small packs after that are joined.
  Reading() {
    Repository& here = fixture.repository();
    std::string bytes = noise(300'000, 1);
    write("kept", bytes);
    write("gone", noise(900'000, 2));
    BackupResult last = backup(here, backup_options());
    const Id first = *last.snapshot_id;
    std::filesystem::remove(source() + "/gone");
    for (std::size_t i = 5; i < bytes.size(); i += 30'000) ++bytes[i];
    write("kept", bytes);
    for (std::uint32_t i = 0; i < 10; ++i) {
      write("small" + std::to_string(i), noise(2000, 10 + i));
      BackupOptions options = backup_options();
      options.parent_root = last.record.root;
      last = backup(here, options);
    }
    REQUIRE(here.load_index({}, findings).index.has_deltas());
    forget(here, {first});
    root_ = last.record.root;
    objects_ = objects_of(fixture.faults());
    expected_ = read_directory();
  }

  /// Calls read(repository) for a collection before each of its reads. A world of its own each
  /// time; how many there were.
  template <typename Read>
  std::uint64_t overtake_at_every_read(const Read& read) {
    for (std::uint64_t at = 0;; ++at) {
      CAPTURE(at);
      REQUIRE(at < 1000);
      MemoryStore memory(objects_);
      const auto collector = machine(memory);
      bool is_open = false;
      OvertakenStore store(memory, at + reads_of_opening_, [&] {
        CHECK(is_open);
        collector->refresh();
        const PruneResult result = prune(*collector);
        CHECK(result.packs_moved > 8);
        CHECK(result.removed.packs > 8);
      });
      const auto repository = machine(store);
      is_open = true;
      read(*repository);
      if (!store.is_hit()) return at;
    }
  }

  /// So many reads open the repository.
  void count_opening() {
    MemoryStore memory(objects_);
    OvertakenStore counting(memory, UINT64_MAX, {});
    machine(counting);
    reads_of_opening_ = counting.reads();
  }

  static bool is_clean(const FindingList& list) {
    return list.count(Finding::Weight::damaged) + list.count(Finding::Weight::partial) +
               list.count(Finding::Weight::healable) ==
           0;
  }
  std::string source() const { return backup_options().sources.front().live_path; }

  Node root_;
  std::map<std::string, std::string> expected_;

 private:
  Objects objects_;
  std::uint64_t reads_of_opening_ = 0;
};

TEST_CASE_FIXTURE(Reading,
                  "a restore that a collection overtakes at any read finds what it moved") {
  count_opening();
  ThreadPool one(1);
  const std::uint64_t reads = overtake_at_every_read([&](Repository& repository) {
    const ScratchDir scratch;
    FindingList told;
    RestoreOptions options;
    options.target = scratch / "out";
    options.sub_path = "/";
    options.no_space_check = true;
    restore_snapshot(repository, one, root_, options, told);
    CHECK_MESSAGE(is_clean(told), told.text());
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(scratch / "out")) {
      std::ifstream in(entry.path(), std::ios::binary);
      files[entry.path().filename().string()] = {std::istreambuf_iterator<char>(in), {}};
    }
    CHECK(files == expected_);
  });
  CHECK(reads > 10);
}

TEST_CASE_FIXTURE(Reading, "a dump that a collection overtakes at any read finds what it moved") {
  count_opening();
  const std::uint64_t reads = overtake_at_every_read([&](Repository& repository) {
    const ScratchDir scratch;
    const std::string path = scratch / "out";
    FindingList told;
    {
      const Fd out = open_at(AT_FDCWD, path.c_str(), O_CREAT | O_WRONLY, 0600);
      dump_file(repository, root_, "/kept", out.get(), {}, told);
    }
    CHECK_MESSAGE(is_clean(told), told.text());
    std::ifstream in(path, std::ios::binary);
    CHECK(std::string{std::istreambuf_iterator<char>(in), {}} == expected_.at("kept"));
  });
  CHECK(reads > 10);
}

TEST_CASE_FIXTURE(Reading, "a verify that a collection overtakes at any read finds nothing wrong") {
  count_opening();
  ThreadPool one(1);
  const std::uint64_t reads = overtake_at_every_read([&](Repository& repository) {
    FindingList told;
    VerifyOptions options;
    options.read_data = true;
    const VerifyResult result = verify_repository(repository, one, options, told);
    CHECK_MESSAGE(is_clean(told), told.text());
    CHECK(result.error_count == 0);
    CHECK(result.snapshots == 10);
  });
  CHECK(reads > 30);
}

TEST_CASE_FIXTURE(Reading, "a keyless verify that a collection overtakes at any read, too") {
  count_opening();
  ThreadPool one(1);
  const std::uint64_t reads = overtake_at_every_read([&](Repository& repository) {
    FindingList told;
    const VerifyResult result = verify_keyless(repository.store(), one, {}, told);
    CHECK_MESSAGE(is_clean(told), told.text());
    CHECK(result.error_count == 0);
  });
  CHECK(reads > 30);
}

TEST_CASE_FIXTURE(Reading, "what is missing and was not deleted is still reported") {
  Repository& here = fixture.repository();
  fixture.lose_chunk(expected_.at("small3"));
  for (const ObjectInfo& object : fixture.faults().list("packs/"))
    if (object.size > 500'000) fixture.faults().truncate(object.name, object.size / 3);
  ThreadPool one(1);
  const ScratchDir scratch;
  FindingList told;
  RestoreOptions options;
  options.target = scratch / "out";
  options.sub_path = "/";
  options.no_space_check = true;
  restore_snapshot(here, one, root_, options, told);
  CHECK(told.count(Finding::Weight::damaged) > 0);
  FindingList verified;
  verify_repository(here, one, {}, verified);
  CHECK(verified.count(Finding::Weight::damaged) > 0);
}

}  // namespace
}  // namespace coppice::test
