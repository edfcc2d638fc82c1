#include "benchmark/speed.h"

#include <doctest/doctest.h>

#include "benchmark/disk.h"
#include "benchmark/sample_data.h"
#include "compress/compressor.h"
#include "support/scratch_dir.h"
#include "support/thrown_error.h"
#include "task/counter.h"

namespace coppice::test {
namespace {

/// A second passes between two looks.
class SteppingClock final : public Clock {
 public:
  Timestamp now() const override { return {}; }
  std::uint64_t monotonic_ns() const override { return 1'000'000'000 * seconds_.add(); }

 private:
  mutable Counter seconds_;
};

}  // namespace

TEST_CASE("speed is the amount done by the time that passed") {
  ThreadPool pool(1);
  const SteppingClock clock;
  const SpeedMeter meter{pool, 10'000'000'000, nullptr, &clock};
  const Speed speed = measure_speed(meter, [] { return [] { return 5; }; });
  CHECK(speed.one == doctest::Approx(5));
  CHECK(speed.all == doctest::Approx(5));
}

TEST_CASE("all workers work, each with a piece of its own") {
  ThreadPool pool(3);
  int made = 0;
  const Speed speed = measure_speed({pool, 1}, [&] {
    ++made;
    return [] { return 1'000; };
  });
  CHECK(made == 3);
  CHECK(speed.one > 0);
  CHECK(speed.all > 0);
}

TEST_CASE("a stop ends measuring, and what a piece throws comes out") {
  ThreadPool pool(2);
  StopFlag stop;
  stop.request(15);
  const auto piece = [] { return [] { return 1; }; };
  CHECK(kind_of([&] { measure_speed({pool, 1, &stop}, piece); }) == ErrorKind::interrupted);
  CHECK(kind_of([&] {
          measure_speed({pool, 1}, [] {
            return []() -> std::uint64_t { throw Error(ErrorKind::failed, "no"); };
          });
        }) == ErrorKind::failed);
}

TEST_CASE("sample text compresses about as source code does, sample noise not at all") {
  const Bytes text = sample_text(2 << 20);
  Bytes out(Compressor::bound(text.size()));
  const std::size_t size = Compressor(3).compress(text, out);
  CHECK(size > text.size() / 8);
  CHECK(size < text.size() / 2);
  CHECK(Compressor(3).compress(sample_noise(2 << 20), out) > (2 << 20));
  CHECK(sample_text(1000) == sample_text(1000));
}

TEST_CASE("a disk is measured with a file that leaves nothing") {
  const ScratchDir here;
  DiskOptions options;
  options.directory = here.path().string();
  options.max_bytes = 16 << 20;
  const DiskSpeed speed = measure_disk(options);
  CHECK(speed.bytes == 16 << 20);
  CHECK(speed.write > 0);
  CHECK(speed.read > 0);
  CHECK(speed.seconds_to_sync_one > 0);
  CHECK(std::filesystem::is_empty(here.path()));
  options.directory += "/nowhere";
  CHECK(kind_of([&] { measure_disk(options); }) == ErrorKind::failed);
}

}  // namespace coppice::test
