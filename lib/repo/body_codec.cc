#include "repo/body_codec.h"

#include <algorithm>
#include <string>

namespace coppice {
namespace {

constexpr std::size_t kMinSessionBoxBytes = Id::kSize + 1 + 2 * sizeof(SealedBox) + SlotId::kSize;

}  // namespace

void write_texts(ByteWriter& out, const std::vector<std::string>& texts) {
  write_list(out, texts, [&](const std::string& text) { out.text(text); });
}

std::vector<std::string> read_texts(ByteReader& in, std::size_t max_bytes) {
  return read_list<std::string>(in, 1, [&] { return in.text(max_bytes, "text"); });
}

void write_box(ByteWriter& out, const SealedBox& box) { out.raw(box); }

SealedBox read_box(ByteReader& in) {
  SealedBox box;
  const ByteView bytes = in.raw(box.size());
  std::copy(bytes.begin(), bytes.end(), box.begin());
  return box;
}

void write_session_boxes(ByteWriter& out, const std::vector<SessionBox>& boxes) {
  write_list(out, boxes, [&](const SessionBox& box) {
    out.id(box.session);
    out.varint(box.epoch);
    write_box(out, box.data_box);
    write_box(out, box.metadata_box);
    out.id(box.writer);
  });
}

std::vector<SessionBox> read_session_boxes(ByteReader& in) {
  return read_list<SessionBox>(in, kMinSessionBoxBytes, [&] {
    return SessionBox{in.id(), in.varint(), read_box(in), read_box(in), in.id<SlotId>()};
  });
}

void write_chunk(ByteWriter& out, const ChunkName& chunk) {
  out.u8(static_cast<std::uint8_t>(chunk.chunk_class));
  out.id(chunk.id);
}

ChunkName read_chunk(ByteReader& in) {
  const std::uint8_t chunk_class = in.u8();
  if (chunk_class > 1) throw_unknown("class of chunk");
  return {static_cast<ChunkClass>(chunk_class), in.id()};
}

void throw_unknown(std::string_view what) {
  throw Error(ErrorKind::newer_version, "log entry: unknown " + std::string(what));
}

}  // namespace coppice
