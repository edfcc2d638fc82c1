#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/finding.h"
#include "fs/metadata.h"
#include "task/guarded.h"

namespace coppice {

/// Hands findings of many threads to a sink, one at a time, and counts them. Metadata that cannot
/// be set is gathered by kind: a restore without root would else say the same of every entry.
/// Thread-safe.
class SharedFindings final : public FindingSink {
 public:
  explicit SharedFindings(FindingSink& sink) : state_(sink) {}

  void report(const Finding& finding) override;
  /// The same, but nothing if this code was reported of this path before: preflight and restore may
  /// meet the same damage.
  void report_once(const Finding& finding);
  void note(std::string_view code, const std::string& path, std::string_view message);
  void partial(std::string_view code, const std::string& path, std::string_view message);
  void damaged(std::string_view code, const std::string& path, std::string_view message);

  /// Remembers what could not be set on `path`.
  void gather(const MetadataProblems& problems, const std::string& path);
  /// Reports what was gathered: once per kind, with the number of entries and the first of them.
  void report_gathered();

  /// Findings that were partial or damaged.
  std::uint64_t error_count() const;

 private:
  struct Gathered {
    std::uint64_t count = 0;
    std::string first_path;
  };
  struct State {
    explicit State(FindingSink& sink_in) : sink(sink_in) {}
    void report(const Finding& finding);

    FindingSink& sink;
    std::uint64_t error_count = 0;
    std::map<std::pair<std::string, int>, Gathered> gathered;     // by what and errno
    std::set<std::pair<std::string, std::string>> reported_once;  // code, path
  };

  Guarded<State> state_;
};

/// True for errors that end the job instead of concerning one entry: the target is full, a stop was
/// asked for, the keys do not suffice.
bool ends_restore(const Error& error);

}  // namespace coppice
