#include "restore/shared_findings.h"

#include <system_error>

namespace coppice {
namespace {

/// Attribute names come from the snapshot: beyond this many kinds they count as one.
constexpr std::size_t kMaxKinds = 256;

std::string describe(const std::string& what, int errno_value, std::uint64_t count) {
  return what + " could not be set: " + std::generic_category().message(errno_value) + " (" +
         std::to_string(count) + (count == 1 ? " entry)" : " entries, this is the first)");
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
  state_.with([&](State& state) {
    if (state.reported_once.emplace(finding.code, finding.item).second) state.report(finding);
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

void SharedFindings::gather(const MetadataProblems& problems, const std::string& path) {
  if (problems.empty()) return;
  state_.with([&](State& state) {
    for (const MetadataProblem& problem : problems) {
      std::pair<std::string, int> kind{problem.what, problem.errno_value};
      if (state.gathered.size() >= kMaxKinds && !state.gathered.contains(kind)) {
        kind.first = "metadata";
      }
      Gathered& gathered = state.gathered[std::move(kind)];
      if (gathered.count++ == 0) gathered.first_path = path;
    }
  });
}

void SharedFindings::report_gathered() {
  state_.with([](State& state) {
    for (const auto& [kind, gathered] : state.gathered) {
      state.report({Finding::Weight::partial, "metadata_not_set", gathered.first_path,
                    describe(kind.first, kind.second, gathered.count)});
    }
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
