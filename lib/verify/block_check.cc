#include "verify/block_check.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "crypto/hash.h"

namespace coppice {

void BlockChecker::append(std::uint64_t offset, ByteView piece) {
  while (next_ < table_.blocks.size()) {
    const std::uint64_t length = table_.blocks[next_].sealed_length;
    const std::uint64_t start = next_offset_ + carry_.size();  // of what is still wanted
    const std::uint64_t end = offset + piece.size();
    if (start >= end) return;
    const ByteView rest = piece.subspan(static_cast<std::size_t>(start - offset));
    const auto wanted = static_cast<std::size_t>(length - carry_.size());
    if (rest.size() < wanted) {
      carry_.insert(carry_.end(), rest.begin(), rest.end());
      return;
    }
    if (carry_.empty()) {
      check(rest.first(wanted));
    } else {
      carry_.insert(carry_.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(wanted));
      check(carry_);
      carry_.clear();
    }
    next_offset_ += length;
    ++next_;
  }
}

std::vector<BadBlock> BlockChecker::finish() {
  for (; next_ < table_.blocks.size(); ++next_) add_bad("is missing");
  return std::move(bad_);
}

void BlockChecker::add_bad(std::string why, std::optional<std::uint32_t> chunk_offset) {
  bad_.push_back({static_cast<std::uint32_t>(next_), chunk_offset, std::move(why)});
}

void BlockChecker::check(ByteView sealed) {
  const BlockInfo& info = table_.blocks[next_];
  if (blake3(sealed) != info.sealed_hash) return add_bad("is not what the pack's table says");
  try {
    const Secret32& secret = tools_.secrets.secret(info.seal.session, info.chunk_class);
    Bytes prefix;
    // Without its bases a delta cannot be judged; it is as bad as they are (Verdicts::settle).
    if (info.is_delta() && !has_bases(info, prefix)) return;
    const Bytes raw = tools_.openers.with(
        [] { return BlockOpener(); },
        [&](BlockOpener& opener) { return opener.open(info, sealed, secret, prefix); });
    ++opened_;
    check_chunks(info, raw);
  } catch (const Error& error) {
    // An auditor has no key for contents: the signed hash must do.
    if (error.kind() == ErrorKind::no_key) return;
    if (error.kind() != ErrorKind::damaged) throw;
    add_bad(error.what());
  }
}

bool BlockChecker::has_bases(const BlockInfo& info, Bytes& prefix) {
  for (const BlockBase& base : info.bases) {
    const std::vector<ChunkPlace> places = tools_.index.find(base.id);
    const bool has_plain = std::any_of(places.begin(), places.end(),
                                       [](const ChunkPlace& place) { return !place.is_delta(); });
    if (!has_plain) return false;
    try {
      const Bytes bytes = tools_.chunks.get(info.chunk_class, base.id);
      if (prefix.size() + bytes.size() > kMaxPrefixBytes) throw_damaged("its bases are too long");
      prefix.insert(prefix.end(), bytes.begin(), bytes.end());
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::damaged) throw;
      return false;
    }
  }
  return true;
}

void BlockChecker::check_chunks(const BlockInfo& info, ByteView raw) {
  std::uint64_t offset = 0;
  for (const ChunkEntry& chunk : info.chunks) {
    if (offset + chunk.length > raw.size()) return add_bad("is shorter than its chunks");
    const ByteView bytes = raw.subspan(static_cast<std::size_t>(offset), chunk.length);
    ++chunks_;
    if (tools_.keyring.identity(info.chunk_class).id(bytes) != chunk.id) {
      add_bad("chunk " + chunk.id.short_hex() + " is not what its id says",
              static_cast<std::uint32_t>(offset));
    }
    offset += chunk.length;
  }
}

}  // namespace coppice
