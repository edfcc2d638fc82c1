// An index as large as that of a repository of many terabytes, without the terabytes.
//
//   index_bench make CHUNKS DIRECTORY   a repository whose log, index objects and tables are real:
//   packs
//                                       of 64 blocks of 16 chunks of about 128 KiB; the pack files
//                                       have their lengths and no bytes. Its key file is
//                                       DIRECTORY.key.
//   index_bench look DIRECTORY CACHE    loads the index as a backup does (from CACHE, or into it),
//   and
//                                       looks up chunks that are there and chunks that are not.
//
// tests/bench/index_scale.py runs both, and the program, under a watch on their memory.
#include <fcntl.h>

#include <cstdio>
#include <cstring>
#include <ctime>
#include <random>
#include <string>
#include <string_view>

#include "crypto/random.h"
#include "fs/scratch_file.h"
#include "fs/write_file.h"
#include "index/index_object.h"
#include "pack/pack_file.h"
#include "repo/key_file.h"
#include "repo/object_names.h"
#include "repo/repository.h"
#include "repo/side_file.h"
#include "snapshot/snapshot_record.h"
#include "store/local_store.h"

namespace {

using namespace coppice;

constexpr std::size_t kBlocksInPack = 64;
constexpr std::size_t kChunksInBlock = 16;
constexpr std::size_t kChunksInPack = kBlocksInPack * kChunksInBlock;
constexpr std::uint32_t kRawChunkBytes = 128 << 10;
/// Packs that one backup adds.
constexpr std::size_t kPacksInEntry = 1000;
constexpr std::uint64_t kLookups = 2'000'000;
static_assert(kLookups % 16 == 0);
/// About what a file's segment of 2 MiB has (lib/backup/archiver.cc, put_pieces).
constexpr std::size_t kChunksInBatch = 16;

/// The n-th chunk's id: as random as ids are, and no need to keep them.
Id nth_id(std::uint64_t n) {
  Id id;
  std::uint64_t state = n;
  for (std::size_t i = 0; i < Id::kSize; i += 8) {
    state += 0x9E3779B97F4A7C15ULL;  // splitmix64
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    z ^= z >> 31;
    std::memcpy(id.bytes.data() + i, &z, sizeof z);
  }
  return id;
}

class ReportAll final : public FindingSink {
 public:
  void report(const Finding& finding) override {
    std::printf("finding: %s %s %s\n", finding.code.c_str(), finding.item.c_str(),
                finding.message.c_str());
  }
};

/// Of this thread's CPU time: other processes do not count.
class Seconds {
 public:
  double passed() const { return now() - start_; }

 private:
  static double now() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  }

  double start_ = now();
};

Credential key_of(const std::string& directory) {
  const Bytes text = read_small_file(directory + ".key", 4096);
  return Credential::from_key_file(parse_key_file(text));
}

class Maker {
 public:
  Maker(const std::string& directory, std::uint64_t chunks)
      : directory_(directory), chunks_(chunks) {}

  void run();

 private:
  void init();
  PackTable next_table(const Id& session);
  void add_pack();
  void put_index_object();
  void append_snapshot();
  void make_pack_file(const Id& name, std::uint64_t length) const;

  const std::string directory_;
  const std::uint64_t chunks_;
  std::uint64_t made_ = 0;
  ReportAll findings_;
  std::unique_ptr<LocalStore> store_;
  std::unique_ptr<Repository> repository_;
  std::optional<Session> session_;
  std::uint64_t blocks_of_session_ = 0;
  std::vector<ObjectRef> packs_;
  std::vector<ObjectRef> index_objects_;
  std::vector<IndexedTable> tables_;
  std::uint64_t tables_bytes_ = 0;
};

void Maker::init() {
  const SecretBytes key = make_key_file(system_random());
  write_file_durably(AT_FDCWD, (directory_ + ".key").c_str(), key.view());
  store_ = LocalStore::create(directory_);
  std::vector<Credential> credentials;
  credentials.push_back(key_of(directory_));
  InitOptions options;
  options.program = "index_bench";
  init_repository(*store_, credentials, options, system_random());
  repository_ = Repository::open(*store_, key_of(directory_), {}, findings_);
}

PackTable Maker::next_table(const Id& session) {
  PackTable table;
  table.signer = repository_->keyring().slot();
  for (std::size_t b = 0; b < kBlocksInPack; ++b) {
    BlockInfo block;
    block.encoding = kEncodingZstd;
    block.cipher = Cipher::aes_256_gcm;
    block.seal = {session, blocks_of_session_ / 4096, blocks_of_session_};
    ++blocks_of_session_;
    block.sealed_length = (1 << 20) - 4096;
    block.sealed_hash = nth_id(~made_);
    for (std::size_t c = 0; c < kChunksInBlock; ++c) {
      block.chunks.push_back({nth_id(made_++), kRawChunkBytes});
      block.raw_length += kRawChunkBytes;
    }
    table.blocks.push_back(std::move(block));
  }
  return table;
}

void Maker::make_pack_file(const Id& name, std::uint64_t length) const {
  const std::string path = directory_ + '/' + pack_name(name);
  create_directories(path.substr(0, path.rfind('/')), 0700);
  const Fd file = open_at(AT_FDCWD, path.c_str(), O_CREAT | O_WRONLY | O_EXCL, 0400);
  resize_file(file, length);
}

