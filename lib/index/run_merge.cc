#include "index/run_merge.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "fs/scratch_file.h"

namespace coppice {
namespace {

template <typename T>
ByteView bytes_of(const T* items, std::size_t count) {
  return {reinterpret_cast<const std::uint8_t*>(items), count * sizeof(T)};
}

/// What must be added to a part's positions.
struct Shift {
  std::uint32_t packs = 0;
  std::uint32_t blocks = 0;
};

/// The next chunk of a part, in a heap with the smallest on top.
struct Cursor {
  std::uint64_t leading = 0;  ///< the id's first bytes as a number, which nearly always decides
  const ChunkRecord* next = nullptr;
  const ChunkRecord* end = nullptr;
  std::size_t part = 0;

  void look() { leading = next->id.leading(); }
};

struct IsLater {
  bool operator()(const Cursor& a, const Cursor& b) const {
    if (a.leading != b.leading) return a.leading > b.leading;
    const int order = std::memcmp(a.next->id.bytes.data(), b.next->id.bytes.data(), Id::kSize);
    return order != 0 ? order > 0 : a.part > b.part;
  }
};

class Merger {
 public:
  Merger(std::span<const IndexRun> parts, const Fd& file);

  std::uint64_t write();

 private:
  void write_packs();
  void write_blocks_and_bases();
  void write_chunks();
  void note(const ChunkRecord& chunk) {
    ++fan_out_[fan_out_bucket(chunk.id, layout_.fan_out_bits()) + 1];
  }
  void write_fan_out();

  std::span<const IndexRun> parts_;
  const Fd& file_;
  std::vector<Shift> shifts_;
  std::vector<Id> sessions_;
  std::unordered_map<Id, std::uint32_t> session_positions_;
  RunLayout layout_;
  std::vector<std::uint32_t> fan_out_;
};

Merger::Merger(std::span<const IndexRun> parts, const Fd& file) : parts_(parts), file_(file) {
  for (const IndexRun& part : parts) {
    shifts_.push_back(
        {static_cast<std::uint32_t>(layout_.packs), static_cast<std::uint32_t>(layout_.blocks)});
    layout_.packs += part.packs().size();
    layout_.blocks += part.blocks().size();
    layout_.bases += part.base_count();
    layout_.chunks += part.chunks().size();
    for (const Id& session : part.sessions()) {
      const auto position = static_cast<std::uint32_t>(sessions_.size());
      if (session_positions_.emplace(session, position).second) sessions_.push_back(session);
    }
  }
  layout_.sessions = sessions_.size();
}

void Merger::write_packs() {
  RegionWriter front(file_, 0);
  front.append(layout_.header());
  front.flush();
  RegionWriter packs(file_, layout_.packs_offset());
  for (const IndexRun& part : parts_)
    packs.append(bytes_of(part.packs().data(), part.packs().size()));
  packs.flush();
  RegionWriter sessions(file_, layout_.sessions_offset());
  sessions.append(bytes_of(sessions_.data(), sessions_.size()));
  sessions.flush();
}

void Merger::write_blocks_and_bases() {
  RegionWriter blocks(file_, layout_.blocks_offset());
  RegionWriter bases(file_, layout_.bases_offset());
  std::uint32_t base_count = 0;
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    for (BlockRecord block : parts_[p].blocks()) {
      const std::span<const BlockBase> needed = parts_[p].bases(block);
      bases.append(bytes_of(needed.data(), needed.size()));
      block.session = session_positions_.at(parts_[p].sessions()[block.session]);
      block.pack += shifts_[p].packs;
      block.first_base = base_count;
      base_count += block.base_count;
      blocks.append(bytes_of(&block, 1));
    }
  }
  blocks.flush();
  bases.flush();
}

void Merger::write_chunks() {
  std::vector<Cursor> heap;
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    const std::span<const ChunkRecord> chunks = parts_[p].chunks();
    if (chunks.empty()) continue;
    heap.push_back({0, chunks.data(), chunks.data() + chunks.size(), p});
    heap.back().look();
  }
  std::make_heap(heap.begin(), heap.end(), IsLater{});
  RegionWriter writer(file_, layout_.chunks_offset(), 1 << 20);
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), IsLater{});
    Cursor& first = heap.back();
    ChunkRecord chunk = *first.next++;
    chunk.block += shifts_[first.part].blocks;
    writer.append(bytes_of(&chunk, 1));
    note(chunk);
    if (first.next == first.end) {
      heap.pop_back();
    } else {
      first.look();
      std::push_heap(heap.begin(), heap.end(), IsLater{});
    }
  }
  writer.flush();
}

void Merger::write_fan_out() {
  for (std::size_t i = 1; i < fan_out_.size(); ++i) fan_out_[i] += fan_out_[i - 1];
  RegionWriter writer(file_, layout_.fan_out_offset());
  writer.append(bytes_of(fan_out_.data(), fan_out_.size()));
  writer.flush();
}

std::uint64_t Merger::write() {
  fan_out_.assign((std::size_t{1} << layout_.fan_out_bits()) + 1, 0);
  // The size first: padding between the parts of the image reads as zeros.
  resize_file(file_, layout_.image_size());
  write_packs();
  write_blocks_and_bases();
  write_chunks();
  write_fan_out();
  return layout_.image_size();
}

}  // namespace

std::uint64_t merge_runs(std::span<const IndexRun> parts, const Fd& file) {
  return Merger(parts, file).write();
}

}  // namespace coppice
