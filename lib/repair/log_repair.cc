#include <set>

#include "base/error.h"
#include "repair/repair.h"
#include "repair/repair_plan.h"
#include "repo/log_reader.h"
#include "repo/role_rights.h"

/// `repair log`: an owner has seen what is broken, and collection may go on without it.
namespace coppice {
namespace {

/// Runs of neighbouring numbers.
std::vector<std::pair<std::uint64_t, std::uint64_t>> runs_of(const std::set<std::uint64_t>& all) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> runs;
  for (const std::uint64_t number : all) {
    if (!runs.empty() && runs.back().second + 1 == number) {
      runs.back().second = number;
    } else {
      runs.emplace_back(number, number);
    }
  }
  return runs;
}

}  // namespace

RepairResult repair_log(Repository& repository, const RepairOptions& options,
                        FindingSink& findings) {
  if (repository.state().is_read_only()) {
    throw Error(ErrorKind::newer_version,
                "the repository was written by a newer coppice; this one only reads it");
  }
  if (!may_append(repository.keyring().role(), LogEntryType::void_entries)) {
    throw Error(ErrorKind::refused, "only an owner may declare log entries void");
  }
  LogReader reader(repository.store(), repository.id());
  RepairPlan plan;
  for (const auto& [first, last] : runs_of(repository.state().broken)) {
    const std::string item =
        log_entry_name(first) + (last > first ? " to " + log_entry_name(last) : "");
    plan.add(item,
             "lost, forged or cut out: declare void; snapshots that only it told of are lost, and "
             "their files are in the next backup",
             [&, first = first, last = last] {
               VoidBody body{first, last, {}};
               for (std::uint64_t number = first; number <= last; ++number) {
                 const LogRead read = reader.read(number);
                 body.hashes.push_back(read.entry ? read.entry->hash : Id());
               }
               repository.append([&](const LogState&) {
                 return LogAppend{LogEntryType::void_entries, {}, {}, encode_void_body(body), {}};
               });
               return std::uint64_t{0};
             });
  }
  RepairResult result;
  plan.carry_out(options, result, findings);
  return result;
}

}  // namespace coppice