void Maker::add_pack() {
  const Keyring& keyring = repository_->keyring();
  if (!session_) {
    session_ = repository_->begin_session(system_random(), "bench", {});
    blocks_of_session_ = 0;
  }
  const Id name = nth_id(made_ ^ 0x5555'0000'0000'0000ULL);
  Bytes table = encode_table(next_table(session_->id), keyring.repository(), keyring.signing_key());
  make_pack_file(name, kPackTargetBytes);
  packs_.push_back({ObjectKind::pack, Side::parity, name, kPackTargetBytes});
  tables_bytes_ += table.size();
  tables_.push_back({name, kPackTargetBytes, std::move(table)});
  if (tables_bytes_ >= kIndexObjectTargetBytes) put_index_object();
  if (packs_.size() >= kPacksInEntry) append_snapshot();
}

void Maker::put_index_object() {
  if (tables_.empty()) return;
  const std::uint64_t epoch = repository_->state().newest_epoch();
  const Bytes bytes = encode_index_object(
      tables_, epoch, repository_->keyring().repository_key(epoch), repository_->id());
  const Id name = blake3(bytes);
  const Side side = put_with_side(*store_, index_name(name), bytes, repository_->parity());
  index_objects_.push_back({ObjectKind::index, side, name, bytes.size()});
  tables_.clear();
  tables_bytes_ = 0;
}

/// What a backup says at its end, and its upkeep.
void Maker::append_snapshot() {
  put_index_object();
  if (packs_.empty()) return;
  const Keyring& keyring = repository_->keyring();
  SnapshotRecord record;
  record.host = "bench";
  record.user = "bench";
  record.paths = {"/bench"};
  record.root = made_root(Reference{0, nth_id(made_)});
  record.program_version = "index_bench";
  SnapshotBody body;
  body.record =
      encode_snapshot(record, keyring.signing_key(), keyring.repository(), keyring.slot());
  body.sessions = {session_->box()};
  repository_->append([&](const LogState&) {
    return LogAppend{LogEntryType::snapshot, packs_, {}, {}, encode_snapshot_body(body)};
  });
  repository_->append([&](const LogState&) {
    return LogAppend{LogEntryType::index_set, index_objects_, {}, {}, encode_names({})};
  });
  packs_.clear();
  index_objects_.clear();
  session_.reset();
}

void Maker::run() {
  init();
  while (made_ < chunks_) add_pack();
  append_snapshot();
  repository_->log().append_checkpoint();
  std::printf("%llu chunks in %llu packs\n", static_cast<unsigned long long>(made_),
              static_cast<unsigned long long>(made_ / kChunksInPack));
}

/// Nanoseconds a lookup, with so many expected together; `first` is added to the chunk's number.
double measure_lookups(const Index& index, std::uint64_t first, std::uint64_t chunks,
                       bool are_there, std::size_t batch) {
  std::mt19937_64 random(first + 1);
  std::vector<Id> ids;
  ids.reserve(kLookups);
  for (std::uint64_t i = 0; i < kLookups; ++i) ids.push_back(nth_id(first + random() % chunks));
  const Seconds time;
  std::uint64_t found = 0;
  for (std::size_t first_of_batch = 0; first_of_batch < ids.size(); first_of_batch += batch) {
    const auto of_batch = std::span(ids).subspan(first_of_batch, batch);
    if (batch > 1) {
      for (const Id& id : of_batch) index.expect(id);
    }
    for (const Id& id : of_batch) found += index.is_stored(id) ? 1U : 0U;
  }
  const double taken = time.passed();
  if (found != (are_there ? kLookups : 0))
    std::printf("WRONG: %llu found\n", static_cast<unsigned long long>(found));
  return taken / static_cast<double>(kLookups) * 1e9;
}

void look(const std::string& directory, const std::string& cache) {
  ReportAll findings;
  const auto store = LocalStore::open(directory);
  const Credential key = key_of(directory);
  const Seconds opening;
  const auto repository = Repository::open(*store, key, {}, findings);
  std::printf("open and read the log: %.3f CPU s\n", opening.passed());
  const Seconds loading;
  const LoadedIndex loaded = repository->load_index({true, cache}, findings);
  // Less what small backups have added since.
  const std::uint64_t chunks = loaded.index.chunk_count() / kChunksInPack * kChunksInPack;
  std::printf("load the index: %.3f CPU s, %llu chunks in %zu runs\n", loading.passed(),
              static_cast<unsigned long long>(chunks), loaded.index.runs().size());
  if (chunks == 0) return;
  std::printf("first %llu lookups (pages proved as they come): %.0f ns each\n",
              static_cast<unsigned long long>(kLookups),
              measure_lookups(loaded.index, 0, chunks, true, kChunksInBatch));
  for (int round = 0; round < 3; ++round) {
    for (const std::size_t batch : {std::size_t{1}, kChunksInBatch}) {
      const double hits = measure_lookups(loaded.index, 0, chunks, true, batch);
      const double misses =
          measure_lookups(loaded.index, chunks + kChunksInPack, chunks, false, batch);
      std::printf("lookups, %zu expected at once: there %.0f ns, not there %.0f ns\n", batch, hits,
                  misses);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc == 4 ? argv[1] : "";
  try {
    if (what == "make") {
      Maker(argv[3], std::stoull(argv[2])).run();
    } else if (what == "look") {
      look(argv[2], argv[3]);
    } else {
      std::fprintf(stderr, "index_bench make CHUNKS DIRECTORY | look DIRECTORY CACHE\n");
      return 2;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "index_bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
