#pragma once
#include "base/id.h"
#include "base/secret.h"

namespace coppice {

/// What all repositories of one family share, so that equal content has equal ids and is cut alike
/// (docs/format.md, section 4). Move-only.
struct FamilyKeys {
  Secret32 data_id_key;      ///< for ChunkIdentity of class 0
  Secret32 metadata_id_key;  ///< for ChunkIdentity of class 1, and for snapshot ids
  Secret32 chunker_secret;
  Id family_name;  ///< not secret; for comparison only
};

FamilyKeys derive_family_keys(const Secret32& family_secret);

}  // namespace coppice
