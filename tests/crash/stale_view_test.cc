// Two processes of one machine share what it remembers: one that read the log before the other
// appended must not take the other's entry for a sign of rollback.
#include <doctest/doctest.h>

#include "judge.h"
#include "repo/host_state.h"
#include "repo/log_entry.h"
#include "support/thrown_error.h"

namespace coppice::test {
namespace {

/// Shows the log as it was before its last entry until it has been listed so many times.
class StaleStore final : public Store {
 public:
  StaleStore(Store& inner, std::string hidden, int stale_listings)
      : inner_(inner), hidden_(std::move(hidden)), stale_listings_(stale_listings) {}

  std::unique_ptr<Upload> begin_upload() override { return inner_.begin_upload(); }
  bool put_if_absent(const std::string& name, ByteView bytes) override {
    return inner_.put_if_absent(name, bytes);
  }
  std::optional<std::uint64_t> size(const std::string& name) override {
    return is_hidden(name) ? std::nullopt : inner_.size(name);
  }
  void read(const std::string& name, std::uint64_t offset, MutableByteView out) override {
    inner_.read(name, offset, out);
  }
  std::vector<ObjectInfo> list(const std::string& prefix) override {
    if (prefix == "log/") ++listings_;
    std::vector<ObjectInfo> objects = inner_.list(prefix);
    std::erase_if(objects, [this](const ObjectInfo& object) { return is_hidden(object.name); });
    return objects;
  }
  bool remove(const std::string& name) override { return inner_.remove(name); }
  std::string description() const override { return inner_.description(); }

 private:
  bool is_hidden(const std::string& name) const {
    return listings_ <= stale_listings_ && name.starts_with(hidden_);
  }

  Store& inner_;
  const std::string hidden_;
  const int stale_listings_;
  int listings_ = 0;
};

}  // namespace

TEST_CASE("what another process appended while the log was read is no rollback") {
  CrashStore disk;
  CrashWorld world(disk, disk, {});
  world.init();
  world.backup(1);
  const ScratchDir scratch;
  HostState remembered(scratch / "state");
  const OpenOptions options{nullptr, &remembered};
  FindingList findings;
  const auto other = Repository::open(disk, CrashWorld::credential(), options, findings);
  const std::string last = log_entry_name(other->state().next_number - 1);
  StaleStore late(disk, last, 1);
  CHECK_NOTHROW(Repository::open(late, CrashWorld::credential(), options, findings));
  // An entry that stays away is one that was lost.
  StaleStore lost(disk, last, 1000);
  CHECK(kind_of([&] { Repository::open(lost, CrashWorld::credential(), options, findings); }) ==
        ErrorKind::damaged);
}

TEST_CASE("who has seen less does not make its machine forget what another process saw") {
  CrashStore disk;
  CrashWorld world(disk, disk, {});
  world.init();
  const ScratchDir scratch;
  HostState remembered(scratch / "state");
  FindingList findings;
  const OpenOptions options{nullptr, &remembered};
  const auto behind = Repository::open(disk, CrashWorld::credential(), options, findings);
  const Id id = behind->id();
  const auto before = remembered.last_seen(id);
  REQUIRE(before);
  remembered.remember(id, {before->number + 5, before->hash});
  behind->refresh();
  CHECK(remembered.last_seen(id)->number == before->number + 5);
}

}  // namespace coppice::test
