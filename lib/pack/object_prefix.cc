#include "pack/object_prefix.h"

#include <algorithm>
#include <string>

#include "base/codec.h"
#include "base/error.h"

namespace coppice {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kReservedBytes = 7;

}  // namespace

Bytes ObjectPrefix::encode(std::string_view magic) const {
  ByteWriter out;
  out.raw(as_bytes(magic));
  out.u8(kVersion);
  for (std::size_t i = 0; i < kReservedBytes; ++i) out.u8(0);
  out.u64(epoch);
  out.raw(nonce);
  return out.take();
}

ObjectPrefix ObjectPrefix::decode(ByteView bytes, std::string_view magic, std::string_view what) {
  ByteReader in(bytes, what);
  if (as_text(in.raw(magic.size())) != magic) in.fail("does not begin like one");
  if (in.u8() != kVersion) {
    throw Error(ErrorKind::newer_version,
                std::string(what) + ": unknown version; use a newer coppice");
  }
  const ByteView zeros = in.raw(kReservedBytes);
  if (std::any_of(zeros.begin(), zeros.end(), [](std::uint8_t b) { return b != 0; })) {
    in.fail("reserved bytes are not zero");
  }
  ObjectPrefix prefix;
  prefix.epoch = in.u64();
  const ByteView nonce = in.raw(prefix.nonce.size());
  std::copy(nonce.begin(), nonce.end(), prefix.nonce.begin());
  return prefix;
}

}  // namespace coppice
