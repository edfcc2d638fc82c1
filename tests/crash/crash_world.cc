#include "crash_world.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "retention/forget.h"
#include "snapshot/snapshot_record.h"

namespace coppice::test {
namespace {

/// So late that no file is unsettled any more, and at rest.
class LateClock final : public Clock {
 public:
  Timestamp now() const override { return {system_clock().now().seconds + 3600, 0}; }
  std::uint64_t monotonic_ns() const override { return 0; }
};
const LateClock kLate;

/// For whoever waits: time passes only in sleep.
class SleepingClock final : public Clock {
 public:
  Timestamp now() const override { return kLate.now(); }
  std::uint64_t monotonic_ns() const override { return ns_; }
  void pass(std::chrono::milliseconds time) {
    ns_ += static_cast<std::uint64_t>(time.count()) * 1'000'000;
  }

 private:
  std::uint64_t ns_ = 0;
};

/// A name that nothing compresses, nor tells from another one.
std::string hex_noise(std::size_t digits, int seed) {
  const std::string bytes = noise(digits / 2, static_cast<std::uint32_t>(300 + seed));
  return to_hex(ByteView(to_bytes(as_bytes(bytes))));
}

}  // namespace

const Versions& Versions::instance() {
  static const Versions versions;
  return versions;
}

std::map<std::string, std::string> Versions::content(int version) {
  std::map<std::string, std::string> files;
  files["same"] = noise(3000, 1);
  files["sub/changed"] = noise(2500, 2) + noise(500, static_cast<std::uint32_t>(100 + version));
  files["sub/text"] = "version " + std::to_string(version);
  if (version % 2 == 0) files["even"] = noise(700, static_cast<std::uint32_t>(200 + version));
  if (version == kLarge) files["large"] = noise(1'300'000, 3);
  // Of trees that are much alike it depended on the ids, which are others in each run, whether they
  // were stored as deltas, and on that which packs a collection moves. These never are.
  if (version <= 3) files["sub/" + hex_noise(200, version)] = "";
  return files;
}

Versions::Versions() {
  for (int version = 1; version <= kCount; ++version) {
    for (const auto& [path, bytes] : content(version)) {
      const std::filesystem::path whole = live_path(version) + "/" + path;
      std::filesystem::create_directories(whole.parent_path());
      std::ofstream(whole, std::ios::binary) << bytes;
    }
  }
}

std::string Versions::live_path(int version) const {
  return scratch_ / ("v" + std::to_string(version));
}

CrashWorld::CrashWorld(CrashStore& disk, Store& store, std::set<int> promised)
    : disk_(disk), store_(store), promises_{{0, std::move(promised)}} {}

Credential CrashWorld::credential() { return Credential::from_key_file(Secret32(Bytes(32, 7))); }

std::unique_ptr<Repository> CrashWorld::open() {
  return Repository::open(store_, credential(), {}, findings);
}

void CrashWorld::init(std::optional<ParityGeometry> parity) {
  InitOptions options;
  options.average_chunk_bytes = 16 << 10;
  options.program = "test";
  options.parity = parity;
  std::vector<Credential> credentials;
  credentials.push_back(credential());
  init_repository(store_, credentials, options, system_random());
  promise(Versions::kRepository);
}

BackupResult CrashWorld::backup(int version) {
  const auto repository = open();
  BackupOptions options;
  options.sources.push_back({Versions::instance().live_path(version), "/src"});
  options.tags = {std::to_string(version)};
  options.host = "host";
  options.clock = &kLate;
  const auto visible = repository->state().visible_snapshots();
  if (!visible.empty()) {
    options.parent_root = decode_snapshot(visible.back()->record).root;
    options.parent_id = visible.back()->id;
  }
  BackupResult result = run_backup(*repository, pool, options, findings);
  promise(version);
  return result;
}

void CrashWorld::begin_backup(int version) {
  disk_.kill_before_sync("packs/");
  try {
    backup(version);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::interrupted) throw;
  }
}

Id CrashWorld::snapshot_of(const Repository& repository, int version) {
  for (const LoggedSnapshot& snapshot : repository.state().snapshots) {
    if (decode_snapshot(snapshot.record).tags.at(0) == std::to_string(version)) return snapshot.id;
  }
  throw std::logic_error("there is no such version");
}

void CrashWorld::forget(Repository& repository, const std::vector<int>& versions) {
  ForgetOptions options;
  for (const int version : versions) {
    release(version);
    options.named.push_back(snapshot_of(repository, version));
  }
  run_forget(repository, options, findings);
}

void CrashWorld::undelete(int version) {
  const auto repository = open();
  run_undelete(*repository, {snapshot_of(*repository, version)});
  promise(version);
}

PruneResult CrashWorld::prune(Repository& repository, const PruneHooks& hooks) {
  SleepingClock clock;
  PruneOptions options;
  options.limits.max_unused.percent = 0;
  options.on_phase = hooks.on_phase;
  options.time.clock = &clock;
  options.time.sleep = [&](std::chrono::milliseconds time) {
    clock.pass(time);
    if (hooks.on_sleep) hooks.on_sleep();
  };
  return run_prune(repository, options, findings);
}

void CrashWorld::promise(int version) {
  std::set<int> versions = promised();
  versions.insert(version);
  promises_.push_back({disk_.steps(), std::move(versions)});
}

void CrashWorld::release(int version) {
  std::set<int> versions = promised();
  versions.erase(version);
  promises_.push_back({disk_.steps(), std::move(versions)});
}

}  // namespace coppice::test
