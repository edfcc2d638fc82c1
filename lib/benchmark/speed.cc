#include "benchmark/speed.h"

#include <future>
#include <vector>

#include "task/task_group.h"

namespace coppice {
namespace {

/// Amount a second.
double run_pieces(const SpeedMeter& meter, const Piece& piece) {
  const std::uint64_t start = meter.clock->monotonic_ns();
  std::uint64_t amount = 0;
  std::uint64_t elapsed = 0;
  do {
    if (meter.stop != nullptr) meter.stop->check();
    amount += piece();
    elapsed = meter.clock->monotonic_ns() - start;
  } while (elapsed < meter.budget_ns);
  return static_cast<double>(amount) * 1e9 / static_cast<double>(elapsed == 0 ? 1 : elapsed);
}

double run_workers(const SpeedMeter& meter, const std::vector<Piece>& pieces) {
  TaskGroup tasks(meter.pool);
  std::vector<std::future<double>> running;
  running.reserve(pieces.size());
  for (const Piece& piece : pieces) {
    running.push_back(tasks.submit(ThreadPool::Priority::normal,
                                   [&meter, &piece] { return run_pieces(meter, piece); }));
  }
  for (const std::future<double>& each : running) each.wait();
  double sum = 0;
  for (std::future<double>& each : running) sum += each.get();
  return sum;
}

}  // namespace

Speed measure_speed(const SpeedMeter& meter, const std::function<Piece()>& make) {
  std::vector<Piece> pieces;
  for (unsigned i = 0; i < meter.pool.threads(); ++i) pieces.push_back(make());
  Speed speed;
  speed.one = run_workers(meter, {pieces.front()});
  speed.all = pieces.size() == 1 ? speed.one : run_workers(meter, pieces);
  return speed;
}

}  // namespace coppice
