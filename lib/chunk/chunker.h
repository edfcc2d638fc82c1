#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/secret.h"
#include "base/units.h"
#include "chunk/candidates.h"
#include "chunk/cut_prf.h"
#include "chunk/simd_level.h"

namespace coppice {

/// How long chunks are, in bytes. Set at `init` and never changed: other lengths give other cuts.
struct ChunkerParams {
  static constexpr std::uint32_t kMinAverage = 16 * kKiB;
  static constexpr std::uint32_t kMaxAverage = 4 * kMiB;
  /// A cut lies 0 … kMaxJitter bytes behind the place that decided it.
  static constexpr std::uint32_t kMaxJitter = 4095;

  /// The mean length over random bytes: a power of two in [kMinAverage, kMaxAverage].
  std::uint32_t average = 128 * kKiB;

  std::uint32_t min() const { return average / 4; }
  std::uint32_t max() const { return average * 4; }

  /// Parameters with the average that a person asked for; throws Error{usage} unless it is allowed.
  static ChunkerParams with_average(std::uint64_t average);
  /// The same for a value read from storage; empty unless it is allowed.
  static std::optional<ChunkerParams> try_with_average(std::uint64_t average);
};

/// Cuts a stream into chunks where its contents say so (docs/format.md, "Cutting"): after an
/// insertion the cuts soon fall on the same bytes again, and without the secret nobody can tell
/// where they fall.
///
/// Invariants: a cut is a pure function of the secret, the average and the bytes from the chunk's
/// start, so it is the same at every SimdLevel, on every machine, and however much is buffered. A
/// chunk has between min() and max_chunk_size() bytes; only the last of a stream may be shorter.
/// Holes are the caller's business. Immutable: any number of threads may share one.
class Chunker {
 public:
  /// Throws Error{usage} unless `params` is allowed, Error{failed} if this CPU lacks `level` or
  /// OpenSSL fails.
  explicit Chunker(const Secret32& chunker_secret, ChunkerParams params = {},
                   SimdLevel level = best_simd_level());

  /// The length of the chunk that starts at data[0]. `data` is the stream from there as far as it
  /// is buffered; `at_end` says that the stream ends with it. Returns 0 if more bytes are needed,
  /// which is never so when data.size() >= max_chunk_size() or `at_end` (unless `data` is empty).
  /// Looks at the chunk from its start each time, so it is best called with max_chunk_size() bytes
  /// or the end.
  std::size_t next_cut(ByteView data, bool at_end) const;

  /// The longest chunk there is, in bytes: max() and the jitter.
  std::size_t max_chunk_size() const { return params_.max() + ChunkerParams::kMaxJitter; }
  const ChunkerParams& params() const { return params_; }

 private:
  std::optional<std::size_t> find_cut(ByteView data) const;

  ChunkerParams params_;
  CandidateFinder finder_;
  CutPrf prf_;
  std::uint32_t decision_threshold_;
};

}  // namespace coppice
