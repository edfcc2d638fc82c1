#include "chunk/chunker.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <vector>

#include "base/error.h"
#include "chunk/test_data.h"

namespace coppice {
namespace {

using Cuts = std::vector<std::size_t>;

constexpr ChunkerParams kSmall{.average = 16 * kKiB};

/// Lengths of the chunks of a whole stream.
Cuts lengths_of(const Chunker& chunker, ByteView data) {
  Cuts lengths;
  while (!data.empty()) {
    lengths.push_back(chunker.next_cut(data, true));
    data = data.subspan(lengths.back());
  }
  return lengths;
}

/// Ends of the chunks, counted from the end of the stream.
std::vector<std::size_t> ends_from_the_back(const Chunker& chunker, ByteView data) {
  std::vector<std::size_t> ends;
  std::size_t left = data.size();
  for (const std::size_t length : lengths_of(chunker, data)) ends.push_back(left -= length);
  return ends;
}

std::vector<SimdLevel> levels_of_this_cpu() {
  std::vector<SimdLevel> levels;
  for (const SimdLevel level :
       {SimdLevel::portable, SimdLevel::sse41, SimdLevel::avx2, SimdLevel::avx512}) {
    if (level <= best_simd_level()) levels.push_back(level);
  }
  return levels;
}

void check_all_levels_agree(ByteView data) {
  const Chunker portable(test_secret(1), kSmall, SimdLevel::portable);
  const Cuts expected = lengths_of(portable, data);
  for (const SimdLevel level : levels_of_this_cpu()) {
    CHECK(lengths_of(Chunker(test_secret(1), kSmall, level), data) == expected);
  }
}

TEST_CASE("all instruction sets cut every kind of data alike") {
  constexpr std::size_t kSize = 1 * kMiB + 17;
  check_all_levels_agree(random_bytes(kSize, Seed{1}));
  check_all_levels_agree(text_bytes(kSize, Seed{2}));
  check_all_levels_agree(Bytes(kSize));
  for (const std::size_t period : {2U, 3U, 4U, 7U, 64U, 100U, 1000U, 4096U}) {
    check_all_levels_agree(periodic_bytes(kSize, Period{period}, Seed{3}));
  }
}

TEST_CASE("all instruction sets cut alike wherever the buffer lies in memory") {
  const Bytes data = random_bytes(300 * kKiB, Seed{4});
  const Chunker portable(test_secret(1), kSmall, SimdLevel::portable);
  const Cuts expected = lengths_of(portable, data);
  for (const std::size_t shift : {1U, 2U, 3U, 15U, 16U, 31U, 33U, 63U}) {
    Bytes moved(shift);
    moved.insert(moved.end(), data.begin(), data.end());
    for (const SimdLevel level : levels_of_this_cpu()) {
      const Chunker chunker(test_secret(1), kSmall, level);
      CHECK(lengths_of(chunker, ByteView(moved).subspan(shift)) == expected);
    }
  }
}

TEST_CASE(
    "all instruction sets cut alike at every length around the smallest and the longest chunk") {
  // Each length in a buffer of just its size, so that reading beyond it is caught by the sanitizer.
  const Bytes random = random_bytes(kSmall.max() + 5000, Seed{5});
  const Bytes zeros(random.size());
  std::vector<Chunker> chunkers;
  for (const SimdLevel level : levels_of_this_cpu())
    chunkers.emplace_back(test_secret(1), kSmall, level);
  for (const std::size_t middle :
       {kSmall.min(), kSmall.min() + 2048, kSmall.max(), kSmall.max() + 4095}) {
    for (std::size_t size = middle - 70; size <= middle + 70; ++size) {
      for (const Bytes& whole : {std::cref(random), std::cref(zeros)}) {
        const Bytes data(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        const std::size_t expected = chunkers[0].next_cut(data, true);
        CHECK(expected <= size);
        for (const Chunker& chunker : chunkers) {
          CHECK(chunker.next_cut(data, true) == expected);
          CHECK(chunker.next_cut(data, false) == chunkers[0].next_cut(data, false));
        }
      }
    }
  }
}

TEST_CASE("a run of any one byte is cut only where it must be, without jitter") {
  const Chunker chunker(test_secret(6), kSmall);
  for (int value = 0; value < 256; ++value) {
    const Bytes run(3 * kSmall.max() + 5, static_cast<std::uint8_t>(value));
    CHECK(lengths_of(chunker, run) == Cuts{kSmall.max(), kSmall.max(), kSmall.max(), 5});
  }
}

TEST_CASE("the cut does not depend on how much is buffered") {
  const Bytes data = random_bytes(600 * kKiB, Seed{7});
  const Chunker chunker(test_secret(1), kSmall);
  ByteView rest = data;
  while (!rest.empty()) {
    const std::size_t expected = chunker.next_cut(rest, true);
    for (std::size_t size = 1; size < rest.size() && size <= chunker.max_chunk_size();
         size += 997) {
      const std::size_t cut = chunker.next_cut(rest.first(size), false);
      // More bytes are asked for exactly until the cut lies within what is there.
      const bool is_known = cut != 0;
      CHECK((is_known ? cut == expected : size <= expected));
      if (size > expected) CHECK(is_known);
    }
    rest = rest.subspan(expected);
  }
}

TEST_CASE("enough bytes always give a cut, and the end of the stream ends the chunk") {
  const Chunker chunker(test_secret(1), kSmall);
  const Bytes zeros(chunker.max_chunk_size());
  CHECK(chunker.next_cut(ByteView(zeros).first(kSmall.max() - 1), false) == 0);
  CHECK(chunker.next_cut(ByteView(zeros).first(kSmall.max()), false) == kSmall.max());
  CHECK(chunker.next_cut(zeros, false) == kSmall.max());
  CHECK(chunker.next_cut(ByteView(zeros).first(1), true) == 1);
  CHECK(chunker.next_cut({}, true) == 0);
  CHECK(chunker.next_cut({}, false) == 0);
}

TEST_CASE("chunks of random data average what was asked for, within bounds") {
  const Bytes data = random_bytes(64 * kMiB, Seed{8});
  for (const std::uint32_t average : {16384U, 32768U, 65536U}) {
    const Chunker chunker(test_secret(9), ChunkerParams{.average = average});
    Cuts lengths = lengths_of(chunker, data);
    const double mean = static_cast<double>(data.size()) / static_cast<double>(lengths.size());
    CHECK(mean == doctest::Approx(average).epsilon(0.05));
    lengths.pop_back();
    const auto [shortest, longest] = std::minmax_element(lengths.begin(), lengths.end());
    CHECK(*shortest >= chunker.params().min());
    CHECK(*longest <= chunker.max_chunk_size());
  }
}

TEST_CASE("another secret gives other cuts") {
  const Bytes data = random_bytes(4 * kMiB, Seed{10});
  const auto one = ends_from_the_back(Chunker(test_secret(1), kSmall), data);
  const auto other = ends_from_the_back(Chunker(test_secret(2), kSmall), data);
  std::vector<std::size_t> common;
  std::set_intersection(one.rbegin(), one.rend(), other.rbegin(), other.rend(),
                        std::back_inserter(common));
  CHECK(common.size() <= 3);  // the end of the stream, and chance
}

TEST_CASE("after an insertion the cuts fall on the same bytes again") {
  const Chunker chunker(test_secret(1), kSmall);
  const Bytes before = random_bytes(4 * kMiB, Seed{11});
  Bytes after = before;
  const Bytes inserted = random_bytes(13, Seed{12});
  after.insert(after.begin() + 1 * kMiB, inserted.begin(), inserted.end());
  const auto old_ends = ends_from_the_back(chunker, before);
  const auto new_ends = ends_from_the_back(chunker, after);
  std::vector<std::size_t> common;
  std::set_intersection(old_ends.rbegin(), old_ends.rend(), new_ends.rbegin(), new_ends.rend(),
                        std::back_inserter(common));
  // All the three MiB behind the insertion but for the first few chunks.
  const auto behind = static_cast<std::size_t>(std::count_if(
      old_ends.begin(), old_ends.end(), [](std::size_t end) { return end < 3 * kMiB; }));
  CHECK(common.size() + 30 >= behind);
}

TEST_CASE("an average that is not allowed is refused") {
  CHECK(ChunkerParams{}.average == 131072);
  CHECK(ChunkerParams{}.min() == 32768);
  CHECK(ChunkerParams{}.max() == 524288);
  CHECK(ChunkerParams::with_average(4 * kMiB).max() == 16 * kMiB);
  for (const std::uint64_t average :
       {std::uint64_t{0}, std::uint64_t{100000}, 8 * kKiB, 8 * kMiB,
        (std::uint64_t{1} << 32) + 16 * kKiB, std::uint64_t{1} << 40}) {
    CHECK_FALSE(ChunkerParams::try_with_average(average).has_value());
    CHECK_THROWS_AS(ChunkerParams::with_average(average), Error);
  }
  CHECK_THROWS_AS(Chunker(test_secret(1), ChunkerParams{.average = 12345}), Error);
}

TEST_CASE("the format is pinned: known secret, known bytes, known cuts") {
  // docs/format.md, "Cutting", test vector.
  const Bytes data = test_vector_bytes(1 * kMiB);
  const Chunker chunker(test_vector_secret());
  const Bytes zeros(1 * kMiB + 1);
  CHECK(lengths_of(chunker, data) ==
        Cuts{103842, 166098, 137945, 161427, 122443, 153321, 135874, 67626});
  CHECK(lengths_of(Chunker(test_vector_secret(), kSmall), ByteView(data).first(128 * kKiB)) ==
        Cuts{9072, 12761, 16747, 19625, 6628, 15155, 11095, 12759, 17439, 9791});
  CHECK(lengths_of(chunker, zeros) == Cuts{524288, 524288, 1});
}

}  // namespace
}  // namespace coppice
