#include "repair/replace_object.h"

#include <algorithm>

#include "base/error.h"
#include "base/units.h"
#include "crypto/hash.h"

namespace coppice {
namespace {

void for_each_part(std::uint64_t length, Bytes& buffer,
                   const std::function<void(std::uint64_t, MutableByteView)>& use) {
  for (std::uint64_t offset = 0; offset < length; offset += buffer.size()) {
    use(offset, MutableByteView(buffer).first(static_cast<std::size_t>(
                    std::min<std::uint64_t>(length - offset, buffer.size()))));
  }
}

}  // namespace

std::uint64_t replace_object(Store& store, const std::string& file, const Id& hash,
                             std::uint64_t length, const ReadObject& read) {
  const auto upload = store.begin_upload();
  Bytes buffer(kMiB);
  Blake3Hasher written;
  for_each_part(length, buffer, [&](std::uint64_t offset, MutableByteView part) {
    read(offset, part);
    written.update(part);
    upload->append(part);
  });
  if (written.finish() != hash) throw_damaged("what was rebuilt is not what the name says");
  Blake3Hasher read_back;
  for_each_part(length, buffer, [&](std::uint64_t offset, MutableByteView part) {
    upload->read_back(offset, part);
    read_back.update(part);
  });
  if (read_back.finish() != hash) throw_damaged("the healed file does not read back as written");
  upload->commit(file);
  return length;
}

ReadObject reader_of(Store& store, const std::string& file) {
  return
      [&store, file](std::uint64_t offset, MutableByteView out) { store.read(file, offset, out); };
}

}  // namespace coppice
