#include "index/run_collector.h"

#include <utility>

#include "fs/scratch_file.h"
#include "index/run_merge.h"

namespace coppice {
namespace {

/// Of records; sorting and writing take as much again for a moment.
constexpr std::size_t kPartBytes = 16 << 20;

IndexRun run_over(const Fd& file, std::uint64_t size) {
  // shared: the runs made of it are handed out by value.
  const auto mapped = std::make_shared<MappedFile>(file, static_cast<std::size_t>(size));
  return IndexRun::from_image(mapped, mapped->bytes());
}

}  // namespace

IndexRun merge_into_scratch(std::span<const IndexRun> parts) {
  std::uint64_t size = 0;
  const Fd file = write_scratch_file([&](const Fd& fd) { size = merge_runs(parts, fd); });
  return run_over(file, size);
}

void RunCollector::add(const Id& pack, std::uint64_t pack_length, const PackTable& table) {
  builder_.add(pack, pack_length, table);
  if (builder_.size_in_bytes() >= kPartBytes) spill();
}

void RunCollector::spill() {
  const IndexRun part = builder_.build();
  const Fd file = write_scratch_file([&](const Fd& fd) { write_at(fd.get(), part.bytes(), 0); });
  parts_.push_back(run_over(file, part.bytes().size()));
}

std::vector<IndexRun> RunCollector::take_parts() {
  if (!builder_.is_empty()) parts_.push_back(builder_.build());
  return std::exchange(parts_, {});
}

IndexRun RunCollector::take_run() {
  const std::vector<IndexRun> parts = take_parts();
  return parts.size() == 1 ? parts.front() : merge_into_scratch(parts);
}

}  // namespace coppice
