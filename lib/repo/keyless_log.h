#pragma once
#include <optional>
#include <set>
#include <vector>

#include "repo/live_objects.h"
#include "repo/log_reader.h"

namespace coppice {

/// The log as far as it can be checked without any key: both files of every entry against their
/// checksums, numbers dense, each entry against its predecessor's hash; and which objects should
/// exist. It cannot tell a forged entry from a genuine one: signatures are judged by whoever holds
/// a slot.
class KeylessLog {
 public:
  /// Reads the whole log. `repository`: as the header says, if that is readable. Throws what the
  /// store throws if it does not answer; everything else becomes a finding.
  explicit KeylessLog(Store& store, std::optional<Id> repository = std::nullopt);

  const LiveObjects& objects() const { return objects_; }
  /// "log_entry_damaged" (healable if one of the two files is whole), "log_chain_broken",
  /// "log_entry_unknown", "log_number_implausible".
  const std::vector<Finding>& findings() const { return findings_; }
  /// The lowest number, absent for an empty log: 0, or that of a checkpoint once older entries were
  /// deleted.
  std::optional<std::uint64_t> first() const { return first_; }
  std::optional<std::uint64_t> last() const { return last_; }
  /// The lowest number that should be there: 0, or that of a checkpoint that stands for the entries
  /// before it. Lower than `first` if the log has lost its beginning.
  std::uint64_t needed_from() const { return needed_from_; }
  std::optional<Id> last_hash() const { return last_hash_; }
  /// Entries that a later one declares void; without a key nobody can tell if an owner signed that.
  const std::set<std::uint64_t>& void_numbers() const { return void_numbers_; }
  /// An entry, its type or a feature of an epoch is of a later version than this program knows:
  /// nothing may be changed here.
  bool needs_newer_version() const { return needs_newer_version_; }
  /// Every entry is readable and known: `objects` is all that should exist. Otherwise objects
  /// beyond it may be needed.
  bool is_complete() const { return is_complete_; }

 private:
  std::uint64_t start(LogReader& reader) const;
  std::uint64_t last_checkpoint(LogReader& reader, std::uint64_t number) const;
  void read_one(LogReader& reader, std::uint64_t number);
  void check_files(LogReader& reader, std::uint64_t number, const LogRead& read);
  void follow(const ParsedLogEntry& entry);
  void note_features(const LogEntry& entry);
  void note_void(const LogEntry& entry);
  void report(Finding::Weight weight, const char* code, std::uint64_t number, std::string message);

  LiveObjects objects_;
  std::vector<Finding> findings_;
  std::optional<std::uint64_t> first_;
  std::optional<std::uint64_t> last_;
  std::uint64_t needed_from_ = 0;
  std::optional<Id> last_hash_;
  std::set<std::uint64_t> void_numbers_;
  bool is_complete_ = true;
  bool needs_newer_version_ = false;
};

}  // namespace coppice
