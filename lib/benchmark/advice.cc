#include "benchmark/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace coppice {
namespace {

constexpr double kParityShare = 0.039;  // 8 sectors for every 247 hashed, with their checksums
constexpr double kTextFileBytes = 16 * 1024;
constexpr double kTolerance = 1.1;
constexpr int kLeastLevel = 3;

/// Seconds for that much on all workers; 0 where nothing was measured.
double seconds_for(double amount, const Speed& speed) {
  return speed.all > 0 ? amount / speed.all : 0;
}

Expectation slower_of(double processor, double disk) {
  return disk > processor ? Expectation{disk, Limit::disk}
                          : Expectation{processor, Limit::processor};
}

double seconds_to_write(const MachineFigures& figures, double bytes) {
  return figures.disk && figures.disk->write > 0 ? bytes / figures.disk->write : 0;
}

/// Cutting, naming, and what is done with the bytes that are stored.
double seconds_to_store(const ProcessorSpeeds& processor, double raw, double stored) {
  return seconds_for(raw, processor.chunk) + seconds_for(raw, processor.hash) +
         seconds_for(stored, processor.seal) + seconds_for(stored, processor.parity);
}

}  // namespace

Expectation expect_text_backup(const MachineFigures& figures, const LevelSpeed& level,
                               double bytes) {
  const ProcessorSpeeds& processor = figures.processor;
  const double stored = bytes * level.ratio;
  const double files = bytes / kTextFileBytes;
  double seconds = seconds_to_store(processor, bytes, stored) + seconds_for(bytes, level.compress) +
                   seconds_for(bytes, processor.decompress) + seconds_for(files, processor.record);
  if (figures.tree) {
    seconds += seconds_for(files, figures.tree->walk) + seconds_for(files, figures.tree->read);
  }
  return slower_of(seconds, seconds_to_write(figures, stored * (1 + kParityShare)));
}

Expectation expect_noise_backup(const MachineFigures& figures, double bytes) {
  return slower_of(seconds_to_store(figures.processor, bytes, bytes),
                   seconds_to_write(figures, bytes * (1 + kParityShare)));
}

Expectation expect_unchanged(const MachineFigures& figures, double files) {
  double seconds = seconds_for(files, figures.processor.record);
  if (figures.tree) seconds += seconds_for(files, figures.tree->walk);
  return {seconds, Limit::processor};
}

Expectation expect_restore(const MachineFigures& figures, const LevelSpeed& level, double bytes) {
  const ProcessorSpeeds& processor = figures.processor;
  const double seconds = seconds_for(bytes * level.ratio, processor.open) +
                         seconds_for(bytes, processor.decompress) +
                         seconds_for(bytes, processor.hash);
  return slower_of(seconds, seconds_to_write(figures, bytes));
}

const LevelSpeed& find_level(const ProcessorSpeeds& processor, int level) {
  const auto& levels = processor.levels;
  const auto wanted = [&](const LevelSpeed& each) { return each.level == level; };
  const auto found = std::find_if(levels.begin(), levels.end(), wanted);
  return found != levels.end() ? *found : levels.front();
}

LevelAdvice advise_level(const MachineFigures& figures) {
  constexpr double kBytes = 100e9;
  const auto seconds = [&](const LevelSpeed& level) {
    return expect_text_backup(figures, level, kBytes).seconds;
  };
  std::vector<LevelSpeed> levels;
  std::copy_if(figures.processor.levels.begin(), figures.processor.levels.end(),
               std::back_inserter(levels),
               [](const LevelSpeed& each) { return each.level >= kLeastLevel; });
  if (levels.empty()) levels = figures.processor.levels;
  const auto best =
      std::min_element(levels.begin(), levels.end(),
                       [&](const auto& a, const auto& b) { return seconds(a) < seconds(b); });
  const double limit = seconds(*best) * kTolerance;
  const auto chosen = std::find_if(levels.rbegin(), levels.rend(),
                                   [&](const LevelSpeed& each) { return seconds(each) <= limit; });
  const bool waits_for_disk = expect_text_backup(figures, *chosen, kBytes).limit == Limit::disk;
  LevelAdvice advice;
  advice.level = chosen->level;
  advice.why = waits_for_disk ? "the disk is slower than compressing at this level, which leaves "
                              : "compressing takes the time, not the disk; this level leaves ";
  advice.why += fmt::format("{:.0f} % of text", 100 * chosen->ratio);
  if (chosen == levels.rbegin()) return advice;
  const LevelSpeed& next = *std::prev(chosen);
  advice.why += fmt::format(", and level {} would take {:.1f} times as long for {:.0f} %",
                            next.level, seconds(next) / seconds(*chosen), 100 * next.ratio);
  return advice;
}

}  // namespace coppice
