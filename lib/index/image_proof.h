#pragma once
#include <functional>

#include "base/bytes.h"
#include "base/id.h"
#include "base/secret.h"
#include "task/flag_table.h"

namespace coppice {

/// Authenticates an image page by page, so that a large one can be used without having been read as
/// a whole (a tree of two levels: MACs of pages, and a MAC of these).
///
/// Trailer of an image: 16 bytes for each page of 4096 (the last may be shorter), keyed BLAKE3 of
/// the page, cut · 32 bytes, keyed BLAKE3 of u64 image size and all page MACs. The order of the
/// pages follows from their order in the trailer.
///
/// Const and thread-safe: two threads may prove one page twice.
class ImageProof {
 public:
  /// Bytes of the trailer for an image of this size.
  static std::uint64_t trailer_size(std::uint64_t image_size);
  static Bytes make_trailer(const Secret32& key, ByteView image);

  /// `image` and `trailer` must outlive the proof. `on_altered` is called, by any thread and
  /// perhaps more than once, when a page is found altered. Throws Error{damaged} if the trailer
  /// itself is.
  ImageProof(const Secret32& key, ByteView image, ByteView trailer,
             std::function<void()> on_altered);

  /// True if these bytes of the image are what was stored. Costs a hash of each page once.
  bool covers(ByteView part) const;
  /// Names the image: the MAC of the page MACs.
  Id name() const;

 private:
  bool prove(std::size_t page) const;

  Secret32 key_;
  ByteView image_;
  ByteView trailer_;
  std::function<void()> on_altered_;
  mutable FlagTable proved_;
};

}  // namespace coppice
