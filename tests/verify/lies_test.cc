#include <doctest/doctest.h>

#include "compress/compressor.h"
#include "pack/block_codec.h"
#include "repo/pack_stream.h"
#include "repo/session_record.h"
#include "snapshot/snapshot_record.h"
#include "snapshot/tree_writer.h"
#include "verify_world.h"

/// Packs whose bytes are those of their names, and yet wrong: written so by a program with a fault,
/// or by a hostile writer.
namespace coppice::test {
namespace {

/// Seals blocks by hand into packs of their own.
class HandMade {
 public:
  HandMade() : session_(fixture.repository().begin_session(system_random(), "host", {0, 0})) {}

  Id data_id(std::string_view bytes) { return identity(ChunkClass::data).id(as_bytes(bytes)); }

  /// A block that holds `bytes` and claims that they are the chunk `id`.
  BlockSealer::Sealed block(const Id& id, ByteView bytes,
                            ChunkClass chunk_class = ChunkClass::data) {
    BlockInfo info;
    info.chunk_class = chunk_class;
    info.chunks.push_back({id, static_cast<std::uint32_t>(bytes.size())});
    return BlockSealer(3).seal(
        info, bytes,
        [this](ChunkClass) {
          return BlockSeal{session_.id, 0, counter_++};
        },
        [this](ChunkClass c) -> const Secret32& { return session_.secret(c); });
  }

  /// The same as a delta on one base.
  BlockSealer::Sealed delta(std::string_view bytes, std::string_view base) {
    BlockSealer::Sealed made;
    BlockInfo& info = made.info;
    info.encoding = kEncodingZstd | kEncodingDelta;
    info.seal = {session_.id, 0, counter_++};
    info.raw_length = static_cast<std::uint32_t>(bytes.size());
    info.bases.push_back({data_id(base), 0});
    info.chunks.push_back({data_id(bytes), info.raw_length});
    Bytes frame(Compressor::bound(bytes.size()));
    frame.resize(Compressor(3).compress_with_prefix(as_bytes(bytes), as_bytes(base), frame));
    made.bytes.resize(frame.size() + kAeadTagBytes);
    Aead(info.cipher, block_key(session_.data_secret, ChunkClass::data, info.seal))
        .seal(counter_nonce(info.seal.counter), block_associated_data(info), frame, made.bytes);
    info.sealed_length = static_cast<std::uint32_t>(made.bytes.size());
    info.sealed_hash = blake3(made.bytes);
    return made;
  }

  std::string put_pack(const BlockSealer::Sealed& block) {
    PackStream stream(store(), keyring(), 0);
    stream.append(block.info, block.bytes);
    const WrittenPack pack = stream.finish();
    pack.upload->commit(pack_name(pack.name));
    packs_.push_back({ObjectKind::pack, Side::none, pack.name, pack.length});
    return pack_name(pack.name);
  }

  /// A snapshot of one file "f" that is made of these chunks.
  void put_snapshot(const std::vector<std::string>& chunks) {
    Node node = file("f", "").node;
    for (const std::string& bytes : chunks) {
      node.content.extents.push_back({data_id(bytes), bytes.size(), false});
      node.meta.size += bytes.size();
    }
    const std::vector<Node> nodes{node};
    const Bytes tree = encode_tree_part(nodes);
    const Id id = identity(ChunkClass::metadata).id(tree);
    put_pack(block(id, tree, ChunkClass::metadata));
    SnapshotRecord record;
    record.host = "host";
    record.paths = {"/"};
    record.root = made_root({0, id});
    LogAppend entry;
    entry.adds = packs_;
    entry.body = encode_snapshot_body(
        {encode_snapshot(record, keyring().signing_key(), keyring().repository(), keyring().slot()),
         {session_.box()}});
    fixture.repository().append([&](const LogState&) { return entry; });
  }

  Outcome verified(const VerifyOptions& options = reading_data()) {
    return keyed(objects_of(store()), options);
  }

  RepositoryFixture fixture;

