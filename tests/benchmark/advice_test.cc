// Goal: expectations follow from the figures, and the advised level from the expectations.
#include "benchmark/advice.h"

#include <doctest/doctest.h>

namespace coppice::test {
namespace {

constexpr double kGiga = 1e9;

Speed speed(double all) { return {all / 2, all}; }

LevelSpeed level(int number, double compress, double ratio) {
  return {number, speed(compress), ratio};
}

/// Everything but compressing costs a second for each 10 GB.
MachineFigures machine(double disk_write) {
  MachineFigures figures;
  ProcessorSpeeds& processor = figures.processor;
  for (Speed* each : {&processor.chunk, &processor.hash, &processor.seal, &processor.open,
                      &processor.decompress, &processor.parity}) {
    *each = speed(10 * kGiga);
  }
  processor.record = speed(1e6);
  processor.levels = {level(1, 2 * kGiga, 0.5), level(3, kGiga, 0.3), level(9, kGiga / 4, 0.25),
                      level(19, kGiga / 100, 0.2)};
  figures.disk = DiskSpeed{"/disk", 1, disk_write, disk_write, 0.001};
  figures.tree = TreeSpeed{"/tree", 1000, speed(1e6), speed(1e5)};
  return figures;
}

}  // namespace

TEST_CASE(
    "with a fast disk the processor sets the pace, and the level that compresses fast suits") {
  const MachineFigures figures = machine(10 * kGiga);
  const Expectation expected =
      expect_text_backup(figures, find_level(figures.processor, 3), 100 * kGiga);
  CHECK(expected.limit == Limit::processor);
  CHECK(expected.seconds > 100);  // of compressing
  CHECK(expected.seconds < 300);
  const LevelAdvice advice = advise_level(figures);
  CHECK(advice.level == 3);
  CHECK(advice.why.find("not the disk") != std::string::npos);
  CHECK(advice.why.find("level 9 would take") != std::string::npos);
}

TEST_CASE("with a slow disk it sets the pace, and a higher level costs nothing") {
  const MachineFigures figures = machine(kGiga / 20);
  CHECK(advise_level(figures).level == 9);
  CHECK(advise_level(figures).why.find("the disk is slower") != std::string::npos);
  const Expectation restored =
      expect_restore(figures, find_level(figures.processor, 3), 100 * kGiga);
  CHECK(restored.limit == Limit::disk);
  CHECK(restored.seconds == doctest::Approx(2000));
}

TEST_CASE("level 1 is not advised: deltas are made at level 3") {
  MachineFigures figures = machine(10 * kGiga);
  figures.processor.levels[0].compress = speed(100 * kGiga);
  CHECK(advise_level(figures).level == 3);
  figures.processor.levels.resize(1);
  CHECK(advise_level(figures).level == 1);  // there is no other
}

TEST_CASE("what was not measured is left out of account") {
  MachineFigures figures = machine(kGiga / 1000);
  figures.disk.reset();
  figures.tree.reset();
  CHECK(expect_noise_backup(figures, kGiga).limit == Limit::processor);
  CHECK(expect_unchanged(figures, 1e6).seconds == doctest::Approx(1));
  CHECK(expect_unchanged(machine(kGiga), 1e6).seconds == doctest::Approx(2));
}

}  // namespace coppice::test
