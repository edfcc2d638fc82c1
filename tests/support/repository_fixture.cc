#include "support/repository_fixture.h"

#include <unistd.h>

#include <algorithm>
#include <random>

#include "repo/chunk_writer.h"
#include "repo/log_bodies.h"
#include "repo/object_names.h"
#include "snapshot/snapshot_record.h"
#include "snapshot/tree_writer.h"

namespace coppice::test {
namespace {

constexpr std::int64_t kFileTime = 1'600'000'000;
constexpr std::int64_t kDirectoryTime = 1'500'000'000;

LiteralEntry make_entry(const std::string& name, FileType type, std::uint32_t mode,
                        std::int64_t time) {
  LiteralEntry entry;
  entry.node.name = name;
  entry.node.meta.type = type;
  entry.node.meta.mode = mode;
  entry.node.meta.uid = geteuid();
  entry.node.meta.gid = getegid();
  entry.node.meta.links = 1;
  entry.node.meta.mtime = {time, 123'456'789};
  entry.node.meta.ctime = entry.node.meta.mtime;
  return entry;
}

/// Writes one literal tree.
class LiteralWriter final : public MetadataSink {
 public:
  LiteralWriter(ChunkWriter& chunks, const Keyring& keyring, std::size_t chunk_bytes)
      : chunks_(chunks), keyring_(keyring), chunk_bytes_(chunk_bytes) {}

  Id put(ByteView encoded) override { return put_as(ChunkClass::metadata, encoded); }

  Reference write(std::vector<LiteralEntry> entries) {
    std::sort(entries.begin(), entries.end(), [](const LiteralEntry& a, const LiteralEntry& b) {
      return a.node.name < b.node.name;
    });
    for (LiteralEntry& entry : entries) {
      if (entry.node.meta.type == FileType::regular) write_content(entry);
      if (entry.node.meta.type == FileType::directory) {
        entry.node.subtree = write(std::move(entry.children));
      }
    }
    TreeWriter tree(*this);
    for (const LiteralEntry& entry : entries) tree.add(entry.node);
    return tree.finish();
  }

 private:
  Id put_as(ChunkClass chunk_class, ByteView bytes) {
    const Id id = keyring_.identity(chunk_class).id(bytes);
    chunks_.put(chunk_class, id, bytes);
    return id;
  }

  void write_content(LiteralEntry& entry) {
    ContentWriter content(*this);
    for (const FilePart& part : entry.parts) {
      content.add_hole(part.hole);
      for (std::string_view rest = part.bytes; !rest.empty();) {
        const std::string_view chunk = rest.substr(0, chunk_bytes_);
        content.add_chunk(put_as(ChunkClass::data, as_bytes(chunk)), chunk.size());
        rest.remove_prefix(chunk.size());
      }
    }
    entry.node.meta.size = content.size();
    entry.node.content = content.finish();
  }

