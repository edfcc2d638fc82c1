#pragma once
#include <cstddef>
#include <memory>

#include "base/bytes.h"

// zstd's own names, declared here so that no header of ours includes zstd's.
struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

/// One block, one zstd frame (RFC 8878; docs/format.md, section 4): with the raw size in its
/// header, without checksum (the seal around it is one) and without dictionary id, and with a
/// window of at most 8 MiB, so that a reader's memory is bounded whatever level the writer chose.
///
/// A delta is a frame made against a prefix, the raw bytes of older chunks, which both sides must
/// hold: matches may reach back into it as if it stood right before the data. A prefix is bytes,
/// never a dictionary, whatever it holds.
namespace coppice {

/// Owns one compression context, made once and reused. Not thread-safe.
/// Memory for blocks of 1 MiB: 1.3 MiB at level 3, growing with the level to 18 MiB at level 19;
/// deltas take 3.7 MiB.
class Compressor {
 public:
  /// zstd's levels; those above 19 want windows that readers do not allow.
  static constexpr int kMinLevel = 1;
  static constexpr int kMaxLevel = 19;

  /// Throws Error{usage} for a level out of [kMinLevel, kMaxLevel].
  explicit Compressor(int level);

  /// Writes one frame and returns its size; 0 if it would not fit, so that a caller who passes an
  /// `out` smaller than `raw` stores the block raw instead. A frame that would fit to within a few
  /// bytes may also count as too large. Throws Error{failed}.
  std::size_t compress(ByteView raw, MutableByteView out);
  /// The same against a prefix, of which at most the last 8 MiB are of use. Always at level 3 with
  /// zstd's search for long matches, which finds what higher levels do in less than half their
  /// time.
  std::size_t compress_with_prefix(ByteView raw, ByteView prefix, MutableByteView out);

  /// Bytes that any frame for `raw_size` bytes fits in.
  static std::size_t bound(std::size_t raw_size);
  /// Bytes the context holds now.
  std::size_t memory_bytes() const;

 private:
  /// As zstd means them: 0 is what the level says.
  struct Parameters {
    int level;
    int window_log = 0;
    int hash_log = 0;
    int chain_log = 0;
    bool finds_long_matches = false;
  };
  std::size_t run(ByteView raw, ByteView prefix, const Parameters& parameters, MutableByteView out);

  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
  };

  int level_;
  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
};

/// Owns one decompression context, made once and reused. Not thread-safe.
/// Memory: some 130 KiB, and 30 KiB more while a prefix is in use; nothing that the input says
/// makes it grow.
class Decompressor {
 public:
  Decompressor();

  /// Fills `out`, which the caller made as large as the raw block is known to be. `prefix` is that
  /// of compression. Throws Error{damaged}, leaving `out` unspecified, unless `frame` is exactly
  /// one frame as described above that holds exactly out.size() bytes.
  void decompress(ByteView frame, MutableByteView out, ByteView prefix = {});

  /// Bytes the context holds now.
  std::size_t memory_bytes() const;

 private:
  struct Free {
    void operator()(ZSTD_DCtx_s* context) const;
  };

  std::unique_ptr<ZSTD_DCtx_s, Free> context_;
};

}  // namespace coppice