 private:
  Store& store() { return fixture.repository().store(); }
  const Keyring& keyring() { return fixture.repository().keyring(); }
  const ChunkIdentity& identity(ChunkClass chunk_class) { return keyring().identity(chunk_class); }

  Session session_;
  std::uint64_t counter_ = 0;
  std::vector<ObjectRef> packs_;
};

const std::string kOld = noise(5000, 1);
const std::string kNew = "changed" + kOld;

bool is_hurt(const Outcome& outcome) {
  for (const Finding& finding : outcome.findings.all) {
    if (finding.code == "content_damaged" && finding.item.ends_with(":/f")) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a chunk that is not what its id says is found, and is lost if no other place has it") {
  HandMade world;
  const std::string liar = world.put_pack(world.block(world.data_id(kOld), as_bytes(kNew)));
  // Its length is a lie as well, so the honest one needs none of it.
  world.put_snapshot({"no such chunk"});
  const Outcome outcome = world.verified();
  CHECK(outcome.exit() == 13);
  CHECK_MESSAGE(outcome.findings.has("chunk_damaged", liar), outcome.findings.text());
  CHECK(is_hurt(outcome));
}

TEST_CASE("a chunk that is wrong in one pack and right in another is healable and hurts nobody") {
  HandMade world;
  std::string forged = kOld;
  forged[0] = static_cast<char>(forged[0] + 1);
  const std::string liar = world.put_pack(world.block(world.data_id(kOld), as_bytes(forged)));
  world.put_pack(world.block(world.data_id(kOld), as_bytes(kOld)));
  world.put_snapshot({kOld});
  const Outcome outcome = world.verified();
  CHECK_MESSAGE(outcome.exit() == 14, outcome.findings.text());
  CHECK(outcome.findings.has("chunk_damaged", liar));
  CHECK(outcome.findings.all.size() == 1);
}

TEST_CASE("a pack without side file is healable where another pack holds the same chunks") {
  HandMade world;
  const std::string first = world.put_pack(world.block(world.data_id(kOld), as_bytes(kOld)));
  world.put_pack(world.block(world.data_id(kOld), as_bytes(kOld)));
  world.put_snapshot({kOld});
  world.fixture.faults().flip_byte(first, 100);
  const Outcome outcome = world.verified();
  CHECK_MESSAGE(outcome.exit() == 14, outcome.findings.text());
  CHECK(outcome.findings.has("pack_damaged", first));
  CHECK(keyless(objects_of(world.fixture.repository().store())).exit() == 13);
}

TEST_CASE("a delta is proved with its base, and hurt when the base is lost") {
  HandMade world;
  const std::string base = world.put_pack(world.block(world.data_id(kOld), as_bytes(kOld)));
  world.put_pack(world.delta(kNew, kOld));
  world.put_snapshot({kNew});
  const Outcome whole = world.verified();
  CHECK_MESSAGE(whole.findings.all.empty(), whole.findings.text());
  CHECK(whole.result.chunks == 3);
  world.fixture.faults().flip_byte(base, 100);
  const Outcome hurt = world.verified();
  CHECK(hurt.exit() == 13);
  CHECK_MESSAGE(is_hurt(hurt), hurt.findings.text());
}

TEST_CASE("a delta without a plain base is found by structure alone") {
  HandMade world;
  world.put_pack(world.delta(kNew, kOld));
  world.put_snapshot({kNew});
  for (const VerifyOptions& options : {VerifyOptions(), reading_data()}) {
    const Outcome outcome = world.verified(options);
    CHECK(outcome.exit() == 13);
    CHECK_MESSAGE(is_hurt(outcome), outcome.findings.text());
  }
}

TEST_CASE("a chunk of another length than the file says is missing") {
  HandMade world;
  world.put_pack(world.block(world.data_id("abc"), as_bytes("abcd")));
  world.put_snapshot({"abc"});
  const Outcome outcome = world.verified({});
  CHECK(outcome.exit() == 13);
  CHECK(is_hurt(outcome));
}

}  // namespace coppice::test
