#include "repo/pack_listing.h"

#include <future>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "repo/object_names.h"
#include "task/thread_pool.h"

namespace coppice {
namespace {

/// Below that, one listing takes less than the threads for several.
constexpr std::size_t kManyPacks = 4096;
/// More than there may be processors: a target behind a network answers late.
constexpr unsigned kListers = 4;

using Listed = std::vector<std::pair<Id, std::uint64_t>>;

void list_below(Store& store, const std::string& prefix, Listed& listed) {
  const auto is_pack = [](std::string_view last_part) {
    return last_part.size() == 2 * Id::kSize;  // not its side file
  };
  for (const ObjectInfo& object : store.list_wanted(prefix, is_pack)) {
    Id name;
    if (from_hex(std::string_view(object.name).substr(object.name.rfind('/') + 1), name.bytes))
      listed.emplace_back(name, object.size);
  }
}

/// The sixteen directories whose names begin with that digit.
Listed list_sixteenth(Store& store, char first_digit) {
  Listed listed;
  for (const char second_digit : std::string_view("0123456789abcdef"))
    list_below(store, std::string("packs/") + first_digit + second_digit + '/', listed);
  return listed;
}

void add(PackSizes& sizes, const Listed& listed) {
  for (const auto& [name, size] : listed) sizes.emplace(name, size);
}

}  // namespace

PackSizes list_packs(Store& store, std::size_t about) {
  PackSizes sizes;
  sizes.reserve(about);
  if (about < kManyPacks) {
    Listed listed;
    list_below(store, "packs/", listed);
    add(sizes, listed);
    return sizes;
  }
  std::vector<std::future<Listed>> parts;
  ThreadPool pool(kListers);  // behind the futures: it ends first, whatever is thrown
  for (const char digit : std::string_view("0123456789abcdef")) {
    parts.push_back(pool.submit(ThreadPool::Priority::normal,
                                [&store, digit] { return list_sixteenth(store, digit); }));
  }
  for (auto& part : parts) add(sizes, part.get());
  return sizes;
}

}  // namespace coppice
