#include "compress/compressor.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <bit>
#include <string>

#include "base/error.h"

namespace coppice {
namespace {

/// Deltas are made at level 3, whatever the level of plain blocks, and look for long matches
/// besides, by one sample in 2^6 bytes. Measured on the 176 delta blocks of Linux 6.1.192
/// over 6.1.170 (179 MiB against prefixes of as much): level 3 alone with tables of 2^19 entries
/// 1,300 KB in 0.40 s of CPU time (with its own 2^17 it loses what lies far back), so 917 KB in
/// 0.66 s, level 7 with tables of 2^20 entries 881 KB in 1.4 s.
constexpr int kPrefixLevel = 3;
constexpr int kPrefixHashLog = 19;
constexpr int kLongMatchHashLog = 17;
constexpr int kLongMatchMinimum = 64;
constexpr int kLongMatchRateLog = 6;
constexpr int kMinWindowLog = 10;
/// 8 MiB: what every decoder is expected to allow (RFC 8878, section 3.1.1.1.2).
constexpr int kMaxWindowLog = 23;

void require(std::size_t result, const char* what) {
  if (ZSTD_isError(result) != 0) {
    throw Error(ErrorKind::failed, std::string(what) + ": " + ZSTD_getErrorName(result));
  }
}

void set(ZSTD_CCtx* context, ZSTD_cParameter parameter, int value) {
  require(ZSTD_CCtx_setParameter(context, parameter, value), "compression parameter");
}

void set_long_matches(ZSTD_CCtx* context, bool enabled) {
  set(context, ZSTD_c_enableLongDistanceMatching, enabled ? 1 : 0);
  set(context, ZSTD_c_ldmHashLog, enabled ? kLongMatchHashLog : 0);
  set(context, ZSTD_c_ldmMinMatch, enabled ? kLongMatchMinimum : 0);
  set(context, ZSTD_c_ldmHashRateLog, enabled ? kLongMatchRateLog : 0);
}

/// The smallest window that holds everything, as far as readers allow.
int window_log_for(std::size_t bytes) {
  const int log = bytes < 2 ? 0 : static_cast<int>(std::bit_width(bytes - 1));
  return std::clamp(log, kMinWindowLog, kMaxWindowLog);
}

/// True if the frame is a standard one (zstd would also decode skippable frames, and those of
/// versions before 0.8) whose window is allowed. Decoding in one call needs no window, so zstd does
/// not check it, but a reader that streams would fail.
bool has_allowed_header(ByteView frame) {
  constexpr std::array<std::uint8_t, 4> kMagic{0x28, 0xB5, 0x2F, 0xFD};
  if (frame.size() < 6 || !std::ranges::equal(frame.first(4), kMagic)) return false;
  const bool is_single_segment = (frame[4] & 0x20) != 0;
  if (is_single_segment) return true;  // the window is the content
  const unsigned exponent = frame[5] >> 3;
  const unsigned mantissa = frame[5] & 7;
  constexpr unsigned kMaxExponent = kMaxWindowLog - 10;
  return exponent < kMaxExponent || (exponent == kMaxExponent && mantissa == 0);
}

}  // namespace

void Compressor::Free::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }

Compressor::Compressor(int level) : level_(level), context_(ZSTD_createCCtx()) {
  if (level < kMinLevel || level > kMaxLevel) {
    throw Error(ErrorKind::usage,
                "compression level " + std::to_string(level) + " is not in 1 to 19");
  }
  if (context_ == nullptr) throw Error(ErrorKind::failed, "no memory for compression");
  // Content size, no checksum and no dictionary id. Long-distance matching stays off by itself
  // below window log 27.
  set(context_.get(), ZSTD_c_contentSizeFlag, 1);
  set(context_.get(), ZSTD_c_checksumFlag, 0);
  set(context_.get(), ZSTD_c_dictIDFlag, 0);
}

std::size_t Compressor::compress(ByteView raw, MutableByteView out) {
  return run(raw, {}, {.level = level_}, out);
}

std::size_t Compressor::compress_with_prefix(ByteView raw, ByteView prefix, MutableByteView out) {
  return run(raw, prefix,
             {.level = kPrefixLevel,
              .window_log = window_log_for(raw.size() + prefix.size()),
              .hash_log = kPrefixHashLog,
              .chain_log = kPrefixHashLog - 1,
              .finds_long_matches = true},
             out);
}

std::size_t Compressor::run(ByteView raw, ByteView prefix, const Parameters& parameters,
                            MutableByteView out) {
  // A call that failed half-way leaves its session open, and parameters cannot change within one.
  require(ZSTD_CCtx_reset(context_.get(), ZSTD_reset_session_only), "compress");
  set(context_.get(), ZSTD_c_compressionLevel, parameters.level);
  set(context_.get(), ZSTD_c_windowLog, parameters.window_log);
  set(context_.get(), ZSTD_c_hashLog, parameters.hash_log);
  set(context_.get(), ZSTD_c_chainLog, parameters.chain_log);
  set_long_matches(context_.get(), parameters.finds_long_matches);
  // A prefix holds for one call only; an empty one clears what a failed call may have left.
  require(ZSTD_CCtx_refPrefix(context_.get(), prefix.data(), prefix.size()), "prefix");
  const std::size_t size =
      ZSTD_compress2(context_.get(), out.data(), out.size(), raw.data(), raw.size());
  if (ZSTD_isError(size) != 0 && ZSTD_getErrorCode(size) == ZSTD_error_dstSize_tooSmall) return 0;
  require(size, "compress");
  return size;
}

std::size_t Compressor::bound(std::size_t raw_size) { return ZSTD_compressBound(raw_size); }

std::size_t Compressor::memory_bytes() const { return ZSTD_sizeof_CCtx(context_.get()); }

void Decompressor::Free::operator()(ZSTD_DCtx_s* context) const { ZSTD_freeDCtx(context); }

Decompressor::Decompressor() : context_(ZSTD_createDCtx()) {
  if (context_ == nullptr) throw Error(ErrorKind::failed, "no memory for decompression");
  require(ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kMaxWindowLog), "window");
}

void Decompressor::decompress(ByteView frame, MutableByteView out, ByteView prefix) {
  if (!has_allowed_header(frame)) throw_damaged("compressed block: not a frame that we write");
  if (ZSTD_getFrameContentSize(frame.data(), frame.size()) != out.size()) {
    throw_damaged("compressed block: not of the size it should have");
  }
  // zstd would go on to decode whatever frames follow.
  if (ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size()) {
    throw_damaged("compressed block: cut short, or followed by other bytes");
  }
  // As raw bytes: ZSTD_decompress_usingDict would take a prefix that begins like a dictionary for
  // one.
  require(ZSTD_DCtx_refPrefix(context_.get(), prefix.data(), prefix.size()), "prefix");
  const std::size_t size =
      ZSTD_decompressDCtx(context_.get(), out.data(), out.size(), frame.data(), frame.size());
  if (ZSTD_isError(size) != 0) {
    throw_damaged(std::string("compressed block: ") + ZSTD_getErrorName(size));
  }
  if (size != out.size()) throw_damaged("compressed block: holds fewer bytes than it says");
}

std::size_t Decompressor::memory_bytes() const { return ZSTD_sizeof_DCtx(context_.get()); }

}  // namespace coppice
