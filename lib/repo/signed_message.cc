#include "repo/signed_message.h"

#include "base/codec.h"

namespace coppice {

Bytes signed_message(SignedObject object, const Id& repository, ByteView content) {
  ByteWriter out;
  out.raw(as_bytes("coppice/1"));
  out.id(repository);
  out.u8(static_cast<std::uint8_t>(object));
  out.raw(content);
  return out.take();
}

}  // namespace coppice
