#include "repair/repair_session.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace coppice {

RepairSession::RepairSession(Repository& repository)
    : repository_(repository),
      session_(repository.begin_session(system_random(), "repair", system_clock().now())),
      beat_(repository.store(), session_.id) {
  repository.refresh();
}

std::unique_ptr<ChunkWriter> RepairSession::make_writer(ThreadPool& pool, const Index& index) {
  const Parameters& parameters = repository_.parameters();
  ChunkWriterOptions writing;
  writing.compression_level = parameters.compression_level;
  writing.cipher = parameters.cipher;
  writing.parity = repository_.parity();
  return std::make_unique<ChunkWriter>(repository_.store(), pool, repository_.keyring(), index,
                                       std::move(session_), writing);
}

namespace {

/// A session's record does not matter to an entry that brings the session's box.
bool is_gone_from(const LogState& state, const LogAppend& entry) {
  return std::any_of(entry.adds.begin(), entry.adds.end(), [&](const ObjectRef& object) {
    if (object.kind == ObjectKind::session && entry.type == LogEntryType::snapshot) return false;
    return state.objects.is_deleted(object.name) || state.condemned.contains(object.name);
  });
}

}  // namespace

bool append_unless_deleted(Repository& repository, const Log::MakeEntry& make) {
  bool is_gone = false;
  try {
    repository.append([&](const LogState& state) {
      LogAppend entry = make(state);
      is_gone = is_gone_from(state, entry);
      if (is_gone) throw Error(ErrorKind::failed, "a collector was faster");
      return entry;
    });
    return true;
  } catch (const Error&) {
    if (!is_gone) throw;
    return false;
  }
}

void throw_collected(const std::string& command) {
  throw Error(
      ErrorKind::failed,
      "what this repair had stored was collected meanwhile: a collector saw no sign of life "
      "of it (was this machine asleep, or the target away?); run `coppice " +
          command + "` again");
}

}  // namespace coppice
