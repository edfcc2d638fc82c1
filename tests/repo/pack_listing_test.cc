#include "repo/pack_listing.h"

#include <doctest/doctest.h>

#include "base/bytes.h"
#include "base/error.h"
#include "repo/object_names.h"
#include "support/memory_store.h"

namespace coppice::test {
namespace {

Id name_number(std::uint32_t number) {
  Id name;
  for (std::size_t i = 0; i < name.bytes.size(); ++i)
    name.bytes[i] = static_cast<std::uint8_t>((number * 2'654'435'761U) >> (i % 4 * 8));
  return name;
}

TEST_CASE("packs are listed alike, in one listing and in several at the same time") {
  MemoryStore store;
  PackSizes expected;
  for (std::uint32_t i = 0; i < 600; ++i) {
    const Id name = name_number(i);
    store.put(pack_name(name), Bytes(1 + i % 7));
    if (i % 3 == 0) store.put(parity_name(pack_name(name)), Bytes(9));
    expected.emplace(name, 1 + i % 7);
  }
  store.put("packs/ab/no-pack", Bytes(1));
  store.put("index/" + name_number(1000).hex(), Bytes(1));
  CHECK(list_packs(store) == expected);
  CHECK(list_packs(store, 1'000'000) == expected);
}

TEST_CASE("a listing that fails is an error, however it is made") {
  class Failing : public MemoryStore {
   public:
    std::vector<ObjectInfo> list(const std::string& prefix) override {
      if (prefix == "packs/" || prefix == "packs/7f/") throw Error(ErrorKind::failed, "gone");
      return MemoryStore::list(prefix);
    }
  };
  Failing store;
  store.put(pack_name(name_number(1)), Bytes(1));
  CHECK_THROWS_AS(list_packs(store), Error);
  CHECK_THROWS_AS(list_packs(store, 1'000'000), Error);
}

}  // namespace
}  // namespace coppice::test
