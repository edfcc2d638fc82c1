#include "index/image_proof.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "crypto/hash.h"

namespace coppice {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kMacBytes = 16;

std::size_t page_count(std::uint64_t image_size) {
  return static_cast<std::size_t>((image_size + kPageBytes - 1) / kPageBytes);
}

ByteView page_of(ByteView image, std::size_t page) {
  const std::size_t offset = page * kPageBytes;
  return image.subspan(offset, std::min(kPageBytes, image.size() - offset));
}

Id keyed_hash(const Secret32& key, ByteView bytes) {
  Blake3Hasher hasher(key);
  hasher.update(bytes);
  return hasher.finish();
}

Id root_of(const Secret32& key, std::uint64_t image_size, ByteView macs) {
  Blake3Hasher hasher(key);
  std::array<std::uint8_t, 8> size{};
  std::memcpy(size.data(), &image_size, size.size());
  hasher.update(size);
  hasher.update(macs);
  return hasher.finish();
}

}  // namespace

std::uint64_t ImageProof::trailer_size(std::uint64_t image_size) {
  return page_count(image_size) * kMacBytes + Id::kSize;
}

Bytes ImageProof::make_trailer(const Secret32& key, ByteView image) {
  Bytes trailer;
  trailer.reserve(static_cast<std::size_t>(trailer_size(image.size())));
  for (std::size_t page = 0; page < page_count(image.size()); ++page) {
    const Id mac = keyed_hash(key, page_of(image, page));
    trailer.insert(trailer.end(), mac.bytes.begin(), mac.bytes.begin() + kMacBytes);
  }
  const Id root = root_of(key, image.size(), trailer);
  trailer.insert(trailer.end(), root.bytes.begin(), root.bytes.end());
  return trailer;
}

ImageProof::ImageProof(const Secret32& key, ByteView image, ByteView trailer,
                       std::function<void()> on_altered)
    : key_(key.clone()),
      image_(image),
      trailer_(trailer),
      on_altered_(std::move(on_altered)),
      proved_(page_count(image.size())) {
  const bool has_size = trailer.size() == trailer_size(image.size());
  if (!has_size || root_of(key, image.size(), trailer.first(trailer.size() - Id::kSize)) != name())
    throw_damaged("index run: altered");
}

Id ImageProof::name() const { return Id::from(trailer_.last(Id::kSize)); }

bool ImageProof::prove(std::size_t page) const {
  const Id mac = keyed_hash(key_, page_of(image_, page));
  if (std::memcmp(mac.bytes.data(), trailer_.data() + page * kMacBytes, kMacBytes) != 0) {
    on_altered_();
    return false;
  }
  proved_.raise(page);
  return true;
}

bool ImageProof::covers(ByteView part) const {
  if (part.empty()) return true;
  const auto offset = static_cast<std::size_t>(part.data() - image_.data());
  const std::size_t last = (offset + part.size() - 1) / kPageBytes;
  for (std::size_t page = offset / kPageBytes; page <= last; ++page) {
    if (!proved_.is_raised(page) && !prove(page)) return false;
  }
  return true;
}

}  // namespace coppice
