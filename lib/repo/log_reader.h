#pragma once
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/finding.h"
#include "repo/log_entry.h"
#include "store/store.h"

namespace coppice {

/// Which entries a store shows. Numbers ascend.
struct LogExtent {
  std::optional<std::uint64_t> first;  ///< lowest number seen; absent if there is no log
  std::optional<std::uint64_t> last;
  std::vector<Finding> findings;
};

/// What was found at one number.
struct LogRead {
  std::optional<ParsedLogEntry> entry;
  bool is_from_copy = false;   ///< the main file is missing or damaged
  bool is_from_spare = false;  ///< both files are
  Error why{ErrorKind::damaged,
            "missing"};  ///< if no entry: newer_version for an intact file, else damaged
};

/// Reads entries from a store, from the second copy where the first fails, and from spare ones
/// where both do. Remembers nothing of what it read; the store must outlive it.
class LogReader {
 public:
  /// Entries of another repository are damaged; without an id, any are taken.
  explicit LogReader(Store& store, std::optional<Id> repository = std::nullopt)
      : store_(store), repository_(repository) {}

  /// Root-signed entries from an export (HeaderExport::log), for where the store's own are lost.
  /// Whoever replays judges their signatures. What cannot be read among them is left out.
  void use_spare(const std::vector<Bytes>& entries);

  /// Lists the log, then asks for the numbers after it (and from `known_next` on) until one is
  /// absent, because a listing may lag. A gap of more than kMaxLogGap numbers ends the log: what
  /// lies beyond was not put there by it.
  LogExtent extent(std::uint64_t known_next = 0);
  /// Throws what the store throws if it does not answer.
  LogRead read(std::uint64_t number);
  /// One file of an entry (the entry's or its copy's name). Throws Error{damaged},
  /// Error{newer_version}.
  ParsedLogEntry read_file(std::uint64_t number, const std::string& name);
  bool is_there(std::uint64_t number);

 private:
  LogRead read_stored(std::uint64_t number);
  const ParsedLogEntry* find_spare(std::uint64_t number);

  Store& store_;
  std::optional<Id> repository_;
  std::map<std::uint64_t, ParsedLogEntry> spare_;
};

inline constexpr std::uint64_t kMaxLogGap = 1 << 20;

}  // namespace coppice