  ChunkWriter& chunks_;
  const Keyring& keyring_;
  std::size_t chunk_bytes_;
};

}  // namespace

bool FindingList::has(std::string_view code, std::string_view item) const {
  return std::any_of(all.begin(), all.end(), [&](const Finding& finding) {
    return finding.code == code && finding.item == item;
  });
}

std::size_t FindingList::count(Finding::Weight weight) const {
  return static_cast<std::size_t>(std::count_if(
      all.begin(), all.end(), [&](const Finding& finding) { return finding.weight == weight; }));
}

std::string FindingList::text() const {
  std::string text;
  for (const Finding& finding : all) {
    text += finding.code + " " + finding.item + ": " + finding.message + "\n";
  }
  return text;
}

LiteralEntry file(const std::string& name, const std::string& bytes, std::uint32_t mode) {
  LiteralEntry entry = make_entry(name, FileType::regular, mode, kFileTime);
  entry.parts.push_back({bytes, 0});
  return entry;
}

LiteralEntry sparse_file(const std::string& name, std::vector<FilePart> parts) {
  LiteralEntry entry = make_entry(name, FileType::regular, 0644, kFileTime);
  entry.parts = std::move(parts);
  return entry;
}

LiteralEntry directory(const std::string& name, std::vector<LiteralEntry> children,
                       std::uint32_t mode) {
  LiteralEntry entry = make_entry(name, FileType::directory, mode, kDirectoryTime);
  entry.children = std::move(children);
  return entry;
}

LiteralEntry symbolic_link(const std::string& name, const std::string& target) {
  LiteralEntry entry = make_entry(name, FileType::symlink, 0777, kFileTime);
  entry.node.meta.symlink_target = target;
  return entry;
}

LiteralEntry special(const std::string& name, FileType type, std::uint64_t rdev) {
  LiteralEntry entry = make_entry(name, type, 0640, kFileTime);
  entry.node.meta.rdev = rdev;
  return entry;
}

void hard_link(std::vector<LiteralEntry*> names, std::uint64_t inode) {
  for (LiteralEntry* entry : names) {
    entry->node.meta.device = 1;
    entry->node.meta.inode = inode;
    entry->node.meta.links = static_cast<std::uint32_t>(names.size());
  }
}

std::string noise(std::size_t size, std::uint32_t seed) {
  std::mt19937_64 generator(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(generator());
  return bytes;
}

Credential RepositoryFixture::credential() {
  return Credential::from_key_file(Secret32(Bytes(32, 7)));
}

RepositoryFixture::RepositoryFixture(std::size_t chunk_bytes, std::optional<ParityGeometry> parity,
                                     const RepositoryFixture* like)
    : chunk_bytes_(chunk_bytes) {
  InitOptions options;
  options.parity = parity;
  options.program = "test";
  if (like != nullptr) {
    options.like_keyring = &like->repository().keyring();
    options.like_parameters = &like->repository().parameters();
  }
  std::vector<Credential> credentials;
  credentials.push_back(credential());
  init_repository(faults_, credentials, options, system_random());
  repository_ = Repository::open(faults_, credential(), {}, findings_);
}

Reference RepositoryFixture::store(std::vector<LiteralEntry> entries, bool deduplicates) {
  Repository& repository = *repository_;
  const Index nothing;
  const LoadedIndex loaded = repository.load_index({true, ""}, findings_);
  ChunkWriterOptions options;
  options.cipher = repository.parameters().cipher;
  options.parity = repository.parity();
  ChunkWriter writer(repository.store(), pool_, repository.keyring(),
                     deduplicates ? loaded.index : nothing,
                     repository.begin_session(system_random(), "host", {kFileTime, 0}), options);
  const Reference root =
      LiteralWriter(writer, repository.keyring(), chunk_bytes_).write(std::move(entries));
  publish(writer, root);
  return root;
}

void RepositoryFixture::publish(ChunkWriter& writer, const Reference& root) {
  Repository& repository = *repository_;
  writer.finish();
  SnapshotRecord record;
  record.time = {kFileTime, 0};
  record.host = "host";
  record.paths = {"/"};
  record.root = made_root(root);
  SnapshotBody body;
  const Keyring& keyring = repository.keyring();
  body.record =
      encode_snapshot(record, keyring.signing_key(), keyring.repository(), keyring.slot());
  if (const auto box = writer.session_box()) body.sessions.push_back(*box);
  LogAppend entry;
  entry.type = LogEntryType::snapshot;
  entry.adds = writer.take_objects();
  entry.body = encode_snapshot_body(body);
  repository.append([&](const LogState&) { return entry; });
}

Id RepositoryFixture::chunk_id(std::string_view bytes) const {
  return repository_->keyring().identity(ChunkClass::data).id(as_bytes(bytes));
}

std::vector<ChunkPlace> RepositoryFixture::places_of(std::string_view bytes) {
  index_ = repository_->load_index({}, findings_).index;
  return index_.find(chunk_id(bytes));
}

void RepositoryFixture::damage_chunk(std::string_view bytes, std::size_t places) {
  std::vector<ChunkPlace> damaged = places_of(bytes);
  damaged.resize(std::min(damaged.size(), places));
  for (const ChunkPlace& place : damaged) {
    const std::string name = pack_name(place.pack_record().name);
    for (const std::string& object : {name, copy_name(name)}) {
      if (store_.size(object)) faults_.flip_byte(object, place.block_record().offset + 5);
    }
  }
}

void RepositoryFixture::lose_chunk(std::string_view bytes) {
  for (const ChunkPlace& place : places_of(bytes)) {
    const std::string name = pack_name(place.pack_record().name);
    faults_.hide(name);
    faults_.hide(copy_name(name));
  }
}

}  // namespace coppice::test
