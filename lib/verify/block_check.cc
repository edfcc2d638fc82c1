#include "verify/block_check.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "crypto/hash.h"

namespace coppice {

namespace {

/// Sealed blocks that wait to be looked at, in each pack that is being read.
constexpr std::size_t kWaitingBlocks = 2;

}  // namespace

/// One block and what is found out about it. Used by one thread at a time.
class BlockChecker::OneBlock {
 public:
  OneBlock(const BlockTools& tools, const BlockInfo& info, std::uint32_t position, Bytes sealed)
      : tools_(tools), info_(info), position_(position), sealed_(std::move(sealed)) {}

  void check();

  const std::vector<BadBlock>& bad() const { return bad_; }
  bool is_opened() const { return is_opened_; }
  std::uint64_t chunks() const { return chunks_; }

 private:
  void open();
  bool has_bases(Bytes& prefix);
  void check_chunks(ByteView raw);
  void add_bad(std::string why, std::optional<std::uint32_t> chunk_offset = std::nullopt) {
    bad_.push_back({position_, chunk_offset, std::move(why)});
  }

  const BlockTools& tools_;
  const BlockInfo& info_;
  const std::uint32_t position_;
  Bytes sealed_;
  std::vector<BadBlock> bad_;
  bool is_opened_ = false;
  std::uint64_t chunks_ = 0;
};

BlockChecker::BlockChecker(const BlockTools& tools, const PackTable& table)
    : tools_(tools), table_(table), work_(tools.pool, kWaitingBlocks) {}

BlockChecker::~BlockChecker() = default;

void BlockChecker::append(std::uint64_t offset, ByteView piece) {
  while (blocks_.size() < table_.blocks.size()) {
    const std::uint64_t length = table_.blocks[blocks_.size()].sealed_length;
    const std::uint64_t start = next_offset_ + carry_.size();  // of what is still wanted
    const std::uint64_t end = offset + piece.size();
    if (start >= end) return;
    const ByteView rest = piece.subspan(static_cast<std::size_t>(start - offset));
    const auto wanted = static_cast<std::size_t>(length - carry_.size());
    const ByteView taken = rest.first(std::min(wanted, rest.size()));
    carry_.insert(carry_.end(), taken.begin(), taken.end());
    if (taken.size() < wanted) return;
    check(std::exchange(carry_, {}));
    next_offset_ += length;
  }
}

void BlockChecker::check(Bytes sealed) {
  const auto position = static_cast<std::uint32_t>(blocks_.size());
  blocks_.push_back(
      std::make_unique<OneBlock>(tools_, table_.blocks[position], position, std::move(sealed)));
  work_.offer([block = blocks_.back().get()] { block->check(); });
}

std::vector<BadBlock> BlockChecker::finish() {
  work_.finish();
  std::vector<BadBlock> bad;
  for (const auto& block : blocks_) {
    bad.insert(bad.end(), block->bad().begin(), block->bad().end());
    opened_ += block->is_opened() ? 1U : 0U;
    chunks_ += block->chunks();
  }
  for (std::size_t missing = blocks_.size(); missing < table_.blocks.size(); ++missing)
    bad.push_back({static_cast<std::uint32_t>(missing), std::nullopt, "is missing"});
  return bad;
}

void BlockChecker::OneBlock::check() {
  if (blake3(sealed_) == info_.sealed_hash) {
    open();
  } else {
    add_bad("is not what the pack's table says");
  }
  sealed_ = {};
}

void BlockChecker::OneBlock::open() {
  try {
    const Secret32& secret = tools_.secrets.secret(info_.seal.session, info_.chunk_class);
    Bytes prefix;
    // Without its bases a delta cannot be judged; it is as bad as they are (Verdicts::settle).
    if (info_.is_delta() && !has_bases(prefix)) return;
    const RawBlock raw = tools_.openers.with(
        [] { return BlockOpener(); },
        [&](BlockOpener& opener) { return opener.open(info_, sealed_, secret, prefix); });
    is_opened_ = true;
    check_chunks(raw);
  } catch (const Error& error) {
    // An auditor has no key for contents: the signed hash must do.
    if (error.kind() == ErrorKind::no_key) return;
    if (error.kind() != ErrorKind::damaged) throw;
    add_bad(error.what());
  }
}

bool BlockChecker::OneBlock::has_bases(Bytes& prefix) {
  for (const BlockBase& base : info_.bases) {
    const std::vector<ChunkPlace> places = tools_.index.find(base.id);
    const bool has_plain = std::any_of(places.begin(), places.end(),
                                       [](const ChunkPlace& place) { return !place.is_delta(); });
    if (!has_plain) return false;
    try {
      const Bytes bytes = tools_.chunks.get(info_.chunk_class, base.id);
      if (prefix.size() + bytes.size() > kMaxPrefixBytes) throw_damaged("its bases are too long");
      prefix.insert(prefix.end(), bytes.begin(), bytes.end());
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::damaged) throw;
      return false;
    }
  }
  return true;
}

void BlockChecker::OneBlock::check_chunks(ByteView raw) {
  std::uint64_t offset = 0;
  for (const ChunkEntry& chunk : info_.chunks) {
    if (offset + chunk.length > raw.size()) return add_bad("is shorter than its chunks");
    const ByteView bytes = raw.subspan(static_cast<std::size_t>(offset), chunk.length);
    ++chunks_;
    if (tools_.keyring.identity(info_.chunk_class).id(bytes) != chunk.id) {
      add_bad("chunk " + chunk.id.short_hex() + " is not what its id says",
              static_cast<std::uint32_t>(offset));
    }
    offset += chunk.length;
  }
}

}  // namespace coppice
