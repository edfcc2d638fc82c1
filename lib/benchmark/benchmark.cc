#include "benchmark/benchmark.h"

#include "base/error.h"
#include "base/units.h"

namespace coppice {
namespace {

constexpr std::uint64_t kFigureNs = 350'000'000;
constexpr std::uint64_t kDiskNs = 3'000'000'000;
constexpr std::uint64_t kDiskBytes = 512 * kMiB;
constexpr std::uint64_t kTreeEntries = 200'000;
constexpr std::uint64_t kQuick = 4;

/// Calls `measure`; what goes wrong is a finding, unless it ends all.
template <typename Measure>
auto try_measure(const char* code, const std::string& item, FindingSink& findings,
                 const Measure& measure) -> std::optional<decltype(measure())> {
  try {
    return measure();
  } catch (const Error& error) {  // per item
    if (error.kind() == ErrorKind::interrupted) throw;
    findings.report({Finding::Weight::partial, code, item, error.what()});
    return std::nullopt;
  }
}

}  // namespace

MachineFigures measure_machine(const BenchmarkOptions& options, ThreadPool& pool,
                               FindingSink& findings) {
  const std::uint64_t part = options.is_quick ? kQuick : 1;
  const SpeedMeter meter{pool, kFigureNs / part, options.stop, options.clock};
  MachineFigures figures;
  // What may fail comes first: nobody waits ten seconds to hear of it.
  figures.disk = try_measure("disk_not_measured", options.disk_directory, findings, [&] {
    return measure_disk(
        {options.disk_directory, kDiskBytes / part, kDiskNs / part, options.stop, options.clock});
  });
  figures.tree = try_measure("tree_not_measured", options.tree_directory, findings, [&] {
    return measure_tree(meter, options.tree_directory, kTreeEntries / part);
  });
  figures.processor =
      measure_processor(meter, options.is_quick ? std::vector<int>{1, 3, 9}
                                                : std::vector<int>{1, 3, 6, 9, 12, 15, 19});
  return figures;
}

}  // namespace coppice
