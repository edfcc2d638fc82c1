#include "fs/scratch_memory.h"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "support/scratch_dir.h"

using namespace coppice;
using coppice::test::ScratchDir;

namespace {

/// $TMPDIR for as long as it lives.
class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(const std::string& path) {
    if (const char* old = ::getenv("TMPDIR")) old_ = old;
    ::setenv("TMPDIR", path.c_str(), 1);
  }
  ~TemporaryDirectory() {
    if (old_.empty()) {
      ::unsetenv("TMPDIR");
    } else {
      ::setenv("TMPDIR", old_.c_str(), 1);
    }
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

 private:
  std::string old_;
};

ScratchVector<std::uint64_t> counted_to(std::uint64_t end) {
  ScratchVector<std::uint64_t> numbers(4096);
  for (std::uint64_t i = 0; i < end; ++i) numbers.push_back(i);
  return numbers;
}

bool is_counted_to(const ScratchVector<std::uint64_t>& numbers, std::uint64_t end) {
  std::uint64_t next = 0;
  return numbers.size() == end && std::all_of(numbers.begin(), numbers.end(),
                                              [&](std::uint64_t each) { return each == next++; });
}

}  // namespace

TEST_CASE("a small scratch vector stays on the heap and keeps what is put into it") {
  const ScratchVector<std::uint64_t> numbers = counted_to(512);
  CHECK(is_counted_to(numbers, 512));
  CHECK(!numbers.is_spilled());
}

TEST_CASE("a large scratch vector lies in a file that has no name") {
  const ScratchDir here;
  const TemporaryDirectory temporary(here.path());
  ScratchVector<std::uint64_t> numbers = counted_to(200'000);
  CHECK(is_counted_to(numbers, 200'000));
  CHECK(numbers.is_spilled());
  CHECK(std::filesystem::is_empty(here.path()));
  numbers.resize(200'001);
  CHECK(numbers[200'000] == 0);
  const ScratchVector<std::uint64_t> moved = std::move(numbers);
  CHECK(moved[199'999] == 199'999);
}

TEST_CASE("where no file can be had, it is memory that is no file's and still not private") {
  const TemporaryDirectory temporary("/nowhere/at/all");
  const ScratchVector<std::uint64_t> numbers = counted_to(200'000);
  CHECK(is_counted_to(numbers, 200'000));
  CHECK(numbers.is_spilled());
}
