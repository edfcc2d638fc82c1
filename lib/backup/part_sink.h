#pragma once
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "repo/delta_bases.h"
#include "snapshot/reference.h"

namespace coppice {

/// Stores the parts of one tree or of one list of extents, each with a hint to the part of the old
/// version that it is likely to be the next version of. Not thread-safe.
class PartSink final : public MetadataSink {
 public:
  using Put = std::function<Id(ByteView encoded, std::span<const BaseHint> hints)>;

  /// `old` names the old version's parts, which `source` (may be null) reads.
  PartSink(Put put, MetadataSource* source, std::optional<Reference> old)
      : put_(std::move(put)), source_(source), old_(old) {}

  Id put(ByteView encoded) override;

 private:
  void list_old_parts();

  Put put_;
  MetadataSource* source_;
  std::optional<Reference> old_;  // until its parts are listed
  std::vector<Id> old_parts_;
  std::size_t next_ = 0;  // of the old parts
};

}  // namespace coppice
