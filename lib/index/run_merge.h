#pragma once
#include <span>

#include "fs/fd.h"
#include "index/index_run.h"

namespace coppice {

/// Merges runs into one image at the front of `file`, in one pass: each is read and the result is
/// written from front to back. Private memory: the fan-out table of the result (at most 64 MiB,
/// with 2^24 buckets) and 2 MiB of buffers. The parts must be proved as a whole. Returns the
/// image's size in bytes. Requires fewer than 2^32 chunks and blocks in all. Throws system_error.
std::uint64_t merge_runs(std::span<const IndexRun> parts, const Fd& file);

}  // namespace coppice
