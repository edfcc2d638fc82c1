// Every byte of a small repository flipped, one at a time; in one file, and in both files of an
// object at the same place. CI takes every seventh byte and all bytes near the ends of each file;
// with COPPICE_LONG_TESTS set it is every byte.
#include <doctest/doctest.h>

#include <map>
#include <mutex>

#include "damage_world.h"
#include "repo/object_names.h"

namespace coppice::test {
namespace {

struct Flip {
  std::string name;
  std::size_t offset = 0;
};

bool is_side_file(const std::string& name) {
  return name.ends_with(".copy") || name.ends_with(".par");
}

bool is_chosen(const std::string& name, std::size_t offset, std::size_t size, bool is_paired) {
  constexpr std::size_t kEnds = 32;
  const bool is_padded = name.starts_with("packs/") || name.starts_with("index/");
  const std::size_t step = (is_padded || is_paired ? 61 : 7) * (is_sanitized() ? 50 : 1);
  return is_long() || (offset < kEnds && !is_sanitized()) ||
         (offset + kEnds >= size && !is_sanitized()) || offset % step == 0;
}

/// The reserve's bytes are all alike: the first of each file stands for the others.
std::vector<Flip> chosen_flips(bool is_paired) {
  std::vector<Flip> flips;
  for (const auto& [name, file] : small_repository()) {
    if (is_paired && (is_side_file(name) || !small_repository().contains(copy_name(name))))
      continue;
    for (std::size_t at = 0; at < file->size(); ++at) {
      if (is_reserve_name(name) && at % 65536 != 0) continue;
      if (is_chosen(name, at, file->size(), is_paired)) flips.push_back({name, at});
    }
  }
  return flips;
}

CrashStore::Contents flipped(const Flip& flip, bool is_paired) {
  CrashStore::Contents contents = small_repository();
  Bytes bytes = *contents.at(flip.name);
  bytes[flip.offset] = static_cast<std::uint8_t>(bytes[flip.offset] ^ (1U << (flip.offset % 8)));
  const auto shared = shared_bytes(std::move(bytes));
  contents[flip.name] = shared;
  if (is_paired) contents[copy_name(flip.name)] = shared;
  return contents;
}

/// Counts cases by kind of object and exit codes, for the ledger; keeps what was wrong.
struct Tally {
  std::mutex mutex;
  std::map<std::string, std::uint64_t> counts;
  std::vector<std::string> wrong;

  void add(const std::string& name, const Diagnosis& diagnosis) {
    const std::lock_guard lock(mutex);
    ++counts[name.substr(0, name.find('/')) + ": keyless " + std::to_string(diagnosis.keyless) +
             ", keyed " + std::to_string(diagnosis.with_key)];
  }
  void fail(const Flip& flip, const std::string& why, const Diagnosis& diagnosis) {
    const std::lock_guard lock(mutex);
    if (wrong.size() < 20)
      wrong.push_back(flip.name + " byte " + std::to_string(flip.offset) + ": " + why + "\n" +
                      diagnosis.findings);
  }
  std::string text() const {
    std::string text;
    for (const auto& [what, count] : counts) text += what + ": " + std::to_string(count) + "\n";
    for (const std::string& each : wrong) text += each + "\n";
    return text;
  }
};

std::string judge_single(const Flip& flip, const Diagnosis& d) {
  if (!d.contradiction().empty()) return d.contradiction();
  if (!d.restores) return "one of two copies is damaged, and it does not restore";
  const int expected = is_reserve_name(flip.name) ? 0 : 14;
  if (d.keyless != expected) return "keyless says " + std::to_string(d.keyless);
  if (d.with_key != expected) return "verify says " + std::to_string(d.with_key);
  return "";
}

/// Both files of an object: lost, but for what can be had from elsewhere.
std::string judge_pair(const Flip& flip, const Diagnosis& d) {
  if (!d.contradiction().empty()) return d.contradiction();
  if (d.keyless != 13) return "keyless says " + std::to_string(d.keyless);
  if (flip.name.starts_with("slots/")) return d.with_key == 12 ? "" : "no slot is left";
  if (flip.name.starts_with("index/")) {
    if (!d.restores) return "an index object is not needed, and it does not restore";
    return d.with_key == 14 ? "" : "verify says " + std::to_string(d.with_key);
  }
  // Of a pack, a table that an index object has, too, and padding are no loss.
  const bool is_spare = flip.name.starts_with("packs/") && d.with_key == 14 && d.restores;
  return d.with_key == 13 || is_spare ? "" : "verify says " + std::to_string(d.with_key);
}

void check_flips(bool is_paired) {
  const std::vector<Flip> flips = chosen_flips(is_paired);
  Tally tally;
  for_each_in_parallel(flips.size(), [&](std::size_t n) {
    const Diagnosis diagnosis = diagnose(flipped(flips[n], is_paired));
    tally.add(flips[n].name, diagnosis);
    const std::string why =
        is_paired ? judge_pair(flips[n], diagnosis) : judge_single(flips[n], diagnosis);
    if (!why.empty()) tally.fail(flips[n], why, diagnosis);
  });
  MESSAGE(flips.size() << " flips\n" << tally.text());
  CHECK(tally.wrong.empty());
}

}  // namespace

TEST_CASE("a flipped byte in any file is found by verify, healable, and harmless to a restore") {
  std::size_t bytes = 0;
  for (const auto& [name, file] : small_repository())
    bytes += is_reserve_name(name) ? 0 : file->size();
  CHECK(bytes <= 256 << 10);
  MESSAGE("a repository of " << bytes << " bytes beside its reserve");
  check_flips(false);
}

TEST_CASE("the same byte flipped in both files of an object is found, and never restored wrongly") {
  check_flips(true);
}

}  // namespace coppice::test
