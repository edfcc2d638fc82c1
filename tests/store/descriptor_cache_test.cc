#include "store/descriptor_cache.h"

#include <doctest/doctest.h>

#include <memory>

using namespace coppice;

namespace {

DescriptorCache::Handle handle() { return std::make_shared<const Fd>(); }

}  // namespace

TEST_CASE("the descriptor used least recently is dropped first") {
  DescriptorCache cache(2);
  cache.add("a", handle(), cache.generation());
  cache.add("b", handle(), cache.generation());
  CHECK(cache.find("a"));
  cache.add("c", handle(), cache.generation());
  CHECK(cache.find("a"));
  CHECK_FALSE(cache.find("b"));
  CHECK(cache.find("c"));
}

TEST_CASE("a file opened before an object was replaced is not kept") {
  DescriptorCache cache(2);
  const std::uint64_t before = cache.generation();
  cache.forget("a");
  cache.add("a", handle(), before);
  CHECK_FALSE(cache.find("a"));
  cache.add("a", handle(), cache.generation());
  CHECK(cache.find("a"));
  cache.forget("a");
  CHECK_FALSE(cache.find("a"));
}
