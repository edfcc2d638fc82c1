// Goal: the identities of a family are pinned: another derivation would make every old chunk
// unfindable.
#include "repo/family.h"

#include <doctest/doctest.h>

namespace coppice {

TEST_CASE("the keys of a family are these") {
  Secret32 secret(Bytes(32, 0x42));
  const FamilyKeys keys = derive_family_keys(secret);
  // Computed by Python's cryptography (HKDF, SHA-256, no salt).
  CHECK(to_hex(keys.data_id_key.view()) ==
        "444ce5ecbb9780371a3d6100a6bd8a409f606549cb6c71728a884b9870c7c0c7");
  CHECK(to_hex(keys.metadata_id_key.view()) ==
        "1c3b0b3e7b5860237ac16007dddcb8f163febdcc56272b29aaf1b8077e004119");
  CHECK(to_hex(keys.chunker_secret.view()) ==
        "32bda00686058835cc6bd678b4f362b83512ed46ef987e53edab172ae3c4de2c");
  CHECK(keys.family_name.hex() ==
        "8549f35f35d18a22ca3b655eceec9045104fe904009a536597683682979533aa");
}

}  // namespace coppice
