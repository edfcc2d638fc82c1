// Every kept input through every decoder, in every build, sanitized ones too: what a fuzzer once
// found stays found. And what a decoder allocates is bounded by what it reads: a few bytes must
// never ask for a gigabyte.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "targets.h"

namespace {
std::atomic<std::size_t> largest_allocation{0};

void* counted_allocation(std::size_t size) {
  if (size > largest_allocation) largest_allocation = size;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
}  // namespace

void* operator new(std::size_t size) { return counted_allocation(size); }
void* operator new[](std::size_t size) { return counted_allocation(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace coppice::fuzz {
namespace {

/// What one input may ask for at once: a part for its bytes (a Node takes some hundred bytes for
/// the few that encode it), and a part for buffers of a fixed size.
constexpr std::size_t kPerByte = 128;
constexpr std::size_t kFixed = 1 << 20;

Bytes read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<Bytes> corpus_of(const Target& target) {
  std::vector<Bytes> inputs;
  const std::filesystem::path folder =
      std::filesystem::path(COPPICE_FUZZ_CORPUS) / std::string(target.name);
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    inputs.push_back(read_file(entry.path()));
  return inputs;
}

void run_bounded(const Target& target, const Bytes& input) {
  largest_allocation = 0;
  CHECK_NOTHROW(run_one(target, input));
  CHECK(largest_allocation <= kFixed + kPerByte * input.size());
}

}  // namespace

TEST_CASE(
    "every kept input is refused or taken, and asks for no more memory than its size allows") {
  for (const Target& target : targets()) {
    CAPTURE(target.name);
    const std::vector<Bytes> inputs = corpus_of(target);
    CHECK_FALSE(inputs.empty());
    for (const Bytes& input : inputs) run_bounded(target, input);
  }
}

TEST_CASE("kept inputs that are cut short, or have one byte changed, are refused or taken") {
  for (const Target& target : targets()) {
    CAPTURE(target.name);
    for (const Bytes& input : corpus_of(target)) {
      const std::size_t step = input.size() / 24 + 1;
      for (std::size_t at = 0; at < input.size(); at += step) {
        Bytes cut = input;
        cut.resize(at);
        run_bounded(target, cut);
        for (const int value : {0x00, 0x7F, 0x80, 0xFF}) {
          Bytes changed = input;
          changed[at] = static_cast<std::uint8_t>(value);
          run_bounded(target, changed);
        }
      }
    }
  }
}

TEST_CASE("inputs mixed from kept ones at random are refused or taken") {
  // A poor man's fuzzer: without its feedback, but in every build, with the same inputs each time.
  const int rounds = getenv("COPPICE_LONG_TESTS") != nullptr ? 50'000 : 300;
  std::mt19937_64 dice(1);
  for (const Target& target : targets()) {
    CAPTURE(target.name);
    const std::vector<Bytes> corpus = corpus_of(target);
    for (int round = 0; round < rounds; ++round) run_bounded(target, mixed(corpus, dice));
  }
}

TEST_CASE("the bound on memory would be noticed if it were broken") {
  largest_allocation = 0;
  const Bytes large(8 << 20);
  CHECK(largest_allocation > kFixed + kPerByte * 10);
}

}  // namespace coppice::fuzz
