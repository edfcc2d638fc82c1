#include "backup/walk.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "support/scratch_dir.h"

using namespace coppice;
using namespace coppice::test;
namespace stdfs = std::filesystem;

namespace {

/// Keeps the only thread of a pool busy until `open`, so that what is submitted meanwhile waits.
class Gate {
 public:
  explicit Gate(ThreadPool& pool) {
    pool.submit(ThreadPool::Priority::urgent,
                [opened = opened_.get_future().share()] { opened.wait(); });
  }
  ~Gate() { open(); }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  void open() {
    if (!is_open_) opened_.set_value();
    is_open_ = true;
  }

 private:
  std::promise<void> opened_;
  bool is_open_ = false;
};

/// "large" is streamed; "sub" is scanned before its turn.
struct Source {
  ScratchDir scratch;
  std::string root = scratch / "src";

  Source() {
    stdfs::create_directories(root + "/sub");
    std::ofstream(root + "/large") << std::string(kSmallFileBytes + 1, 'x');
  }
};

/// Walks as far as the first file that is streamed, and drops all but the future of its bytes.
std::future<Segment> walk_to_stream(const std::string& root, const ChangeRule& rule, CutRule cut,
                                    TaskGroup& tasks) {
  BackupOptions options;
  options.sources.push_back({root, "/src"});
  std::future<Segment> segment;
  const auto walk = std::make_unique<Walk>(options, rule, cut, tasks, [&](WalkUnit unit) {
    for (WalkEvent& event : unit.events) {
      if (event.stream) segment = std::move(event.first_segment);
    }
    return false;
  });
  walk->run();
  return segment;
}

}  // namespace

TEST_CASE("a walk and its units may go before their tasks have begun") {
  const Source source;
  const Secret32 secret = Secret32(Bytes(32, 7));
  const Chunker chunker(secret);
  const ChunkIdentity identity(secret);
  ChangeRule rule;
  rule.clock = &system_clock();
  ThreadPool pool(1);
  TaskGroup tasks(pool);
  Gate gate(pool);
  std::future<Segment> segment = walk_to_stream(source.root, rule, {chunker, identity}, tasks);
  REQUIRE(segment.valid());
  gate.open();
  tasks.wait();  // AddressSanitizer sees what they touch
  const Segment read = segment.get();
  CHECK(read.error.empty());
  CHECK(read.is_last);
  CHECK(read.buffer.size() == kSmallFileBytes + 1);
}
