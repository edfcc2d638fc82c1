#include "repo/object_check.h"

#include <algorithm>

#include "base/error.h"
#include "crypto/hash.h"
#include "repo/healing.h"
#include "repo/object_names.h"
#include "repo/session_record.h"

namespace coppice {
namespace {

struct FileCheck {
  FileState state = FileState::intact;
  std::string why;
};

FileCheck check_session_file(const ObjectReader& reader, const std::string& file,
                             const ObjectRef& object) {
  if (!reader.store.size(file)) return {FileState::missing, "missing"};
  try {
    const Bytes bytes = reader.store.read_all(file, kMaxSessionRecordBytes);
    reader.on_bytes(bytes.size());
    if (bytes.size() != object.length)
      return {FileState::damaged, "has another length than the log says"};
    if (parse_session_record(bytes).plain.box.session != object.name) {
      return {FileState::damaged, "is the record of another session"};
    }
    return {};
  } catch (const Error& error) {
    if (!error.is_about_bytes()) throw;
    return {FileState::damaged, error.what()};
  }
}

FileCheck check_file(const ObjectReader& reader, const std::string& file, const ObjectRef& object,
                     const UsePiece& use) {
  if (object.kind == ObjectKind::session) return check_session_file(reader, file, object);
  const auto size = reader.store.size(file);
  if (!size) return {FileState::missing, "missing"};
  Blake3Hasher hasher;
  const std::uint64_t length = std::min(*size, object.length);
  const bool is_read =
      reader.stream(file, *size, length, [&](std::uint64_t offset, ByteView piece) {
        hasher.update(piece);
        if (use) use(offset, piece);
      });
  if (*size != object.length) {
    return {FileState::damaged,
            "has " + std::to_string(*size) + " bytes instead of " + std::to_string(object.length)};
  }
  if (!is_read) return {FileState::damaged, "cannot be read in places"};
  if (hasher.finish() != object.name)
    return {FileState::damaged, "its bytes are not those of its name"};
  return {};
}

/// Two session records may both be well-formed and yet differ.
bool is_copy_equal(const ObjectReader& reader, const std::string& name) {
  try {
    return reader.store.read_all(name, kMaxSessionRecordBytes) ==
           reader.store.read_all(copy_name(name), kMaxSessionRecordBytes);
  } catch (const Error& error) {  // per item: gone since it was read a moment ago
    if (!error.is_about_bytes()) throw;
    return false;
  }
}

void check_copy(const ObjectReader& reader, const ObjectRef& object, const UsePiece& use,
                ObjectCheck& check) {
  const std::string name = object_name(object);
  const bool is_object_intact = check.object == FileState::intact;
  const FileCheck copy =
      check_file(reader, copy_name(name), object, is_object_intact ? UsePiece() : use);
  check.side = copy.state;
  check.side_why = copy.why;
  if (!is_object_intact) {
    check.is_healable = copy.state == FileState::intact;
  } else if (copy.state == FileState::intact && object.kind == ObjectKind::session &&
             !is_copy_equal(reader, name)) {
    check.side = FileState::damaged;
    check.side_why = "differs from the record";
  }
}

void check_parity(const ObjectReader& reader, const ObjectRef& object, ObjectCheck& check) {
  const ParityRead parity = read_parity_file(reader, object);
  check.side_why = parity.why;
  if (parity.is_missing) {
    check.side = FileState::missing;
  } else if (!parity.why.empty()) {
    check.side = FileState::damaged;
  }
  if (check.object == FileState::intact || !parity.file) return;
  std::string extent;
  check.is_healable = heal_in_memory(reader, object, *parity.file, extent).has_value();
  if (!extent.empty()) check.why += " (" + extent + ")";
}

const char* kind_word(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::pack:
      return "pack";
    case ObjectKind::index:
      return "index";
    case ObjectKind::session:
      return "session";
  }
  return "object";
}

}  // namespace

ObjectCheck check_object(const ObjectReader& reader, const ObjectRef& object,
                         const PieceSinks& sinks) {
  ObjectCheck check;
  const FileCheck file = check_file(reader, object_name(object), object, sinks.object);
  check.object = file.state;
  check.why = file.why;
  if (object.side == Side::copy) check_copy(reader, object, sinks.copy, check);
  if (object.side == Side::parity) check_parity(reader, object, check);
  return check;
}

bool has_right_sizes(Store& store, const ObjectRef& object,
                     const std::optional<ParityGeometry>& parity) {
  const std::string name = object_name(object);
  if (store.size(name) != object.length) return false;
  if (object.side == Side::copy) return store.size(copy_name(name)) == object.length;
  if (object.side == Side::none) return true;
  const auto size = store.size(parity_name(name));
  return size && parity && *size == parity_file_size(*parity, object.length);
}

std::optional<Finding> object_finding(const ObjectRef& object, const ObjectCheck& check) {
  const std::string name = object_name(object);
  const char* side = object.side == Side::parity ? "parity" : "second copy";
  if (check.object != FileState::intact) {
    std::string text = check.why;
    if (object.side == Side::none) {
      text += "; it has neither a second copy nor parity";
    } else if (check.is_healable) {
      text += std::string("; its ") + side + " can heal it";
    } else {
      text += std::string("; its ") + side + " cannot heal it";
    }
    if (!check.side_why.empty()) text += std::string(" (the ") + side + ": " + check.side_why + ")";
    const char* what = check.object == FileState::missing ? "_missing" : "_damaged";
    return Finding{check.is_healable ? Finding::Weight::healable : Finding::Weight::damaged,
                   std::string(kind_word(object.kind)) + what, name, text};
  }
  if (check.side == FileState::intact) return std::nullopt;
  const std::string side_name = object.side == Side::parity ? parity_name(name) : copy_name(name);
  return Finding{Finding::Weight::healable,
                 check.side == FileState::missing ? "side_file_missing" : "side_file_damaged",
                 side_name, check.side_why + "; it can be made anew from the object"};
}

}  // namespace coppice
