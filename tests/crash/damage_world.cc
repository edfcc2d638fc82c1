#include "damage_world.h"

#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "repo/block_source.h"
#include "repo/chunk_reader.h"
#include "repo/object_names.h"
#include "snapshot/content_codec.h"
#include "snapshot/listing.h"
#include "snapshot/snapshot_record.h"
#include "snapshot/stored_metadata.h"
#include "snapshot/tree_reader.h"
#include "support/repository_objects.h"
#include "verify/verify.h"

namespace coppice::test {
namespace {

constexpr int kVersions = 2;

int exit_of(const FindingList& findings) {
  if (findings.count(Finding::Weight::damaged) > 0) return 13;
  if (findings.count(Finding::Weight::partial) > 0) return 3;
  return findings.count(Finding::Weight::healable) > 0 ? 14 : 0;
}

/// Everything that one thread needs again and again.
struct Workplace {
  ThreadPool pool{1};
  FindingList said;  // by opening and restoring

  void diagnose(const CrashStore::Contents& contents, Diagnosis& result);

 private:
  /// The exit code of a verification.
  template <typename Verify>
  int code_of(Diagnosis& result, const Verify& verify);
  void diagnose_opened(Repository& repository, Diagnosis& result);
  /// False if something is missing; that must have been reported.
  bool restore_snapshot(Repository& repository, BlockSource& blocks, const LoggedSnapshot& snapshot,
                        Diagnosis& result);
};

template <typename Verify>
int Workplace::code_of(Diagnosis& result, const Verify& verify) {
  FindingList findings;
  int code = 0;
  try {
    verify(findings);
    code = exit_of(findings);
  } catch (const Error& error) {
    code = exit_code(error.kind());
    result.findings += std::string(error.what()) + "\n";
    result.is_told = true;
  }
  result.is_told = result.is_told || !findings.all.empty();
  result.findings += findings.text();
  return code;
}

/// Reads every file as `dump` does; what cannot be read throws, and is then reported there.
bool Workplace::restore_snapshot(Repository& repository, BlockSource& blocks,
                                 const LoggedSnapshot& snapshot, Diagnosis& result) {
  const SnapshotRecord record = decode_snapshot(snapshot.record);
  ChunkReader chunks(blocks, repository.keyring());
  StoredMetadata metadata(chunks);
  bool is_whole = true;
  for (const auto& [path, expected] : Versions::content(std::stoi(record.tags.at(0)))) {
    try {
      const auto node = find_path(metadata, record.root, "/src/" + path);
      std::string bytes;
      if (!node) {
        result.lies = true;  // a tree that was read tells of no such file
        continue;
      }
      ContentCursor cursor(metadata, *node);
      while (const ContentExtent* extent = cursor.next())
        bytes += as_text(chunks.get(ChunkClass::data, extent->id));
      if (bytes != expected) result.lies = true;
    } catch (const Error&) {  // per item: reported, and the file left out
      is_whole = false;
    }
  }
  return is_whole;
}

void Workplace::diagnose_opened(Repository& repository, Diagnosis& result) {
  VerifyOptions options;
  result.structure = code_of(result, [&](FindingList& findings) {
    verify_repository(repository, pool, options, findings);
  });
  options.read_data = true;
  result.with_key = code_of(result, [&](FindingList& findings) {
    verify_repository(repository, pool, options, findings);
  });
  try {
    const LoadedIndex loaded = repository.load_index({}, said);
    BlockSource blocks(repository.store(), loaded.index, repository.secrets());
    std::set<std::string> whole;
    for (const LoggedSnapshot* snapshot : repository.state().visible_snapshots()) {
      if (restore_snapshot(repository, blocks, *snapshot, result))
        whole.insert(decode_snapshot(snapshot->record).tags.at(0));
    }
    result.restores = whole.size() == kVersions;
  } catch (const Error&) {  // reported, and nothing is restored
    result.restores = false;
  }
}

/// Keys and log are read once for all that needs them.
void Workplace::diagnose(const CrashStore::Contents& contents, Diagnosis& result) {
  CrashStore store(contents);
  result.keyless =
      code_of(result, [&](FindingList& findings) { verify_keyless(store, pool, {}, findings); });
  std::unique_ptr<Repository> repository;
  const int code = code_of(result, [&](FindingList&) {
    repository = Repository::open(store, CrashWorld::credential(), {}, said);
  });
  if (repository) {
    diagnose_opened(*repository, result);
  } else {
    result.structure = result.with_key = code;
  }
}

}  // namespace

const CrashStore::Contents& small_repository() {
  static const CrashStore::Contents contents = [] {
    CrashStore disk;
    CrashWorld world(disk, disk, {});
    world.init();
    world.backup(1);
    world.open()->log().append_checkpoint();
    world.backup(2);
    add_index_object(*world.open());
    return disk.contents();
  }();
  return contents;
}

std::string Diagnosis::contradiction() const {
  if (lies) return "a restore gives wrong bytes";
  const bool is_lost = with_key != 0 && with_key != 14;
  if (!restores && !is_lost) return "something is lost, and verify --read-data does not say so";
  if (with_key == 0 && !is_told) return "changed, and nobody says so";
  if (keyless == 0 && structure == 0 && with_key == 0 && !restores) return "lost in silence";
  return "";
}

bool is_long() { return getenv("COPPICE_LONG_TESTS") != nullptr; }

Diagnosis diagnose(const CrashStore::Contents& contents) {
  thread_local Workplace workplace;
  Diagnosis result;
  workplace.said.all.clear();
  workplace.diagnose(contents, result);
  return result;
}

void for_each_in_parallel(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  const auto run = [&] {
    try {
      for (std::size_t at = next++; at < count; at = next++) work(at);
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
    }
  };
  std::vector<std::thread> threads;
  for (unsigned n = 0; n < std::max(1U, std::thread::hardware_concurrency()); ++n)
    threads.emplace_back(run);
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace coppice::test
