#include "backup/walk_units.h"

#include <utility>

namespace coppice {
namespace {

/// A unit is given out at this many events even if it reads little.
constexpr std::size_t kUnitEvents = 512;
/// … or at so much memory for them: names and paths may be long.
constexpr std::size_t kUnitEventBytes = 1 << 20;

}  // namespace

std::future<Segment> submit_segment(TaskGroup& tasks, std::shared_ptr<StreamedFile> stream) {
  return tasks.submit(ThreadPool::Priority::normal,
                      [stream = std::move(stream)] { return stream->read_segment(); });
}

void WalkUnits::push(WalkEvent event) {
  unit_bytes_ += sizeof event + memory_of(event.node) + event.path.capacity() +
                 (event.old ? memory_of(*event.old) : 0);
  unit_.events.push_back(std::move(event));
}

bool WalkUnits::is_full() const {
  return unit_.events.size() >= kUnitEvents || unit_bytes_ >= kUnitEventBytes;
}

void WalkUnits::add(WalkEvent event) {
  push(std::move(event));
  if (is_full()) flush();
}

void WalkUnits::add_problem(const std::string& path, const std::string& code,
                            const std::string& message, Finding::Weight weight) {
  WalkEvent event;
  event.kind = WalkEvent::Kind::problem;
  event.problem = {weight, code, path, message};
  add(std::move(event));
}

void WalkUnits::add_small_file(WalkEvent event, SmallFileJob job) {
  job_bytes_ += job.metadata.size;
  jobs_.push_back(std::move(job));
  event.kind = WalkEvent::Kind::small_file;
  push(std::move(event));
  if (jobs_.size() >= kBatchFiles || job_bytes_ >= kBatchBytes || is_full()) flush();
}

void WalkUnits::flush() {
  if (is_stopped_ || unit_.events.empty()) return;
  if (!jobs_.empty()) {
    unit_.has_batch = true;
    unit_.batch = tasks_.submit(
        ThreadPool::Priority::normal,
        [cut = *cut_, jobs = std::move(jobs_)] { return read_small_files(cut, jobs); });
  }
  jobs_ = {};
  job_bytes_ = 0;
  unit_bytes_ = 0;
  is_stopped_ = !emit_(std::exchange(unit_, {}));
}

}  // namespace coppice
