#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace coppice {

/// One stored object, as a listing tells it.
struct ObjectInfo {
  std::string name;
  std::uint64_t size = 0;  ///< bytes

  bool operator==(const ObjectInfo&) const = default;
};

/// True for names that a store takes: parts of [a-z0-9.-] joined by '/', no part empty or starting
/// with '.', at most 255 bytes, and not below "tmp/", where unfinished uploads lie.
bool is_object_name(std::string_view name);
/// Throws Error{damaged} unless `is_object_name(name)`: such a name can only come from altered
/// bytes.
void expect_object_name(std::string_view name);
/// Throws Error{failed} unless `prefix` is "" or an object name followed by '/'.
void expect_list_prefix(std::string_view prefix);

/// A place for objects: flat names with '/' ("packs/3f/3f2a…", "log/00000000000000000007",
/// "header"). Objects appear whole or not at all, and once `commit` or `put_if_absent` has returned
/// they survive a power cut.
///
/// All functions may be called from many threads at once. All throw Error{damaged} for a bad name,
/// Error{no_space} when the target is full, Error{refused} for a change to a store that was opened
/// for reading only, and Error{failed} when the target does not answer.
class Store {
 public:
  /// Streams one object. Nothing is visible under its name before `commit`; the destructor discards
  /// what was not committed. The store must outlive it. Each is used by one thread; several at once
  /// are fine. After the first error nothing can be rescued: begin another upload.
  class Upload {
   public:
    virtual ~Upload();
    virtual void append(ByteView bytes) = 0;
    /// Reads back what was appended. Throws Error{failed} for a range beyond size().
    virtual void read_back(std::uint64_t offset, MutableByteView out) = 0;
    virtual std::uint64_t size() const = 0;
    /// Publishes the object, replacing one of that name; durable on return. At most once, and last.
    virtual void commit(const std::string& name) = 0;

   protected:
    Upload() = default;
    Upload(const Upload&) = delete;
    Upload& operator=(const Upload&) = delete;
  };

  virtual ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  virtual std::unique_ptr<Upload> begin_upload() = 0;
  /// Uploads and commits `bytes`; replaces an object of that name. Durable on return.
  void put(const std::string& name, ByteView bytes);
  /// Stores `bytes` unless there is an object of that name: of many callers exactly one gets true.
  /// Durable on return of true. On some network file systems false may come from a repeated message
  /// of one's own successful call, and an error may leave the object there: compare the contents
  /// when that matters.
  virtual bool put_if_absent(const std::string& name, ByteView bytes) = 0;

  /// The object's size in bytes; nullopt when absent. Something else of that name (a directory, a
  /// link) counts as an object without bytes: one that is damaged, as `read` says.
  virtual std::optional<std::uint64_t> size(const std::string& name) = 0;
  /// Fills `out` from `offset` on. Throws Error{damaged} when the object is missing, ends before,
  /// or lies on sectors that cannot be read.
  virtual void read(const std::string& name, std::uint64_t offset, MutableByteView out) = 0;
  /// The whole object. Throws Error{damaged} when missing or larger than `max_bytes`.
  Bytes read_all(const std::string& name, std::uint64_t max_bytes);
  /// The objects below `prefix` ("log/", or "" for all), recursively, sorted by name. Leaves out
  /// unfinished uploads and files of strangers, that is, with names that are not object names. A
  /// listing proves no absence.
  virtual std::vector<ObjectInfo> list(const std::string& prefix) = 0;
  /// Those of them whose names end in a part that is wanted; of others, the sizes are not asked
  /// for.
  using IsWanted = std::function<bool(std::string_view last_part)>;
  virtual std::vector<ObjectInfo> list_wanted(const std::string& prefix, const IsWanted& is_wanted);
  /// The same without the sizes, which cost a call each: over a network that is what a listing of
  /// the log takes its time for.
  virtual std::vector<std::string> names(const std::string& prefix);

  /// Makes the name of an object durable that another process has published, and may have died
  /// before it did: that it can be read does not mean that it outlives a power cut. Nothing to do
  /// where whatever can be seen is durable.
  virtual void make_durable(const std::string& name);

  /// Removes the object; false when absent. Not durable: after a power cut it may be back.
  virtual bool remove(const std::string& name) = 0;

  /// Where it is ("/mnt/backup/repo"), for messages.
  virtual std::string description() const = 0;

 protected:
  Store() = default;
};

}  // namespace coppice
