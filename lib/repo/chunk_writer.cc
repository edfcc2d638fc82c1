#include "repo/chunk_writer.h"

#include <algorithm>
#include <array>
#include <future>
#include <optional>
#include <utility>

#include "base/error.h"
#include "index/id_set.h"
#include "pack/block_codec.h"
#include "pack/table.h"
#include "repo/object_names.h"
#include "repo/pack_stream.h"
#include "repo/rate_limit.h"
#include "repo/side_file.h"
#include "task/bounded_queue.h"
#include "task/checkout_pool.h"
#include "task/counter.h"
#include "task/guarded.h"
#include "task/stage.h"
#include "task/task_group.h"

namespace coppice {
namespace {

/// A block is closed when it holds this many raw bytes (docs/decisions/0005).
constexpr std::size_t kBlockTargetBytes = 2 << 20;
/// Deltas are smaller, because their bases take as much again.
constexpr std::size_t kDeltaBlockTargetBytes = 1 << 20;
/// Sealing attempts that share one key (docs/format.md, section 6).
constexpr std::uint64_t kAttemptsPerOrdinal = 4096;

struct OpenBlock {
  BlockInfo info;
  Bytes raw;
  BlockBases bases;

  void append(const Id& id, ByteView bytes) {
    raw.insert(raw.end(), bytes.begin(), bytes.end());
    info.chunks.push_back({id, static_cast<std::uint32_t>(bytes.size())});
  }
};

}  // namespace

struct ChunkWriter::State {
  State(Store& store_in, ThreadPool& pool_in, const Keyring& keyring_in, const Index& index_in,
        Session session_in, const ChunkWriterOptions& options_in)
      : store(store_in),
        keyring(keyring_in),
        index(index_in),
        session(std::move(session_in)),
        options(options_in),
        rate(options_in.limit_bytes_per_second),
        sealed_blocks(2 * std::size_t{pool_in.threads()} + 2),
        tasks(pool_in),
        packer([this] { pack_blocks(); },
               [this] {
                 sealed_blocks.close();
                 written_packs.close();
               }),
        closer([this] { close_packs(); }, [this] { written_packs.close(); }) {}

  Store& store;
  const Keyring& keyring;
  const Index& index;
  Session session;
  const ChunkWriterOptions options;
  RateLimit rate;  // used by the packer only

  // Owned by the caller's thread.
  IdSet new_ids;
  // By class. Deltas against the previous version and against older ones lie apart: among young
  // ones, an old one would outlive the share at which it is stored plain again, and a reader would
  // open a block of old bases for little of it.
  std::array<OpenBlock, 2> open_blocks;
  std::array<OpenBlock, 2> open_deltas;
  std::array<OpenBlock, 2> open_old_deltas;
  std::uint64_t raw_bytes = 0;
  bool is_finished = false;

  // Shared with the workers.
  std::array<Counter, 2> attempts;
  CheckoutPool<BlockSealer> sealers;

  // Ids that packs of other sessions turned out to hold; from the closer to the caller's thread.
  Guarded<std::vector<Id>> learned;

  // Owned by the closer until it has ended.
  IdSet neighbours_ids;
  std::vector<ObjectRef> objects;
  std::uint64_t packed_bytes = 0;

  BoundedQueue<std::future<BlockSealer::Sealed>> sealed_blocks;
  BoundedQueue<WrittenPack> written_packs{1};
  TaskGroup tasks;
  Stage packer;
  Stage closer;

