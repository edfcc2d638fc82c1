#include "repo/family.h"

#include "crypto/kdf.h"

namespace coppice {

FamilyKeys derive_family_keys(const Secret32& family_secret) {
  const ByteView key = family_secret.view();
  return {hkdf_sha256(key, {}, "coppice/1 data id"), hkdf_sha256(key, {}, "coppice/1 metadata id"),
          hkdf_sha256(key, {}, "coppice/1 chunker"),
          Id::from(hkdf_sha256(key, {}, "coppice/1 family name").view())};
}

}  // namespace coppice
