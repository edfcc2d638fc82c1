#include "repo/object_reader.h"

#include <algorithm>

#include "base/error.h"
#include "base/units.h"
#include "repo/object_names.h"

namespace coppice {

std::string object_name(const ObjectRef& object) {
  switch (object.kind) {
    case ObjectKind::pack:
      return pack_name(object.name);
    case ObjectKind::index:
      return index_name(object.name);
    case ObjectKind::session:
      return session_name(object.name);
  }
  throw_damaged("an object of unknown kind");
}

std::size_t piece_bytes_for(unsigned workers) {
  return static_cast<std::size_t>(std::clamp<std::uint64_t>(64 / workers, 1, 4) * kMiB);
}

bool ObjectReader::fill(const std::string& file, std::uint64_t available, std::uint64_t offset,
                        MutableByteView out) const {
  if (offset + out.size() <= available) {
    try {
      store.read(file, offset, out);
      return true;
    } catch (const Error& error) {  // per sector, below: the rest may still be readable
      if (error.kind() != ErrorKind::damaged) throw;
    }
  }
  bool is_whole = true;
  constexpr std::size_t kSectorBytes = ParityGeometry::kSectorBytes;
  for (std::size_t done = 0; done < out.size(); done += kSectorBytes) {
    const MutableByteView sector = out.subspan(done, std::min(kSectorBytes, out.size() - done));
    const std::uint64_t start = offset + done;
    const auto readable = static_cast<std::size_t>(
        start < available ? std::min<std::uint64_t>(sector.size(), available - start) : 0);
    try {
      if (readable > 0) store.read(file, start, sector.first(readable));
      std::fill(sector.begin() + static_cast<std::ptrdiff_t>(readable), sector.end(),
                std::uint8_t{0});
      is_whole = is_whole && readable == sector.size();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::damaged) throw;
      std::fill(sector.begin(), sector.end(), std::uint8_t{0});
      is_whole = false;
    }
  }
  return is_whole;
}

bool ObjectReader::stream(const std::string& file, std::uint64_t available, std::uint64_t length,
                          const UsePiece& use) const {
  Bytes buffer(static_cast<std::size_t>(std::min<std::uint64_t>(length, piece_bytes)));
  bool is_whole = true;
  for (std::uint64_t offset = 0; offset < length; offset += buffer.size()) {
    if (stop != nullptr) stop->check();
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(length - offset, buffer.size()));
    const MutableByteView piece = MutableByteView(buffer).first(size);
    is_whole = fill(file, available, offset, piece) && is_whole;
    use(offset, piece);
    on_bytes(size);
  }
  return is_whole;
}

}  // namespace coppice
