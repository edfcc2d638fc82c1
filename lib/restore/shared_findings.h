#pragma once
#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/finding.h"
#include "fs/metadata.h"
#include "restore/link_map.h"
#include "task/guarded.h"

namespace coppice {

/// Hands findings of many threads to a sink, one at a time, and counts them. Metadata that cannot
/// be set and entries that cannot be made are gathered by kind: a restore without root would else
/// say the same of every entry. Thread-safe.
class SharedFindings final : public FindingSink {
 public:
  /// Whether what only root may set or make is a mere note to its user (--no-owner).
  enum class MissingRights { partial, note };
  explicit SharedFindings(FindingSink& sink, MissingRights missing_rights = MissingRights::partial)
      : missing_rights_(missing_rights), state_(sink) {}

  void report(const Finding& finding) override;
  /// The same, but nothing if this code was reported of this path before: preflight and restore may
  /// meet the same damage.
  void report_once(const Finding& finding);
  void note(std::string_view code, const std::string& path, std::string_view message);
  void partial(std::string_view code, const std::string& path, std::string_view message);
  void damaged(std::string_view code, const std::string& path, std::string_view message);

  /// Remembers what could not be set on `path`.
  void gather(const MetadataProblems& problems, const std::string& path);
  /// Remembers that `path`, one of the `what` ("devices"), cannot be made.
  void gather_unmade(const std::string& what, int errno_value, const std::string& path);
  /// Reports what was gathered: once per kind, with the number of entries and the first of them.
  void report_gathered();

  /// Findings that were partial or damaged.
  std::uint64_t error_count() const;

 private:
  /// What could not be done, and why.
  struct Kind {
    std::string code;
    std::string what;
    int errno_value = 0;
    auto operator<=>(const Kind&) const = default;
  };
  struct Gathered {
    std::uint64_t count = 0;
    std::string first_path;
  };
  static constexpr std::size_t kHeapBytes = 1 << 20;
  struct State {
    explicit State(FindingSink& sink_in) : sink(sink_in) {}
    void report(const Finding& finding);
    void gather(Kind kind, const std::string& path);

    FindingSink& sink;
    std::uint64_t error_count = 0;
    std::map<Kind, Gathered> gathered;
    /// Hashes of code and path: a repository that lost its packs has as many as files.
    LinkMap<bool> reported_once{kHeapBytes};
  };

  Finding describe(const Kind& kind, const Gathered& gathered) const;

  const MissingRights missing_rights_;
  Guarded<State> state_;
};

/// True for errors that end the job instead of concerning one entry: the target is full, a stop was
/// asked for, the keys do not suffice.
bool ends_restore(const Error& error);

}  // namespace coppice
