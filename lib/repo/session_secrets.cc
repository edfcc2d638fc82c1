#include "repo/session_secrets.h"

#include "base/error.h"

namespace coppice {

const Secret32& SessionSecrets::secret(const Id& session, ChunkClass chunk_class) {
  return opened_.with([&](auto& opened) -> const Secret32& {
    auto& slot = opened[{session, chunk_class}];
    if (!slot) slot = std::make_unique<Secret32>(open(session, chunk_class));
    return *slot;
  });
}

Secret32 SessionSecrets::open(const Id& session, ChunkClass chunk_class) const {
  for (const SessionBox& box : find_boxes_(session)) {
    const BoxPrivateKey* key = keyring_.class_key(box.epoch, chunk_class);
    if (key == nullptr) {
      throw Error(ErrorKind::no_key,
                  std::string("this key slot (") + std::string(role_word(keyring_.role())) +
                      ") may not read " +
                      (chunk_class == ChunkClass::data ? "file contents" : "names and trees"));
    }
    if (auto secret = open_session_box(box, chunk_class, *key)) return std::move(*secret);
  }
  throw_damaged("session " + session.short_hex() + ": its key box does not open");
}

}  // namespace coppice
