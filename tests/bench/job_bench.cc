// The steps of a backup and a restore, each by itself, as lib/benchmark measures them for `coppice
// benchmark`, but longer.
//
//   job_bench [SECONDS]          cutting, naming, sealing, opening, parity, compressing, trees
//   job_bench SECONDS DIRECTORY  the walk through a tree, and reading its small files
#include <cstdio>
#include <cstdlib>

#include "benchmark/processor.h"
#include "benchmark/tree_speed.h"

namespace {

using namespace coppice;

constexpr std::uint64_t kMaxEntries = 1'000'000;

void print_bytes(const char* what, const Speed& speed) {
  std::printf("%-32s %8.3f GB/s one worker  %8.3f all\n", what, speed.one / 1e9, speed.all / 1e9);
  std::fflush(stdout);
}

void print_entries(const char* what, const Speed& speed) {
  std::printf("%-32s %8.3f us one worker    %8.3f all\n", what, 1e6 / speed.one, 1e6 / speed.all);
  std::fflush(stdout);
}

void print_processor(const SpeedMeter& meter) {
  print_bytes("cutting", measure_chunking(meter));
  print_bytes("naming", measure_hashing(meter));
  print_bytes("sealing, AES-256-GCM", measure_sealing(meter, Cipher::aes_256_gcm));
  print_bytes("sealing, ChaCha20-Poly1305", measure_sealing(meter, Cipher::chacha20_poly1305));
  print_bytes("opening, AES-256-GCM", measure_opening(meter, Cipher::aes_256_gcm));
  print_bytes("opening, ChaCha20-Poly1305", measure_opening(meter, Cipher::chacha20_poly1305));
  print_bytes("parity", measure_parity(meter));
  print_bytes("decompressing text", measure_decompressing(meter));
  for (const int level : {1, 3, 6, 9, 12, 15, 19}) {
    const LevelSpeed found = measure_level(meter, level);
    std::printf("to %4.1f %%, ", 100 * found.ratio);
    print_bytes(("level " + std::to_string(level)).c_str(), found.compress);
  }
  print_entries("an entry into a tree and out", measure_recording(meter));
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 2;
  ThreadPool pool(default_worker_count());
  const SpeedMeter meter{pool, static_cast<std::uint64_t>(seconds * 1e9)};
  if (argc < 3) {
    print_processor(meter);
    return 0;
  }
  const TreeSpeed tree = measure_tree(meter, argv[2], kMaxEntries);
  std::printf("%llu entries\n", static_cast<unsigned long long>(tree.entries));
  print_entries("names and statx, an entry", tree.walk);
  print_entries("open, read, close, a file", tree.read);
}