  OpenBlock& open_block_for(ChunkClass chunk_class, std::span<const ChosenBase> bases);
  void dispatch(OpenBlock& block);
  BlockSealer::Sealed seal(OpenBlock block);
  DeltaTrial delta_trial(const OpenBlock& block) const;
  Bytes read_bases(const OpenBlock& block) const;
  BlockSeal next_seal(ChunkClass chunk_class);
  void pack_blocks();
  void close_packs();
  void publish(WrittenPack pack);
  void look_at_neighbours();
  void take_learned();
  bool is_stored_by_neighbours(const BlockInfo& block) const;
  bool is_worth_sifting(const WrittenPack& pack) const;
  std::optional<WrittenPack> without_duplicates(const WrittenPack& pack);
  void put_session_record();
  /// Ends the stages and throws what one of them threw.
  void join();
};

BlockSeal ChunkWriter::State::next_seal(ChunkClass chunk_class) {
  const std::uint64_t attempt = attempts[static_cast<std::size_t>(chunk_class)].add();
  return {session.id, attempt / kAttemptsPerOrdinal, attempt};
}

/// The bytes of the block's bases in order. Each is proved by its id: a delta against other bytes
/// would be lost to whoever reads the right ones.
Bytes ChunkWriter::State::read_bases(const OpenBlock& block) const {
  Bytes prefix;
  for (const BlockBase& base : block.bases.list())
    options.bases->append_base(block.info.chunk_class, base.id, prefix);
  return prefix;
}

DeltaTrial ChunkWriter::State::delta_trial(const OpenBlock& block) const {
  if (block.bases.list().empty()) return {};
  try {
    return {read_bases(block),
            block.bases.is_mostly_old(block.raw.size()) ? kOldDeltaShare : kDeltaShare};
  } catch (const Error& error) {  // per item: a base that cannot be had only means a plain block
    if (!error.is_about_bytes() && error.kind() != ErrorKind::no_key) throw;
    return {};
  }
}

BlockSealer::Sealed ChunkWriter::State::seal(OpenBlock block) {
  const DeltaTrial delta = delta_trial(block);
  block.info.bases = block.bases.list();
  return sealers.with(
      [this] { return BlockSealer(options.compression_level); },
      [&](BlockSealer& sealer) {
        return sealer.seal(
            std::move(block.info), block.raw, [this](ChunkClass c) { return next_seal(c); },
            [this](ChunkClass c) -> const Secret32& { return session.secret(c); }, delta);
      });
}

OpenBlock& ChunkWriter::State::open_block_for(ChunkClass chunk_class,
                                              std::span<const ChosenBase> bases) {
  const bool has_old =
      std::any_of(bases.begin(), bases.end(), [](const ChosenBase& base) { return base.is_old; });
  auto& blocks = bases.empty() ? open_blocks : has_old ? open_old_deltas : open_deltas;
  return blocks[static_cast<std::size_t>(chunk_class)];
}

void ChunkWriter::State::dispatch(OpenBlock& block) {
  if (block.raw.empty()) return;
  block.info.cipher = options.cipher;
  auto sealed =
      tasks.submit(ThreadPool::Priority::urgent,
                   [this, block = std::move(block)]() mutable { return seal(std::move(block)); });
  block = OpenBlock();
  take_learned();
  if (!sealed_blocks.push(std::move(sealed))) join();
}

void ChunkWriter::State::pack_blocks() {
  std::unique_ptr<PackStream> pack;
  while (auto next = sealed_blocks.pop()) {
    BlockSealer::Sealed block = next->get();
    if (pack && !pack->has_room_for(block.info)) {
      if (!written_packs.push(pack->finish())) return;
      pack.reset();
    }
    if (!pack) pack = std::make_unique<PackStream>(store, keyring, session.box().epoch);
    rate.spend(block.bytes.size());
    pack->append(std::move(block.info), block.bytes);
  }
  if (pack) written_packs.push(pack->finish());
}

void ChunkWriter::State::put_session_record() {
  const Bytes record = encode_session_record(
      session.record, keyring.repository_key(session.box().epoch), keyring.signing_key());
  const std::string name = session_name(session.id);
  if (!store.put_if_absent(name, record)) {
    throw Error(ErrorKind::no_session, "session " + session.id.short_hex() +
                                           " exists already: this machine's random generator "
                                           "repeats itself (a cloned or restored virtual "
                                           "machine?); run the command again");
  }
  store.put(copy_name(name), record);
  objects.push_back({ObjectKind::session, Side::copy, session.id, record.size()});
}

void ChunkWriter::State::look_at_neighbours() {
  if (options.neighbours == nullptr) return;
  options.neighbours->look_for_new(
      session.id, [this](const Id&, std::uint64_t, const Bytes& encoded) {
        std::vector<Id> ids;
        for (const BlockInfo& block : decode_table(encoded).blocks) {
          // The bases of a delta may be in packs that this session does not know.
          if (block.is_delta()) continue;
          for (const ChunkEntry& chunk : block.chunks) ids.push_back(chunk.id);
        }
        for (const Id& id : ids) neighbours_ids.insert(id);
        learned.with([&](std::vector<Id>& all) { all.insert(all.end(), ids.begin(), ids.end()); });
      });
}

/// What a session beside this one has stored since counts as stored.
void ChunkWriter::State::take_learned() {
  const std::vector<Id> ids =
      learned.with([](std::vector<Id>& all) { return std::exchange(all, {}); });
  for (const Id& id : ids) new_ids.insert(id);
}

bool ChunkWriter::State::is_stored_by_neighbours(const BlockInfo& block) const {
  return std::all_of(block.chunks.begin(), block.chunks.end(),
                     [this](const ChunkEntry& chunk) { return neighbours_ids.contains(chunk.id); });
}

/// True if packs of other sessions hold an eighth of the pack or more.
bool ChunkWriter::State::is_worth_sifting(const WrittenPack& pack) const {
  std::uint64_t stored = 0;
  for (const BlockInfo& block : pack.blocks) {
    if (is_stored_by_neighbours(block)) stored += block.sealed_length;
  }
  return stored >= pack.length / 8;
}

/// The pack again with those sealed blocks only that no other session has stored; nothing if there
/// are none.
std::optional<WrittenPack> ChunkWriter::State::without_duplicates(const WrittenPack& pack) {
  PackStream kept(store, keyring, session.box().epoch);
  std::uint64_t offset = kObjectPrefixBytes;
  for (const BlockInfo& block : pack.blocks) {
    if (!is_stored_by_neighbours(block)) {
      Bytes sealed(block.sealed_length);
      pack.upload->read_back(offset, sealed);
      kept.append(block, sealed);
    }
    offset += block.sealed_length;
  }
  if (kept.is_empty()) return std::nullopt;
  return kept.finish();
}

void ChunkWriter::State::publish(WrittenPack pack) {
  if (objects.empty()) put_session_record();
  const std::string name = pack_name(pack.name);
  const Side side = side_for(pack.length, options.parity);
  // Made from the upload, before it is published, while its pages are in memory.
  const std::unique_ptr<Store::Upload> upload = std::move(pack.upload);
  write_side_file(
      store, name, pack.name, pack.length, side, options.parity,
      [&](std::uint64_t offset, MutableByteView out) { upload->read_back(offset, out); });
  if (options.neighbours != nullptr) options.neighbours->pass_over(pack.name);
  upload->commit(name);
  objects.push_back({ObjectKind::pack, side, pack.name, pack.length});
  packed_bytes += pack.length;
}

void ChunkWriter::State::close_packs() {
  while (auto pack = written_packs.pop()) {
    look_at_neighbours();
    if (is_worth_sifting(*pack)) pack = without_duplicates(*pack);
    if (pack) publish(std::move(*pack));
  }
}

void ChunkWriter::State::join() {
  sealed_blocks.close();
  packer.join();
  closer.join();
  if (!is_finished) throw Error(ErrorKind::failed, "writing packs stopped early");
}

ChunkWriter::ChunkWriter(Store& store, ThreadPool& pool, const Keyring& keyring, const Index& index,
                         Session session, const ChunkWriterOptions& options)
    : state_(std::make_unique<State>(store, pool, keyring, index, std::move(session), options)) {}

ChunkWriter::~ChunkWriter() {
  state_->sealed_blocks.close();
  state_->written_packs.close();
}

bool ChunkWriter::is_stored(const Id& id) const {
  return state_->new_ids.contains(id) || state_->index.is_stored(id);
}

void ChunkWriter::expect(const Id& id) const { state_->index.expect(id); }

bool ChunkWriter::put(ChunkClass chunk_class, const Id& id, ByteView bytes,
                      std::span<const BaseHint> hints) {
  if (is_stored(id)) return false;
  state_->new_ids.insert(id);
  state_->raw_bytes += bytes.size();
  const auto length = static_cast<std::uint32_t>(bytes.size());
  std::vector<ChosenBase> bases;
  if (state_->options.bases != nullptr && !hints.empty())
    bases = choose_bases(state_->index, chunk_class, hints, length);
  const std::size_t target = bases.empty() ? kBlockTargetBytes : kDeltaBlockTargetBytes;
  OpenBlock& block = state_->open_block_for(chunk_class, bases);
  if (!block.bases.has_room_for(bases)) state_->dispatch(block);
  block.info.chunk_class = chunk_class;
  if (block.raw.empty()) block.raw.reserve(target + bytes.size());
  block.bases.add(bases, static_cast<std::uint32_t>(block.raw.size()), length);
  block.append(id, bytes);
  if (block.raw.size() >= target) state_->dispatch(block);
  return true;
}

void ChunkWriter::finish() {
  for (auto* blocks : {&state_->open_blocks, &state_->open_deltas, &state_->open_old_deltas}) {
    for (OpenBlock& block : *blocks) state_->dispatch(block);
  }
  state_->is_finished = true;
  state_->join();
}

std::vector<ObjectRef> ChunkWriter::take_objects() { return std::exchange(state_->objects, {}); }

std::optional<SessionBox> ChunkWriter::session_box() const {
  if (state_->packed_bytes == 0) return std::nullopt;
  return state_->session.box();
}

std::uint64_t ChunkWriter::raw_bytes() const { return state_->raw_bytes; }
std::uint64_t ChunkWriter::packed_bytes() const { return state_->packed_bytes; }

}  // namespace coppice
