#pragma once
#include <sys/types.h>

#include "base/stop.h"

namespace coppice {

/// Lets SIGINT, SIGTERM and SIGHUP set a flag that jobs look at between two items; the second of a
/// kind does what it does by default. A signal that was ignored when the program started (nohup,
/// background jobs) stays ignored. SIGPIPE is ignored: a reader that goes away must not stop a
/// backup. The flag lives for the whole program.
const StopFlag& install_signal_handlers();

/// While a child feeds us, a stop must reach it too, or a read from it would never return. 0: no
/// child.
void forward_signals_to(pid_t child);

}  // namespace coppice
