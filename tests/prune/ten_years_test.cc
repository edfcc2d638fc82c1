#include <doctest/doctest.h>

#include <cstdlib>

#include "prune_world.h"
#include "retention/forget.h"

/// Hourly backups with a daily forget and prune, in tiny, by a clock that the test turns: the
/// number of files and the work at the start of a command must not grow with the years.
namespace coppice::test {
namespace {

class HourClock final : public Clock {
 public:
  Timestamp now() const override { return {1'800'000'000 + 3600 * hour, 0}; }
  std::uint64_t monotonic_ns() const override { return system_clock().monotonic_ns(); }
  std::int64_t hour = 0;
};

class Years : public PruneWorld {
 public:
  /// What remains of a run.
  struct Outcome {
    std::size_t snapshots = 0;
    std::size_t files = 0;
    std::size_t most_files = 0;
    std::uint64_t bytes = 0;
    std::uint64_t entries = 0;  ///< that were ever appended
  };

  Outcome live_through(int days) {
    Outcome outcome;
    for (int day = 0; day < days; ++day) {
      const auto today = machine();
      for (int hour = 0; hour < 24; ++hour) back_up(*today);
      tidy_up(*today);
      outcome.most_files = std::max(outcome.most_files, files());
    }
    const auto last = machine();
    outcome.snapshots = last->state().visible_snapshots().size();
    outcome.files = files();
    outcome.bytes = stored_bytes();
    outcome.entries = last->state().next_number;
    return outcome;
  }

 private:
  void back_up(Repository& repository) {
    ++hours_.hour;
    write("f" + std::to_string(hours_.hour % 7),
          noise(300, static_cast<std::uint32_t>(hours_.hour)));
    BackupOptions options = backup_options();
    options.clock = &hours_;
    options.parent_root = parent_;
    parent_ = backup(repository, options).record.root;
  }

  void tidy_up(Repository& repository) {
    ForgetOptions options;
    options.policy.newest_of = {24, 30, 52, 120, 10};
    options.now = hours_.now();
    run_forget(repository, options, findings);
    PruneOptions how = prune_options();
    how.limits.max_unused.percent = 5;
    run_prune(repository, how, findings);
  }

  HourClock hours_;
  std::optional<Node> parent_;
};

TEST_CASE_FIXTURE(Years, "weeks of hourly backups with daily forget and prune leave few files") {
  const Outcome outcome = live_through(6);
  CHECK(outcome.snapshots >= 24 + 4);
  CHECK(outcome.snapshots <= 24 + 6 + 4);
  CHECK(outcome.entries > 6 * 24);
  CHECK(outcome.most_files < 600);
  expect_all_whole();
}

// Minutes: tests/run.sh --long.
TEST_CASE_FIXTURE(Years,
                  "ten years of hourly backups with daily forget and prune end with under "
                  "2,000 files" *
                      doctest::skip()) {
  const char* wish = std::getenv("COPPICE_TEST_DAYS");
  const int days = wish != nullptr ? std::atoi(wish) : 3650;
  const Outcome outcome = live_through(days);
  MESSAGE("snapshots ", outcome.snapshots, ", files ", outcome.files, ", at most ",
          outcome.most_files, ", bytes ", outcome.bytes, ", entries ", outcome.entries);
  CHECK(outcome.most_files < 2000);
  const std::uint64_t before = system_clock().monotonic_ns();
  machine();
  MESSAGE("opening takes ms: ", (system_clock().monotonic_ns() - before) / 1'000'000);
  expect_all_whole();
}

}  // namespace
}  // namespace coppice::test
