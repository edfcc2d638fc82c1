#pragma once
#include <optional>
#include <string>

#include "base/finding.h"
#include "parity/geometry.h"
#include "repo/log_entry.h"
#include "repo/object_reader.h"

namespace coppice {

enum class FileState { intact, damaged, missing };

/// One object of the log and its side file, by their bytes.
struct ObjectCheck {
  FileState object = FileState::intact;
  FileState side = FileState::intact;  ///< intact also if there is to be none
  /// The object is not intact, but its side file can heal it: proved, not guessed.
  bool is_healable = false;
  std::string why;       ///< what is wrong with the object, for people
  std::string side_why;  ///< … with its side file

  bool is_intact() const { return object == FileState::intact && side == FileState::intact; }
};

/// Who looks at the bytes as they pass by; either may be empty.
struct PieceSinks {
  UsePiece object;
  UsePiece copy;  ///< the second copy, if the object is not intact
};

/// Compares an object with what the log says of it: there, of this length, its BLAKE3 the name (a
/// session record: its checksum and its id); its side file likewise. Every
/// byte is read once; of a damaged object with parity two times more. Needs no key. Thread-safe.
ObjectCheck check_object(const ObjectReader& reader, const ObjectRef& object,
                         const PieceSinks& sinks = {});

/// True if object and side file are there with the right sizes; says nothing of their bytes. If
/// not, check_object tells what is wrong.
bool has_right_sizes(Store& store, const ObjectRef& object,
                     const std::optional<ParityGeometry>& parity);

/// What there is to report, if anything: "pack_damaged", "index_missing", "side_file_damaged", ….
std::optional<Finding> object_finding(const ObjectRef& object, const ObjectCheck& check);

}  // namespace coppice
