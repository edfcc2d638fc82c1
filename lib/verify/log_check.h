#pragma once
#include <optional>
#include <string>

#include "base/finding.h"
#include "repo/host_state.h"
#include "repo/keyless_log.h"
#include "repo/log_state.h"

namespace coppice {

/// Throws Error{usage} unless `head` is empty or 8 to 64 lower-case hex digits.
void expect_head_syntax(const std::string& head);

/// The log, read anew once if something seems wrong with it, and as often as it has gone on since:
/// whoever appends puts an entry's second copy after the first, and a collector removes old
/// entries, so that a reader in between sees one of two.
KeylessLog read_settled_log(Store& store, const std::optional<Id>& repository);

/// Reports what is wrong with the log's files and chain, and with the entries as a keyholder judges
/// them (`state`, null without keys). An entry that nobody here can judge counts as damage: what it
/// adds cannot be verified.
void report_log(const KeylessLog& log, const LogState* state, FindingSink& findings);

/// Reports "log_rolled_back" unless some entry's hash begins with `expected_head`.
void check_head(Store& store, const KeylessLog& log, const std::optional<Id>& repository,
                const std::string& expected_head, FindingSink& findings);

/// The same for the entry that this machine saw last, unless a checkpoint has taken its place.
void check_seen_head(Store& store, const KeylessLog& log, const std::optional<Id>& repository,
                     const HostState* host_state, FindingSink& findings);

}  // namespace coppice
