#include "repo/role_rights.h"

namespace coppice {

bool is_root_entry(LogEntryType type) {
  return type == LogEntryType::certificate || type == LogEntryType::revocation ||
         type == LogEntryType::epoch;
}

bool may_append(Role role, LogEntryType type) {
  const bool is_writer = role == Role::writer;
  const bool is_auditor = role == Role::auditor;
  const bool is_reader = role == Role::reader;
  const bool is_owner = role == Role::owner;
  switch (type) {
    case LogEntryType::snapshot:
      return is_writer || is_owner;
    case LogEntryType::forget:
    case LogEntryType::undelete:
    case LogEntryType::tag:
    case LogEntryType::condemn:
    case LogEntryType::remove:
    case LogEntryType::checkpoint:
      return is_auditor || is_owner;
    case LogEntryType::index_set:
      return is_writer || is_auditor || is_owner;
    case LogEntryType::damaged:
      return is_writer || is_auditor || is_reader || is_owner;
    case LogEntryType::attest:
    case LogEntryType::void_entries:
      return is_owner;
    case LogEntryType::drill:
      return is_reader || is_owner;
    case LogEntryType::certificate:
    case LogEntryType::revocation:
    case LogEntryType::epoch:
      return false;
  }
  return false;
}

}  // namespace coppice
