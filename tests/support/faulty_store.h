#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/error.h"
#include "store/store.h"

namespace coppice::test {

/// A store that fails on demand: the N-th mutating call, or the bytes of an object as they are
/// read. The wrapped store must outlive it. A test asserts `fault_hits()` or `damage_hits()`: a
/// fault that nobody met proves nothing.
///
/// Mutating calls are, one each: begin_upload, append, commit, put_if_absent, make_durable, remove
/// (so one `put` is three).
class FaultyStore : public Store {
 public:
  struct Fault {
    std::uint64_t at = 0;  ///< the mutating call that fails, counted from 0
    Error error{ErrorKind::failed, "injected fault"};
    bool sticky = false;  ///< every later one fails, too
    bool after = false;   ///< it takes effect, and then fails: the answer was lost
  };

  explicit FaultyStore(Store& inner) : inner_(inner) {}

  /// Arms one fault and counts mutating calls from 0 again.
  void fail(const Fault& fault);
  /// From now on an upload that grows above `bytes` meets a full target. Counts as a fault.
  void limit_uploads(std::uint64_t bytes);
  /// No fault, no limit, no damage; the counters stay.
  void heal();
  std::uint64_t mutating_calls() const;
  std::uint64_t fault_hits() const;

  /// Damage as seen by size, read and list, until the object is written or removed.
  void flip_byte(const std::string& name, std::uint64_t offset, std::uint8_t mask = 1);
  void truncate(const std::string& name, std::uint64_t size);
  void hide(const std::string& name);
  /// How often damage changed an answer.
  std::uint64_t damage_hits() const;

  std::unique_ptr<Upload> begin_upload() override;
  bool put_if_absent(const std::string& name, ByteView bytes) override;
  std::optional<std::uint64_t> size(const std::string& name) override;
  void read(const std::string& name, std::uint64_t offset, MutableByteView out) override;
  std::vector<ObjectInfo> list(const std::string& prefix) override;
  void make_durable(const std::string& name) override;
  bool remove(const std::string& name) override;
  std::string description() const override { return inner_.description(); }

 private:
  class FaultyUpload;
  struct Damage {
    bool is_hidden = false;
    std::optional<std::uint64_t> size;
    std::map<std::uint64_t, std::uint8_t> flips;  ///< offset -> mask
  };

  /// Counts one mutating call; throws when it must fail before taking effect, returns what to throw
  /// after it.
  std::optional<Error> count_call();
  /// Runs `call` as one mutating call.
  template <typename Call>
  auto mutate(const Call& call);
  std::optional<Damage> damage_of(const std::string& name) const;
  /// True if there was damage.
  bool forget_damage(const std::string& name);
  void hit_damage();
  void expect_room(std::uint64_t bytes);

  Store& inner_;
  mutable std::mutex mutex_;  // guards all below
  std::optional<Fault> fault_;
  std::uint64_t room_ = UINT64_MAX;
  std::uint64_t calls_ = 0;
  std::uint64_t fault_hits_ = 0;
  std::uint64_t damage_hits_ = 0;
  std::map<std::string, Damage> damages_;
};

}  // namespace coppice::test
