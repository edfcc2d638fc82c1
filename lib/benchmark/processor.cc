#include "benchmark/processor.h"

#include <memory>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/units.h"
#include "benchmark/sample_data.h"
#include "chunk/chunker.h"
#include "compress/compressor.h"
#include "crypto/hash.h"
#include "pack/block_codec.h"
#include "parity/parity_builder.h"
#include "snapshot/tree_codec.h"

namespace coppice {
namespace {

constexpr std::size_t kBlockBytes = 2 * kMiB;
constexpr std::size_t kChunkBytes = 128 * kKiB;
constexpr int kUsualLevel = 3;

/// Parts of a buffer, one after the other, round and round.
class Round {
 public:
  Round(ByteView all, std::size_t part) : all_(all), part_(part) {}
  ByteView next() {
    const ByteView view = all_.subspan(at_, part_);
    at_ = at_ + 2 * part_ <= all_.size() ? at_ + part_ : 0;
    return view;
  }

 private:
  ByteView all_;
  std::size_t part_;
  std::size_t at_ = 0;
};

/// One block of noise as a backup hands it to the sealer.
BlockInfo noise_block(Cipher cipher) {
  BlockInfo info;
  info.cipher = cipher;
  info.chunks.push_back({Id{}, kBlockBytes});
  return info;
}

BlockSealer::Sealed seal_noise(BlockSealer& sealer, Cipher cipher, ByteView raw,
                               std::uint64_t& counter, const Secret32& secret) {
  return sealer.seal(
      noise_block(cipher), raw,
      [&](ChunkClass) {
        return BlockSeal{Id{}, 0, counter++};
      },
      [&](ChunkClass) -> const Secret32& { return secret; });
}

std::vector<Node> sample_nodes() {
  std::vector<Node> nodes(1000);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    Node& node = nodes[i];
    node.name = "entry-" + std::to_string(1000 + i) + ".txt";
    node.meta.mode = 0644;
    node.meta.inode = 100'000 + 3 * i;
    node.meta.mtime = node.meta.ctime = {1'790'000'000 + static_cast<std::int64_t>(i % 700), 12345};
    node.meta.size = 4000;
    node.user = node.group = "somebody";
    Id id;
    id.bytes[i % id.bytes.size()] = static_cast<std::uint8_t>(i);
    node.content.extents.push_back({id, 4000, false});
  }
  return nodes;
}

}  // namespace

Speed measure_chunking(const SpeedMeter& meter) {
  const Secret32 secret;
  const Chunker chunker(secret);
  const Bytes noise = sample_noise(4 * kMiB);
  return measure_speed(meter, [&]() -> Piece {
    return [&] {
      for (ByteView rest = noise; !rest.empty();) rest = rest.subspan(chunker.next_cut(rest, true));
      return noise.size();
    };
  });
}

Speed measure_hashing(const SpeedMeter& meter) {
  const Secret32 secret;
  const ChunkIdentity identity(secret);
  const Bytes noise = sample_noise(4 * kMiB);
  return measure_speed(meter, [&]() -> Piece {
    return [&, round = Round(noise, kChunkBytes)]() mutable -> std::uint64_t {
      static_cast<void>(identity.id(round.next()));
      return kChunkBytes;
    };
  });
}

Speed measure_sealing(const SpeedMeter& meter, Cipher cipher) {
  const Secret32 secret;
  const Bytes noise = sample_noise(2 * kBlockBytes);
  return measure_speed(meter, [&]() -> Piece {
    const auto sealer = std::make_shared<BlockSealer>(kUsualLevel);  // std::function copies
    return [&, cipher, sealer, round = Round(noise, kBlockBytes),
            counter = std::uint64_t{0}]() mutable -> std::uint64_t {
      static_cast<void>(seal_noise(*sealer, cipher, round.next(), counter, secret));
      return kBlockBytes;
    };
  });
}

Speed measure_opening(const SpeedMeter& meter, Cipher cipher) {
  const Secret32 secret;
  BlockSealer sealer(kUsualLevel);
  std::uint64_t counter = 0;
  const BlockSealer::Sealed sealed =
      seal_noise(sealer, cipher, sample_noise(kBlockBytes), counter, secret);
  return measure_speed(meter, [&]() -> Piece {
    const auto opener = std::make_shared<BlockOpener>();
    return [&, opener]() -> std::uint64_t {
      return opener->open(sealed.info, sealed.bytes, secret).size();
    };
  });
}

Speed measure_parity(const SpeedMeter& meter) {
  const Bytes noise = sample_noise(8 * kMiB);
  return measure_speed(meter, [&]() -> Piece {
    return [&]() -> std::uint64_t {
      ParityBuilder builder({}, noise.size());
      builder.append(noise);
      static_cast<void>(builder.finish(Id{}));
      return noise.size();
    };
  });
}

Speed measure_decompressing(const SpeedMeter& meter) {
  const Bytes text = sample_text(kBlockBytes);
  Bytes frame(Compressor::bound(text.size()));
  frame.resize(Compressor(kUsualLevel).compress(text, frame));
  return measure_speed(meter, [&]() -> Piece {
    const auto decompressor = std::make_shared<Decompressor>();
    return [&, decompressor, out = Bytes(kBlockBytes)]() mutable -> std::uint64_t {
      decompressor->decompress(frame, out);
      return out.size();
    };
  });
}

Speed measure_recording(const SpeedMeter& meter) {
  const std::vector<Node> nodes = sample_nodes();
  return measure_speed(meter, [&]() -> Piece {
    return
        [&]() -> std::uint64_t { return decode_tree_part(encode_tree_part(nodes)).nodes.size(); };
  });
}

LevelSpeed measure_level(const SpeedMeter& meter, int level) {
  const Bytes text = sample_text(4 * kBlockBytes);
  LevelSpeed found;
  found.level = level;
  found.compress = measure_speed(meter, [&]() -> Piece {
    const auto compressor = std::make_shared<Compressor>(level);
    return [&, compressor, round = Round(text, kBlockBytes),
            out = Bytes(Compressor::bound(kBlockBytes))]() mutable -> std::uint64_t {
      compressor->compress(round.next(), out);
      return kBlockBytes;
    };
  });
  Bytes out(Compressor::bound(kBlockBytes));
  const std::size_t size = Compressor(level).compress(ByteView(text).first(kBlockBytes), out);
  found.ratio = static_cast<double>(size) / static_cast<double>(kBlockBytes);
  return found;
}

ProcessorSpeeds measure_processor(const SpeedMeter& meter, const std::vector<int>& levels) {
  const Cipher cipher = preferred_cipher();
  ProcessorSpeeds speeds;
  speeds.chunk = measure_chunking(meter);
  speeds.hash = measure_hashing(meter);
  speeds.seal = measure_sealing(meter, cipher);
  speeds.open = measure_opening(meter, cipher);
  speeds.decompress = measure_decompressing(meter);
  speeds.parity = measure_parity(meter);
  speeds.record = measure_recording(meter);
  for (const int level : levels) speeds.levels.push_back(measure_level(meter, level));
  return speeds;
}

}  // namespace coppice
