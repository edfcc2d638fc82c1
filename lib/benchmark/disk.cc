#include "benchmark/disk.h"

#include <fcntl.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "base/units.h"
#include "benchmark/sample_data.h"
#include "fs/fd.h"
#include "fs/mount_info.h"
#include "fs/scratch_file.h"

namespace coppice {
namespace {

constexpr std::size_t kPieceBytes = 4 * kMiB;
/// So much is written between two looks at the clock, each after an fsync.
constexpr std::uint64_t kBatchBytes = 32 * kMiB;
/// Less tells nothing.
constexpr std::uint64_t kLeastBytes = 8 * kMiB;
constexpr int kSyncs = 10;

class DiskMeter {
 public:
  explicit DiskMeter(const DiskOptions& options)
      : options_(options),
        piece_(sample_noise(kPieceBytes)),
        file_(create_scratch_file(options.directory)) {}

  DiskSpeed run();

 private:
  std::uint64_t room() const;
  void write(std::uint64_t room, DiskSpeed& speed);
  void read(DiskSpeed& speed);
  void sync_small(DiskSpeed& speed);
  void check_stop() const {
    if (options_.stop != nullptr) options_.stop->check();
  }
  double seconds_since(std::uint64_t start) const {
    return static_cast<double>(std::max<std::uint64_t>(1, options_.clock->monotonic_ns() - start)) /
           1e9;
  }

  const DiskOptions& options_;
  Bytes piece_;
  Fd file_;
};

std::uint64_t DiskMeter::room() const {
  const FreeSpace free = free_space(file_.get());
  const std::uint64_t room = std::min(options_.max_bytes, free.bytes.value_or(~0ULL) / 2);
  if (room >= kLeastBytes) return room / kPieceBytes * kPieceBytes;
  throw Error(ErrorKind::no_space, escape_for_display(options_.directory) + ": only " +
                                       format_size(free.bytes.value_or(0)) +
                                       " are free, too little to measure a disk");
}

void DiskMeter::write(std::uint64_t room, DiskSpeed& speed) {
  const std::uint64_t start = options_.clock->monotonic_ns();
  while (speed.bytes < room) {
    check_stop();
    write_at(file_.get(), piece_, speed.bytes);
    speed.bytes += kPieceBytes;
    if (speed.bytes % kBatchBytes != 0) continue;
    sync_to_disk(file_.get());
    if (options_.clock->monotonic_ns() - start > options_.budget_ns) break;
  }
  sync_to_disk(file_.get());
  speed.write = static_cast<double>(speed.bytes) / seconds_since(start);
}

void DiskMeter::read(DiskSpeed& speed) {
  // Advice only: what does not leave the cache is read from there.
  (void)::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_DONTNEED);
  const std::uint64_t start = options_.clock->monotonic_ns();
  std::uint64_t at = 0;
  while (at < speed.bytes) {
    check_stop();
    at += read_at(file_.get(), piece_, at);
    if (options_.clock->monotonic_ns() - start > options_.budget_ns) break;
  }
  speed.read = static_cast<double>(at) / seconds_since(start);
}

void DiskMeter::sync_small(DiskSpeed& speed) {
  const std::uint64_t start = options_.clock->monotonic_ns();
  int count = 0;
  do {
    check_stop();
    write_at(file_.get(), ByteView(piece_).first(4 * kKiB),
             4 * kKiB * static_cast<unsigned>(count));
    sync_to_disk(file_.get());
  } while (++count < kSyncs && options_.clock->monotonic_ns() - start < options_.budget_ns);
  speed.seconds_to_sync_one = seconds_since(start) / count;
}

DiskSpeed DiskMeter::run() {
  DiskSpeed speed;
  speed.path = options_.directory;
  write(room(), speed);
  read(speed);
  sync_small(speed);
  return speed;
}

}  // namespace

DiskSpeed measure_disk(const DiskOptions& options) { return DiskMeter(options).run(); }

}  // namespace coppice
