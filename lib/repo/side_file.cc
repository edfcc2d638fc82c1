#include "repo/side_file.h"

#include <algorithm>

#include "crypto/hash.h"
#include "parity/parity_builder.h"
#include "repo/object_names.h"

namespace coppice {
namespace {

constexpr std::uint64_t kPieceBytes = 1 << 20;

void for_each_piece(std::uint64_t length, std::uint64_t piece_bytes, const ReadObject& read,
                    const std::function<void(ByteView)>& use) {
  Bytes piece(static_cast<std::size_t>(std::min(length, piece_bytes)));
  for (std::uint64_t offset = 0; offset < length; offset += piece_bytes) {
    const MutableByteView part = MutableByteView(piece).first(
        static_cast<std::size_t>(std::min(length - offset, piece_bytes)));
    read(offset, part);
    use(part);
  }
}

}  // namespace

Side side_for(std::uint64_t length, const std::optional<ParityGeometry>& parity) {
  if (length < kParityFromBytes) return Side::copy;
  return parity ? Side::parity : Side::none;
}

void write_side_file(Store& store, const std::string& name, const Id& hash, std::uint64_t length,
                     Side side, const std::optional<ParityGeometry>& parity,
                     const ReadObject& read) {
  if (side == Side::parity && parity) {
    ParityBuilder builder(*parity, length);
    for_each_piece(length, builder.good_piece_bytes(), read,
                   [&](ByteView piece) { builder.append(piece); });
    store.put(parity_name(name), builder.finish(hash));
  } else if (side == Side::copy) {
    const auto upload = store.begin_upload();
    for_each_piece(length, kPieceBytes, read, [&](ByteView piece) { upload->append(piece); });
    upload->commit(copy_name(name));
  }
}

Side put_with_side(Store& store, const std::string& name, ByteView bytes,
                   const std::optional<ParityGeometry>& parity) {
  store.put(name, bytes);
  const Side side = side_for(bytes.size(), parity);
  write_side_file(store, name, blake3(bytes), bytes.size(), side, parity,
                  [&](std::uint64_t offset, MutableByteView out) {
                    const ByteView part =
                        bytes.subspan(static_cast<std::size_t>(offset), out.size());
                    std::copy(part.begin(), part.end(), out.begin());
                  });
  return side;
}

}  // namespace coppice
