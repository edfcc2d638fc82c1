// A target that lets nobody remove or overwrite anything: a backup never needs to.
#include <doctest/doctest.h>

#include "judge.h"

namespace coppice::test {
namespace {

/// Takes new objects only.
class AppendOnlyStore final : public Store {
 public:
  explicit AppendOnlyStore(Store& inner) : inner_(inner) {}

  std::unique_ptr<Upload> begin_upload() override {
    return std::make_unique<AppendOnlyUpload>(inner_, inner_.begin_upload());
  }
  bool put_if_absent(const std::string& name, ByteView bytes) override {
    return inner_.put_if_absent(name, bytes);
  }
  std::optional<std::uint64_t> size(const std::string& name) override { return inner_.size(name); }
  void read(const std::string& name, std::uint64_t offset, MutableByteView out) override {
    inner_.read(name, offset, out);
  }
  std::vector<ObjectInfo> list(const std::string& prefix) override { return inner_.list(prefix); }
  bool remove(const std::string& name) override {
    throw Error(ErrorKind::failed, "append-only: " + name + " was to be removed");
  }
  std::string description() const override { return inner_.description(); }

 private:
  class AppendOnlyUpload : public Upload {
   public:
    AppendOnlyUpload(Store& store, std::unique_ptr<Upload> inner)
        : store_(store), inner_(std::move(inner)) {}
    void append(ByteView bytes) override { inner_->append(bytes); }
    void read_back(std::uint64_t offset, MutableByteView out) override {
      inner_->read_back(offset, out);
    }
    std::uint64_t size() const override { return inner_->size(); }
    void commit(const std::string& name) override {
      if (store_.size(name))
        throw Error(ErrorKind::failed, "append-only: " + name + " was to be overwritten");
      inner_->commit(name);
    }

   private:
    Store& store_;
    std::unique_ptr<Upload> inner_;
  };

  Store& inner_;
};

}  // namespace

TEST_CASE("backups work on an append-only target, also after any crash of one") {
  CrashStore disk;
  AppendOnlyStore target(disk);
  CrashWorld world(disk, target, {});
  world.init();
  world.backup(1);
  CrashStore second(disk.contents());
  AppendOnlyStore second_target(second);
  CrashWorld next(second, second_target, world.promised());
  next.backup(2);
  std::mt19937_64 random(1);
  std::uint64_t states = 0;
  for (std::size_t cut = 0; cut <= second.steps(); ++cut) {
    for (const auto& contents : second.states_after(cut, 64, random, states)) {
      CAPTURE(second.describe(cut));
      CrashStore left(contents);
      AppendOnlyStore left_target(left);
      CrashWorld heir(left, left_target, promised_after(next.promises(), cut));
      CHECK_NOTHROW(heir.backup(3));
      CHECK(judge(left.contents(), heir.promised()).empty());
    }
  }
  CHECK(states > 10);
}

}  // namespace coppice::test
