#pragma once
#include <vector>

#include "benchmark/speed.h"
#include "crypto/aead.h"

namespace coppice {

/// One level of compression, on text.
struct LevelSpeed {
  int level = 0;
  Speed compress;    ///< raw bytes
  double ratio = 1;  ///< compressed to raw bytes
};

/// What this machine's processors do in a second with bytes in memory: what a backup and a restore
/// do with each block, step by step.
struct ProcessorSpeeds {
  Speed chunk;       ///< cutting
  Speed hash;        ///< naming chunks
  Speed seal;        ///< encrypting a block, and opening and comparing it again
  Speed open;        ///< decrypting a block
  Speed decompress;  ///< raw bytes, of text
  Speed parity;
  Speed record;                    ///< entries a second: written into a tree and read from one
  std::vector<LevelSpeed> levels;  ///< ascending
};

/// The parts, for whoever wants one of them. Sizes of buffers are those of a backup.
Speed measure_chunking(const SpeedMeter& meter);
Speed measure_hashing(const SpeedMeter& meter);
Speed measure_sealing(const SpeedMeter& meter, Cipher cipher);
Speed measure_opening(const SpeedMeter& meter, Cipher cipher);
Speed measure_parity(const SpeedMeter& meter);
Speed measure_decompressing(const SpeedMeter& meter);
Speed measure_recording(const SpeedMeter& meter);
LevelSpeed measure_level(const SpeedMeter& meter, int level);

/// All of them, with levels of compression ascending.
ProcessorSpeeds measure_processor(const SpeedMeter& meter, const std::vector<int>& levels);

}  // namespace coppice
