#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "fs/fd.h"
#include "store/target_directory.h"

namespace coppice {

/// An object in the making: a file in "tmp/" under a random name. It holds an exclusive flock for
/// its whole life, so that whoever can lock it knows that its owner is dead. The destructor removes
/// it unless it was published.
///
/// After the first error it is of no use: its bytes may not be what was written. Used by one
/// thread.
class TemporaryFile {
 public:
  /// Throws Error{failed} or Error{no_space}. The target must outlive it.
  explicit TemporaryFile(TargetDirectory& target);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void append(ByteView bytes);
  void read_back(std::uint64_t offset, MutableByteView out) const;
  std::uint64_t size() const { return size_; }

  /// Publishes it under `name`, replacing an object of that name. Durable on return.
  void publish(const std::string& name);
  /// Publishes it unless there is a file of that name; false if there is. Durable on return of
  /// true.
  bool publish_if_absent(const std::string& name);

 private:
  struct Destination;

  bool try_create(const std::string& name);
  /// From here on any error is final.
  void expect_usable();
  Destination finish(const std::string& name);
  /// Nothing if this file system cannot do it that way.
  std::optional<bool> try_link(const Destination& to) const;
  std::optional<bool> try_rename_noreplace(const Destination& to);
  bool rename_under_lock(const Destination& to);
  void rename(const Destination& to);
  bool link_instead(const Destination& to) const;
  bool is_at(const Destination& to) const;

  TargetDirectory& target_;
  Fd directory_;
  std::string name_;
  Fd file_;
  std::uint64_t size_ = 0;
  bool is_usable_ = true;
  bool is_there_ = false;  // under its temporary name
};

/// Removes the temporary files of dead processes of this host; returns how many.
std::size_t remove_stale_temporaries(const TargetDirectory& target);

}  // namespace coppice
