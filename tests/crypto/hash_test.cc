#include "crypto/hash.h"

#include <doctest/doctest.h>

#include "crypto/vectors.h"

using namespace coppice;

namespace {

struct Vector {
  std::size_t size;
  std::string_view plain;
  std::string_view keyed;
};

/// BLAKE3's test_vectors.json (first 32 bytes), as recomputed with b3sum 1.2.0. Input:
/// counting_bytes(size).
constexpr Vector kVectors[] = {
    {0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
     "92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26"},
    {1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
     "6d7878dfff2f485635d39013278ae14f1454b8c0a3a2d34bc1ab38228a80c95b"},
    {64, "4eed7141ea4a5cd4b788606bd23f46e212af9cacebacdc7d1f4c6dc7f2511b98",
     "ba8ced36f327700d213f120b1a207a3b8c04330528586f414d09f2f7d9ccb7e6"},
    {65, "de1e5fa0be70df6d2be8fffd0e99ceaa8eb6e8c93a63f2d8d1c30ecb6b263dee",
     "c0a4edefa2d2accb9277c371ac12fcdbb52988a86edc54f0716e1591b4326e72"},
    {1023, "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11",
     "c951ecdf03288d0fcc96ee3413563d8a6d3589547f2c2fb36d9786470f1b9d6e"},
    {1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
     "75c46f6f3d9eb4f55ecaaee480db732e6c2105546f1e675003687c31719c7ba4"},
    {1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444",
     "357dc55de0c7e382c900fd6e320acc04146be01db6a8ce7210b7189bd664ea69"},
    {2048, "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a",
     "879cf1fa2ea0e79126cb1063617a05b6ad9d0b696d0d757cf053439f60a99dd1"},
    {2049, "5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030",
     "9f29700902f7c86e514ddc4df1e3049f258b2472b6dd5267f61bf13983b78dd5"},
    {8193, "bab6c09cb8ce8cf459261398d2e7aef35700bf488116ceb94a36d0f5f1b7bc3b",
     "954a2a75420c8d6547e3ba5b98d963e6fa6491addc8c023189cc519821b4a1f5"},
    {31744, "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47",
     "efa53b389ab67c593dba624d898d0f7353ab99e4ac9d42302ee64cbf9939a419"},
    {102400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085",
     "1c35d1a5811083fd7119f5d5d1ba027b4d01c0c6c49fb6ff2cf75393ea5db4a7"},
};

Secret32 vector_key() { return Secret32(as_bytes("whats the Elvish word for friend")); }

}  // namespace

TEST_CASE("blake3 and chunk identities agree with the published vectors") {
  const ChunkIdentity identity(vector_key());
  for (const Vector& vector : kVectors) {
    CAPTURE(vector.size);
    const Bytes input = counting_bytes(vector.size);
    CHECK(blake3(input).hex() == vector.plain);
    CHECK(identity.id(input).hex() == vector.keyed);
  }
}

TEST_CASE("a hash does not depend on how its bytes were cut") {
  const Bytes input = counting_bytes(31744);
  for (const std::size_t step :
       {std::size_t{1}, std::size_t{63}, std::size_t{1024}, std::size_t{5000}}) {
    Blake3Hasher plain;
    Blake3Hasher keyed(vector_key());
    for (ByteView rest = input; !rest.empty();) {
      const ByteView piece = rest.first(std::min(step, rest.size()));
      plain.update(piece);
      keyed.update(piece);
      rest = rest.subspan(piece.size());
    }
    CHECK(plain.finish() == blake3(input));
    CHECK(keyed.finish() == ChunkIdentity(vector_key()).id(input));
  }
}

TEST_CASE("a hasher goes on after finish and begins again after reset") {
  const Bytes input = counting_bytes(3000);
  for (const bool is_keyed : {false, true}) {
    const Secret32 key = vector_key();
    auto expected = [&](ByteView bytes) {
      return is_keyed ? ChunkIdentity(key).id(bytes) : blake3(bytes);
    };
    Blake3Hasher keyed(key);
    Blake3Hasher plain;
    Blake3Hasher& hasher = is_keyed ? keyed : plain;
    hasher.update(ByteView(input).first(1000));
    CHECK(hasher.finish() == expected(ByteView(input).first(1000)));
    hasher.update(ByteView(input).subspan(1000));
    CHECK(hasher.finish() == expected(input));
    hasher.reset();
    CHECK(hasher.finish() == expected({}));
  }
}

TEST_CASE("chunks have other identities under another key") {
  const Bytes chunk = counting_bytes(1000);
  CHECK(ChunkIdentity(counting_secret(0)).id(chunk) != ChunkIdentity(counting_secret(1)).id(chunk));
  CHECK(ChunkIdentity(counting_secret(0)).id(chunk) != blake3(chunk));
}
