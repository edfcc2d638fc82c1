/* Preloaded into a program (LD_PRELOAD): makes the kernel's answers odd but legal, as network file systems and
   signals do. $ODD_CALL counts from 1 the calls of pwrite and pread together, $ODD_STICKY=1 means that call and all
   later ones. An odd call does half of its bytes (ODD_WAY=short), or fails with EINTR before it did anything
   (ODD_WAY=eintr; never twice in a row, or nobody could make progress). Each odd call is told by one byte to the file
   $ODD_LOG, so that a test sees that its fault was met. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef ssize_t (*Pwrite)(int, const void*, size_t, off_t);
typedef ssize_t (*Pread)(int, void*, size_t, off_t);

static atomic_long calls;
static atomic_long last_odd = -1;

static void tell(void) {
  const int log = open(getenv("ODD_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0 || write(log, "x", 1) != 1) abort();
  close(log);
}

static int is_way(const char* way) {
  const char* wanted = getenv("ODD_WAY");
  return wanted != NULL && strcmp(wanted, way) == 0;
}

static int is_odd(size_t count) {
  const char* at = getenv("ODD_CALL");
  const char* sticky = getenv("ODD_STICKY");
  const long call = atomic_fetch_add(&calls, 1) + 1;
  if (at == NULL || call < atol(at)) return 0;
  if (call > atol(at) && (sticky == NULL || *sticky != '1')) return 0;
  if (is_way("short") && count < 2) return 0;
  if (is_way("eintr") && atomic_exchange(&last_odd, call) == call - 1) return 0;
  tell();
  return 1;
}

ssize_t pwrite(int fd, const void* bytes, size_t count, off_t offset) {
  const Pwrite real = (Pwrite)dlsym(RTLD_NEXT, "pwrite64");
  if (!is_odd(count)) return real(fd, bytes, count, offset);
  if (is_way("short")) return real(fd, bytes, 1 + count / 2, offset);
  errno = EINTR;
  return -1;
}

ssize_t pread(int fd, void* bytes, size_t count, off_t offset) {
  const Pread real = (Pread)dlsym(RTLD_NEXT, "pread64");
  if (!is_odd(count)) return real(fd, bytes, count, offset);
  if (is_way("short")) return real(fd, bytes, 1 + count / 2, offset);
  errno = EINTR;
  return -1;
}

ssize_t pwrite64(int fd, const void* bytes, size_t count, off_t offset) {
  return pwrite(fd, bytes, count, offset);
}
ssize_t pread64(int fd, void* bytes, size_t count, off_t offset) {
  return pread(fd, bytes, count, offset);
}
