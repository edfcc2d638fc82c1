#include "restore/content_pass.h"

#include <algorithm>
#include <tuple>

namespace coppice {
namespace {

/// The placements of one block, in order of files and offsets.
struct BlockJob {
  ChunkPlace place;
  std::span<const ChunkPlacement> placements;
};

std::vector<BlockJob> group_by_block(std::vector<ChunkPlacement>& placements) {
  std::sort(placements.begin(), placements.end(),
            [](const ChunkPlacement& a, const ChunkPlacement& b) {
              return std::make_tuple(a.place.block_key(), a.file, a.file_offset) <
                     std::make_tuple(b.place.block_key(), b.file, b.file_offset);
            });
  std::vector<BlockJob> jobs;
  const std::span<const ChunkPlacement> all = placements;
  for (std::size_t begin = 0, end = 0; begin < all.size(); begin = end) {
    const std::uint64_t key = all[begin].place.block_key();
    while (end < all.size() && all[end].place.block_key() == key) ++end;
    jobs.push_back({all[begin].place, all.subspan(begin, end - begin)});
  }
  return jobs;
}

auto place_in_packs(const BlockJob& job) {
  const BlockRecord& record = job.place.block_record();
  return std::make_tuple(job.place.run_number, record.pack, record.offset);
}

auto place_in_files(const BlockJob& job) {
  return std::make_tuple(job.placements.front().file, job.placements.front().file_offset);
}

/// Blocks are read forward, pack by pack. Where some are deltas, in order of what they restore: old
/// versions lie in their packs in the same order, so each block of bases is opened about once,
/// however many packs the bases of one file are spread over.
void sort_jobs(std::vector<BlockJob>& jobs) {
  const bool has_deltas = std::any_of(jobs.begin(), jobs.end(),
                                      [](const BlockJob& job) { return job.place.is_delta(); });
  std::sort(jobs.begin(), jobs.end(), [&](const BlockJob& a, const BlockJob& b) {
    return has_deltas ? place_in_files(a) < place_in_files(b)
                      : place_in_packs(a) < place_in_packs(b);
  });
}

}  // namespace

void ContentPass::run(const std::vector<PlannedEntry*>& entries) {
  for (PlannedEntry* entry : entries) files_.emplace_back(context_, *entry);
  next_file_ = 0;
  while (next_file_ < files_.size()) {
    plan_round();
    run_round();
  }
  files_.clear();
}

void ContentPass::plan_round() {
  while (next_file_ < files_.size()) {
    context_.check_stop();
    OutputFile& file = files_[next_file_];
    try {
      if (!plan_file(file)) return;
    } catch (const Error& error) {  // per item: the list of its chunks cannot be read
      if (ends_restore(error)) throw;
      file.lose_range(offset_, file.entry().node.meta.size - offset_);
    }
    end_file(file);
  }
}

bool ContentPass::plan_file(OutputFile& file) {
  if (!extents_) extents_.emplace(context_.trees, file.entry().node);
  while (placements_.size() < context_.options.window.chunk_places) {
    const ContentExtent* extent = extents_->next();
    if (extent == nullptr) return true;
    if (!extent->is_hole) plan_extent(file, *extent);
    offset_ += extent->length;
    ++extent_number_;
  }
  return false;
}

void ContentPass::plan_extent(OutputFile& file, const ContentExtent& extent) {
  if (const UpdatePlan* update = file.entry().update.get()) {
    if (extent_number_ < update->is_same.size() && update->is_same[extent_number_]) return;
  }
  const auto place = context_.blocks.index().find_first(extent.id);
  if (!place || place->length != extent.length) return file.lose_range(offset_, extent.length);
  file.expect_piece(offset_ + extent.length);
  placements_.push_back({*place, static_cast<std::uint32_t>(next_file_), offset_, extent.id});
}

void ContentPass::end_file(OutputFile& file) {
  if (file.end_planning()) finishable_.push_back(&file);
  extents_.reset();
  offset_ = 0;
  extent_number_ = 0;
  ++next_file_;
}

void ContentPass::run_round() {
  std::vector<BlockJob> jobs = group_by_block(placements_);
  sort_jobs(jobs);
  run_parallel(context_.tasks, jobs.size(), [&](std::size_t i) {
    write_block(context_, files_, jobs[i].place, jobs[i].placements);
  });
  run_parallel(context_.tasks, finishable_.size(), [&](std::size_t i) {
    context_.check_stop();
    finishable_[i]->finish();
  });
  placements_.clear();
  finishable_.clear();
}

}  // namespace coppice
