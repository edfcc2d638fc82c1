// How fast the chunker cuts, and how well it finds what is the same, against FastCDC in the same
// run.
//
//   chunk_bench                 GB/s on one core, median of 5, over 256 MiB each of several kinds
//   of data chunk_bench DIRECTORY...    unique bytes over all files of the directories, by either
//   chunker
#include <blake3.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/id.h"
#include "chunk/chunker.h"
#include "fastcdc.h"

namespace coppice::bench {
namespace {

constexpr std::size_t kBufferBytes = 256 * kMiB;
constexpr std::size_t kRuns = 5;

/// Length of the chunk at the start of what is left of a stream.
using Cutter = std::function<std::size_t(ByteView)>;

struct Contender {
  std::string name;
  Cutter cut;
};

std::vector<Contender> contenders() {
  static const FastCdc fast_cdc(ChunkerParams{}.average);
  std::vector<Contender> list = {
      {"fastcdc plain", [](ByteView data) { return fast_cdc.next_cut_plain(data); }},
      {"fastcdc unrolled", [](ByteView data) { return fast_cdc.next_cut_unrolled(data); }}};
  constexpr std::array<const char*, 4> kNames = {"portable", "sse4.1", "avx2", "avx512"};
  const Secret32 secret;
  for (int level = 0; level <= static_cast<int>(best_simd_level()); ++level) {
    auto chunker =
        std::make_shared<const Chunker>(secret, ChunkerParams{}, static_cast<SimdLevel>(level));
    list.push_back({std::string("coppice ") + kNames[static_cast<std::size_t>(level)],
                    [chunker](ByteView data) { return chunker->next_cut(data, true); }});
  }
  return list;
}

Bytes random_bytes(std::size_t size) {
  std::mt19937_64 generator(1);
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(generator());
  return bytes;
}

Bytes text_bytes(std::size_t size) {
  std::mt19937_64 generator(2);
  std::vector<std::string> words(5000);
  for (std::string& word : words) {
    for (std::size_t left = 1 + generator() % 9; left > 0; --left) {
      word += static_cast<char>('a' + std::min(generator() % 26, generator() % 26));
    }
    word += generator() % 12 == 0 ? '\n' : ' ';
  }
  Bytes bytes;
  bytes.reserve(size + 16);
  while (bytes.size() < size) {
    const std::string& word =
        words[std::min(generator() % words.size(), generator() % words.size())];
    bytes.insert(bytes.end(), word.begin(), word.end());
  }
  bytes.resize(size);
  return bytes;
}

/// A pattern that repeats: `distinct` bytes of noise, over and over.
Bytes periodic_bytes(std::size_t distinct) {
  Bytes bytes = random_bytes(distinct);
  bytes.resize(kBufferBytes);
  for (std::size_t i = distinct; i < bytes.size(); ++i) bytes[i] = bytes[i - distinct];
  return bytes;
}

/// Seconds of processor time of this thread: other programs on the machine count less than in wall
/// time.
double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// The worst there is: a candidate to judge every 64 bytes, and none of them cuts.
Bytes dense_bytes(std::size_t size) {
  const Secret32 secret;
  const CandidateFinder finder(secret, SimdLevel::portable);
  const Chunker chunker(secret);
  std::mt19937_64 generator(3);
  for (;;) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < 64; ++i) bytes[i] = static_cast<std::uint8_t>(generator());
    for (std::size_t i = 64; i < size; ++i) bytes[i] = bytes[i - 64];
    std::array<std::uint64_t, CandidateFinder::kMaxMasks> masks;
    finder.find(bytes.data() + 128, 64, masks);
    if (masks[0] != 0 && chunker.next_cut(bytes, true) == ChunkerParams{}.max()) return bytes;
  }
}

struct Timing {
  std::array<double, kRuns> seconds{};
  std::size_t chunks = 0;
};

void time_one_run(const Cutter& cut, ByteView data, std::size_t run, Timing& timing) {
  const double start = cpu_seconds();
  timing.chunks = 0;
  for (ByteView rest = data; !rest.empty(); ++timing.chunks) rest = rest.subspan(cut(rest));
  timing.seconds[run] = cpu_seconds() - start;
}

