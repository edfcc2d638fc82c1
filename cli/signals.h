#pragma once
#include <sys/types.h>

#include "base/stop.h"

namespace coppice {

/// Lets SIGINT, SIGTERM and SIGHUP set a flag that jobs look at between two items; the second of a
/// kind does what it does by default. A signal that was ignored when the program started (nohup,
/// background jobs) stays ignored. SIGPIPE is ignored: a reader that goes away must not stop a
/// backup. The flag lives for the whole program.
const StopFlag& install_signal_handlers();

/// While a child feeds us, a stop must reach it too. 0: no child.
void forward_signals_to(pid_t child);

/// Lets a stop turn `input` into an input that has ended: else a read that waits for a silent
/// producer would go on waiting. The calling thread is the one that reads. Whoever reads must look
/// at the flag when the input ends.
void end_input_on_stop(int input);

}  // namespace coppice
