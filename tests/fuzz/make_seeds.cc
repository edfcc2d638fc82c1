// Writes the first inputs of each target from a small repository: make_seeds DIRECTORY.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "index/index_object.h"
#include "index/index_run.h"
#include "pack/pack_file.h"
#include "pack/table.h"
#include "parity/parity_builder.h"
#include "repo/checkpoint.h"
#include "repo/export.h"
#include "repo/key_file.h"
#include "repo/log_bodies.h"
#include "repo/object_names.h"
#include "repo/pack_table.h"
#include "snapshot/content_codec.h"
#include "snapshot/snapshot_record.h"
#include "snapshot/tree_codec.h"
#include "support/repository_fixture.h"
#include "targets.h"

namespace coppice::fuzz {
namespace {

class Seeds {
 public:
  explicit Seeds(std::filesystem::path directory) : directory_(std::move(directory)) {}

  void add(const std::string& target, ByteView bytes) {
    const std::filesystem::path folder = directory_ / target;
    std::filesystem::create_directories(folder);
    std::ofstream out(folder / ("seed-" + std::to_string(count_++)), std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
  }
  void add(const std::string& target, std::string_view text) { add(target, as_bytes(text)); }
  void add_body(std::uint8_t type, ByteView body) {
    Bytes bytes{type};
    bytes.insert(bytes.end(), body.begin(), body.end());
    add("log_body", bytes);
  }

 private:
  std::filesystem::path directory_;
  int count_ = 0;
};

void add_files(Seeds& seeds, Store& store) {
  for (const ObjectInfo& object : store.list("")) {
    const Bytes bytes = store.read_all(object.name, object.size);
    if (object.name == kHeaderName) seeds.add("header", bytes);
    if (object.name == kReadmeName) seeds.add("readme", bytes);
    if (object.name.ends_with(".copy")) continue;
    if (object.name.starts_with("slots/")) seeds.add("slot", bytes);
    if (object.name.starts_with("log/")) seeds.add("log_entry", bytes);
    if (object.name.starts_with("sessions/")) seeds.add("session_record", bytes);
  }
}

void add_tables(Seeds& seeds, Repository& repository) {
  ByteWriter index;
  index.varint(repository.state().visible_snapshots().size());
  for (const auto& [name, object] : repository.state().objects.live()) {
    if (object.kind != ObjectKind::pack) continue;
    const Bytes table =
        read_pack_table(repository.store(), repository.keyring(), name, object.length);
    seeds.add("table", table);
    ByteWriter pack;
    pack.u64(object.length);
    pack.raw(table);
    seeds.add("pack", pack.bytes());
    index.id(name);
    index.varint(object.length);
    index.counted(table);
    IndexRunBuilder builder;
    builder.add(name, object.length, decode_table(table));
    seeds.add("index_image", builder.build().bytes());
  }
  seeds.add("index_object", index.bytes());
}

void add_bodies(Seeds& seeds, const LogState& state) {
  const Id id = state.snapshots.front().id;
  seeds.add_body(0, encode_names({id, id}));
  SnapshotBody snapshot{state.snapshots.front().record, {}};
  for (const auto& [session, boxes] : state.session_boxes)
    snapshot.sessions.push_back(boxes.front());
  seeds.add_body(1, encode_snapshot_body(snapshot));
  seeds.add_body(2, encode_tag_body({id, {"added"}, {"removed", "too"}}));
  seeds.add_body(3, encode_remove_body({{id}, {id}}));
  seeds.add_body(4, encode_damaged_chunks({{id, {ChunkClass::data, id}}}));
  const Certificate& certificate = state.certificates.begin()->second;
  seeds.add_body(5, encode_certificate_body(certificate.body));
  seeds.add_body(6, encode_certificate_terms({"label", {"host"}, {certificate.body.slot}}));
  seeds.add_body(7, encode_revocation_body({certificate.body.slot, 7}));
  EpochBody epoch;
  epoch.key_boxes.push_back({certificate.body.slot, certificate.body.key_boxes.front()});
  seeds.add_body(8, encode_epoch_body(epoch));
  seeds.add_body(9, encode_parameters(*state.parameters));
  seeds.add_body(10, encode_drill_body("{}"));
  seeds.add_body(11, encode_void_body({3, 4, {id, id}}));
  const Checkpoint made = restate(state);
  seeds.add("checkpoint", made.body);
  seeds.add("checkpoint", made.public_body);
}

void add_trees(Seeds& seeds, const LogState& state) {
  using namespace test;
  seeds.add("snapshot_record", state.snapshots.front().record);
  LiteralEntry full = file("full", "");
  Node& node = full.node;
  node.content.extents = {{state.snapshots.front().id, 10, false}, {Id{}, 70000, true}};
  node.meta.size = 70010;
  node.meta.xattrs = {{"user.a", "1"}, {"user.b", ""}};
  const std::vector<Node> nodes{full.node, symbolic_link("link", "target").node,
                                special("null", FileType::character_device, 0x103).node};
  seeds.add("tree_part", encode_tree_part(nodes));
  const std::vector<Id> ids(3, state.snapshots.front().id);
  seeds.add("content_lists", encode_list(ids));
  seeds.add("content_lists", encode_content_part(node.content.extents));
}

void add_texts(Seeds& seeds) {
  for (const char* text : {"*.o\n/src/main.o", "/a/**/b[!x-z]?\\*\n/a/q/r/bc!*", "!keep\n/keep",
                           "$HOME/*\n# note\n\n$$x", "**/**/**\n/a/b/c/d/e"}) {
    seeds.add("exclude_pattern", std::string_view(text));
  }
  for (const char* text : {"*.o\nmain.o", "/build/\nbuild", "!a/**/b\na/x/y/b",
                           "[[:alpha:]]*[!0-9]\\ \nab ", "**\n\\#x\n"}) {
    seeds.add("git_pattern", std::string_view(text));
  }
}

void add_parity_and_blocks(Seeds& seeds) {
  const Bytes object(5000, 1);
  ParityBuilder builder(ParityGeometry{2, 1}, object.size());
  builder.append(object);
  seeds.add("parity", builder.finish(blake3(object)));
  const std::string raw = "a block, a block, a block";
  Bytes frame(Compressor::bound(raw.size()));
  frame.resize(Compressor(3).compress(as_bytes(raw), frame));
  Bytes block{static_cast<std::uint8_t>(raw.size() - 1), 0};
  block.insert(block.end(), frame.begin(), frame.end());
  seeds.add("block", block);
}

void make(const std::string& directory) {
  using namespace test;
  Seeds seeds(directory);
  RepositoryFixture fixture;
  fixture.store_tree({coppice::test::directory("d", {file("a", noise(1500))}), file("b", "short")});
  Repository& repository = fixture.repository();
  add_files(seeds, repository.store());
  add_tables(seeds, repository);
  add_bodies(seeds, repository.state());
  add_trees(seeds, repository.state());
  seeds.add("header_export", encode_export(repository.make_export()));
  seeds.add("key_file", make_key_file(system_random()).view());
  SlotPayload payload;
  payload.signing_seed = random_secret(system_random());
  payload.box_private_key = random_secret(system_random());
  payload.family_secret = random_secret(system_random());
  seeds.add("slot_payload", encode_slot_payload(payload).view());
  add_parity_and_blocks(seeds);
  add_texts(seeds);
}

}  // namespace
}  // namespace coppice::fuzz

int main(int count, char** words) {
  if (count != 2) {
    std::cerr << "usage: make_seeds DIRECTORY\n";
    return 2;
  }
  coppice::fuzz::make(words[1]);
}
