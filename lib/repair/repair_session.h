#pragma once
#include <functional>
#include <memory>
#include <string>

#include "index/index.h"
#include "repo/chunk_writer.h"
#include "repo/repository.h"
#include "repo/session_beat.h"
#include "task/thread_pool.h"

namespace coppice {

/// The session of a repair that stores something. It shows that it lives from before the log is
/// read until the entry is appended (docs/design.md, section 6), so that collectors wait for it;
/// one that did not see it has its entry read here. Owned by one thread.
class RepairSession {
 public:
  /// Draws a session, puts its marker, reads the log to its tail. What is counted on, the index
  /// among it, is to be loaded after this. The repository must outlive it.
  explicit RepairSession(Repository& repository);

  /// To be called once. Chunks that `index` counts as stored are not stored again; it must outlive
  /// the writer.
  std::unique_ptr<ChunkWriter> make_writer(ThreadPool& pool, const Index& index);

 private:
  Repository& repository_;
  Session session_;
  SessionBeat beat_;
};

/// Appends what `make` says; false, and nothing is appended, if a collector has deleted or
/// condemned any pack that the entry would add (its name never counts again), or the record of a
/// session whose box the entry does not bring.
bool append_unless_deleted(Repository& repository, const Log::MakeEntry& make);

/// Throws Error{failed}: deleted again and again, or not to be done anew.
[[noreturn]] void throw_collected(const std::string& command);

}  // namespace coppice
