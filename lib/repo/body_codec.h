#pragma once
#include <cstdint>
#include <vector>

#include "base/codec.h"
#include "base/error.h"
#include "crypto/box.h"
#include "repo/log_bodies.h"

/// The parts that several bodies of log entries share. For the sources of lib/repo.
namespace coppice {

/// Lists in log entries are bounded by the bytes that hold them.
inline constexpr std::uint64_t kNoListMaximum = UINT64_MAX;

template <typename T, typename WriteItem>
void write_list(ByteWriter& out, const std::vector<T>& items, const WriteItem& write_item) {
  out.varint(items.size());
  for (const T& item : items) write_item(item);
}

/// `min_item_bytes` is the least that one item takes. Grows with what was read, not with what was
/// promised.
template <typename T, typename ReadItem>
std::vector<T> read_list(ByteReader& in, std::size_t min_item_bytes, const ReadItem& read_item) {
  const std::size_t count = in.count(min_item_bytes, kNoListMaximum, "list");
  std::vector<T> items;
  for (std::size_t i = 0; i < count; ++i) items.push_back(read_item());
  return items;
}

template <typename FixedIdType>
void write_ids(ByteWriter& out, const std::vector<FixedIdType>& ids) {
  write_list(out, ids, [&](const FixedIdType& id) { out.id(id); });
}

template <typename FixedIdType = Id>
std::vector<FixedIdType> read_ids(ByteReader& in) {
  return read_list<FixedIdType>(in, FixedIdType::kSize, [&] { return in.id<FixedIdType>(); });
}

void write_texts(ByteWriter& out, const std::vector<std::string>& texts);
std::vector<std::string> read_texts(ByteReader& in, std::size_t max_bytes);
void write_box(ByteWriter& out, const SealedBox& box);
SealedBox read_box(ByteReader& in);
void write_session_boxes(ByteWriter& out, const std::vector<SessionBox>& boxes);
std::vector<SessionBox> read_session_boxes(ByteReader& in);
void write_chunk(ByteWriter& out, const ChunkName& chunk);
ChunkName read_chunk(ByteReader& in);
inline constexpr std::size_t kChunkNameBytes = 1 + Id::kSize;

/// Throws Error{newer_version}: the bytes are intact, but this program is too old for them.
[[noreturn]] void throw_unknown(std::string_view what);

}  // namespace coppice
