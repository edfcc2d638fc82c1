#include "repo/log_reader.h"

#include <algorithm>
#include <utility>

#include "repo/object_names.h"
#include "repo/role_rights.h"

namespace coppice {

LogExtent LogReader::extent(std::uint64_t known_next) {
  std::set<std::uint64_t> numbers;
  for (const std::string& name : store_.names("log/")) {
    if (const auto number = log_number_of(name)) numbers.insert(*number);
  }
  LogExtent extent;
  if (known_next > 0) extent.first = extent.last = known_next - 1;
  for (const std::uint64_t number : numbers) {
    if (extent.last && number > *extent.last && number - *extent.last > kMaxLogGap) {
      extent.findings.push_back({Finding::Weight::note, "log_number_implausible",
                                 log_entry_name(number), "lies far beyond the log: ignored"});
      break;
    }
    extent.first = extent.first ? std::min(*extent.first, number) : number;
    extent.last = extent.last ? std::max(*extent.last, number) : number;
  }
  while (is_there(extent.last ? *extent.last + 1 : 0)) {
    extent.last = extent.last ? *extent.last + 1 : 0;
    if (!extent.first) extent.first = extent.last;
  }
  return extent;
}

bool LogReader::is_there(std::uint64_t number) {
  const std::string name = log_entry_name(number);
  return store_.size(name).has_value() || store_.size(copy_name(name)).has_value();
}

ParsedLogEntry LogReader::read_file(std::uint64_t number, const std::string& name) {
  ParsedLogEntry entry = parse_log_entry(store_.read_all(name, kMaxLogEntryBytes));
  if (entry.plain.number != number) throw_damaged(name + ": holds another entry");
  if (repository_ && entry.plain.repository != *repository_) {
    throw_damaged(name + ": is of another repository");
  }
  return entry;
}

void LogReader::use_spare(const std::vector<Bytes>& entries) {
  for (const Bytes& file : entries) {
    try {
      ParsedLogEntry entry = parse_log_entry(file);
      const LogEntry& plain = entry.plain;
      const bool is_fit = is_root_entry(plain.type) && plain.signer.is_zero() &&
                          (!repository_ || plain.repository == *repository_);
      if (is_fit) spare_.insert_or_assign(plain.number, std::move(entry));
    } catch (const Error& error) {  // per item: another one may do
      if (!error.is_about_bytes()) throw;
    }
  }
}

/// Not one that its successor contradicts: then another entry had the number.
const ParsedLogEntry* LogReader::find_spare(std::uint64_t number) {
  const auto found = spare_.find(number);
  if (found == spare_.end()) return nullptr;
  const LogRead stored = read_stored(number + 1);
  const auto spare = spare_.find(number + 1);
  const ParsedLogEntry* next = stored.entry            ? &*stored.entry
                               : spare != spare_.end() ? &spare->second
                                                       : nullptr;
  const bool is_contradicted = next != nullptr && !next->plain.predecessor.is_zero() &&
                               next->plain.predecessor != found->second.hash;
  return is_contradicted ? nullptr : &found->second;
}

LogRead LogReader::read(std::uint64_t number) {
  LogRead result = read_stored(number);
  if (result.entry || result.why.kind() != ErrorKind::damaged) return result;
  if (const ParsedLogEntry* spare = find_spare(number)) {
    result.entry = *spare;
    result.is_from_spare = true;
  }
  return result;
}

LogRead LogReader::read_stored(std::uint64_t number) {
  LogRead result;
  const std::string name = log_entry_name(number);
  for (const bool is_copy : {false, true}) {
    try {
      result.entry = read_file(number, is_copy ? copy_name(name) : name);
      result.is_from_copy = is_copy;
      return result;
    } catch (const Error& error) {
      const bool is_newer = error.kind() == ErrorKind::newer_version;
      if (!is_newer && error.kind() != ErrorKind::damaged) throw;
      // What is intact but unknown says more than a copy that is missing.
      if (!is_copy || is_newer) result.why = error;
    }
  }
  return result;
}

}  // namespace coppice