/// The contenders take turns, so that a busy spell of the machine hits all of them.
void print_speeds(const std::string& kind, ByteView data) {
  const std::vector<Contender> list = contenders();
  std::vector<Timing> timings(list.size());
  for (std::size_t run = 0; run < kRuns; ++run) {
    for (std::size_t i = 0; i < list.size(); ++i) time_one_run(list[i].cut, data, run, timings[i]);
  }
  std::printf("%s, %llu MiB            median    best, GB/s of processor time\n", kind.c_str(),
              static_cast<unsigned long long>(data.size() / kMiB));
  const auto size = static_cast<double>(data.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    std::sort(timings[i].seconds.begin(), timings[i].seconds.end());
    std::printf("  %-18s        %6.2f  %6.2f   mean chunk %8.0f bytes\n", list[i].name.c_str(),
                size / timings[i].seconds[kRuns / 2] / 1e9, size / timings[i].seconds[0] / 1e9,
                size / static_cast<double>(timings[i].chunks));
  }
  std::fflush(stdout);
}

struct Totals {
  std::uint64_t bytes = 0;
  std::uint64_t unique_bytes = 0;
  std::uint64_t chunks = 0;
  std::set<Id> seen;
};

void add_file(const Cutter& cut, ByteView content, Totals& totals) {
  for (ByteView rest = content; !rest.empty();) {
    const ByteView chunk = rest.first(cut(rest));
    rest = rest.subspan(chunk.size());
    blake3_hasher hasher;
    blake3_hasher_init(&hasher);
    blake3_hasher_update(&hasher, chunk.data(), chunk.size());
    Id id;
    blake3_hasher_finalize(&hasher, id.bytes.data(), id.bytes.size());
    totals.bytes += chunk.size();
    ++totals.chunks;
    if (totals.seen.insert(id).second) totals.unique_bytes += chunk.size();
  }
}

Bytes read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

void print_unique_bytes(const std::vector<std::string>& directories) {
  const std::vector<Contender> list = contenders();
  // The unrolled FastCDC, and coppice at the best level: all levels cut alike.
  const std::array<const Contender*, 2> judged = {&list[1], &list.back()};
  std::array<Totals, 2> totals;
  for (const std::string& directory : directories) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(
             directory, std::filesystem::directory_options::skip_permission_denied)) {
      if (entry.is_symlink() || !entry.is_regular_file()) continue;
      const Bytes content = read_file(entry.path());
      for (std::size_t i = 0; i < judged.size(); ++i) add_file(judged[i]->cut, content, totals[i]);
    }
  }
  for (std::size_t i = 0; i < judged.size(); ++i) {
    std::printf("%-18s %12llu bytes   unique %12llu   chunks %9llu\n", judged[i]->name.c_str(),
                static_cast<unsigned long long>(totals[i].bytes),
                static_cast<unsigned long long>(totals[i].unique_bytes),
                static_cast<unsigned long long>(totals[i].chunks));
  }
  std::printf(
      "coppice / fastcdc unique bytes: %.4f\n",
      static_cast<double>(totals[1].unique_bytes) / static_cast<double>(totals[0].unique_bytes));
}

void print_all_speeds() {
  print_speeds("random", random_bytes(kBufferBytes));
  print_speeds("text", text_bytes(kBufferBytes));
  print_speeds("zeros", Bytes(kBufferBytes));
  print_speeds("period 3", periodic_bytes(3));
  print_speeds("period 64", periodic_bytes(64));
  print_speeds("dense", dense_bytes(kBufferBytes));
  print_speeds("period 1000", periodic_bytes(1000));
}

}  // namespace
}  // namespace coppice::bench

int main(int argc, char** argv) {
  const std::vector<std::string> directories(argv + 1, argv + argc);
  if (directories.empty()) {
    coppice::bench::print_all_speeds();
  } else {
    coppice::bench::print_unique_bytes(directories);
  }
}
