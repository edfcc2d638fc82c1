#include "restore/shared_findings.h"

#include <cerrno>
#include <cstring>
#include <set>
#include <system_error>
#include <utility>

#include "base/bytes.h"
#include "crypto/hash.h"

namespace coppice {
namespace {

/// Attribute names come from the snapshot: beyond this many kinds they count as one.
constexpr std::size_t kMaxKinds = 256;

constexpr const char* kNotSet = "metadata_not_set";
constexpr const char* kNotMade = "entries_not_made";

LinkKey key_of(const Finding& finding) {
  const Id hash = blake3(as_bytes(finding.code + '\0' + finding.item));
  LinkKey key;
  std::memcpy(&key.device, hash.bytes.data(), sizeof key.device);
  std::memcpy(&key.inode, hash.bytes.data() + sizeof key.device, sizeof key.inode);
  return key;
}

/// Attributes count by their kind, not by their names, of which there may be any number.
std::string kind_of(const std::string& what) {
  constexpr std::string_view kAttribute = "xattr ";
  if (!what.starts_with(kAttribute)) return what;
  const std::string name = what.substr(kAttribute.size());
  if (name.starts_with("system.posix_acl_")) return "ACLs";
  if (name == "security.capability") return "capabilities";
  return "attributes " + name.substr(0, name.find('.')) + ".*";
}

}  // namespace

void SharedFindings::State::report(const Finding& finding) {
  if (finding.weight == Finding::Weight::partial || finding.weight == Finding::Weight::damaged) {
    ++error_count;
  }
  sink.report(finding);
}

void SharedFindings::report(const Finding& finding) {
  state_.with([&](State& state) { state.report(finding); });
}

void SharedFindings::report_once(const Finding& finding) {
  const LinkKey key = key_of(finding);
  state_.with([&](State& state) {
    if (!std::exchange(state.reported_once.find_or_add(key), true)) state.report(finding);
  });
}

void SharedFindings::note(std::string_view code, const std::string& path,
                          std::string_view message) {
  report({Finding::Weight::note, std::string(code), path, std::string(message)});
}

void SharedFindings::partial(std::string_view code, const std::string& path,
                             std::string_view message) {
  report({Finding::Weight::partial, std::string(code), path, std::string(message)});
}

void SharedFindings::damaged(std::string_view code, const std::string& path,
                             std::string_view message) {
  report({Finding::Weight::damaged, std::string(code), path, std::string(message)});
}

void SharedFindings::State::gather(Kind kind, const std::string& path) {
  if (gathered.size() >= kMaxKinds && !gathered.contains(kind)) kind.what = "metadata";
  Gathered& found = gathered[std::move(kind)];
  if (found.count++ == 0) found.first_path = path;
}

void SharedFindings::gather(const MetadataProblems& problems, const std::string& path) {
  if (problems.empty()) return;
  std::set<Kind> kinds;  // an entry with many attributes of a kind is still one entry
  for (const MetadataProblem& problem : problems) {
    kinds.insert({kNotSet, kind_of(problem.what), problem.errno_value});
  }
  state_.with([&](State& state) {
    for (const Kind& kind : kinds) state.gather(kind, path);
  });
}

void SharedFindings::gather_unmade(const std::string& what, int errno_value,
                                   const std::string& path) {
  state_.with([&](State& state) { state.gather({kNotMade, what, errno_value}, path); });
}

Finding SharedFindings::describe(const Kind& kind, const Gathered& gathered) const {
  const bool is_forgiven = missing_rights_ == MissingRights::note && (kind.errno_value == EPERM);
  const std::string count = std::to_string(gathered.count);
  return {is_forgiven ? Finding::Weight::note : Finding::Weight::partial, kind.code,
          gathered.first_path,
          kind.what + (kind.code == kNotMade ? " could not be made: " : " could not be set: ") +
              std::generic_category().message(kind.errno_value) + " (" + count +
              (gathered.count == 1 ? " entry)" : " entries, this is the first)")};
}

void SharedFindings::report_gathered() {
  state_.with([this](State& state) {
    for (const auto& [kind, gathered] : state.gathered) state.report(describe(kind, gathered));
    state.gathered.clear();
  });
}

std::uint64_t SharedFindings::error_count() const {
  return state_.with([](const State& state) { return state.error_count; });
}

bool ends_restore(const Error& error) {
  switch (error.kind()) {
    case ErrorKind::no_space:
    case ErrorKind::interrupted:
    case ErrorKind::no_key:
    case ErrorKind::no_repository:
      return true;
    default:
      return false;
  }
}

}  // namespace coppice
