/* Preloaded into a program (LD_PRELOAD): the first time that it opens an entry named $PAUSE_NAME, it says so through the
   FIFO $PAUSE_REACHED and waits for a word from the FIFO $PAUSE_GO. So a test can change the entry after it was examined
   and before it is read, without any guess about time. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int (*OpenAt)(int, const char*, int, ...);

static atomic_flag was_reached = ATOMIC_FLAG_INIT;

static OpenAt real_openat(void) { return (OpenAt)dlsym(RTLD_NEXT, "openat"); }

static int is_meant(const char* path) {
  const char* wanted = getenv("PAUSE_NAME");
  const char* slash = strrchr(path, '/');
  return wanted != NULL && strcmp(slash != NULL ? slash + 1 : path, wanted) == 0;
}

static void pause_here(void) {
  char word = 'x';
  const int reached = real_openat()(AT_FDCWD, getenv("PAUSE_REACHED"), O_WRONLY | O_CLOEXEC);
  if (write(reached, &word, 1) != 1) abort();
  const int go = real_openat()(AT_FDCWD, getenv("PAUSE_GO"), O_RDONLY | O_CLOEXEC);
  if (read(go, &word, 1) != 1) abort();
  close(reached);
  close(go);
}

static int open_after_pause(int directory, const char* path, int flags, mode_t mode) {
  /* Examining with O_PATH is not reading. */
  if ((flags & O_PATH) == 0 && is_meant(path) && !atomic_flag_test_and_set(&was_reached)) pause_here();
  return real_openat()(directory, path, flags, mode);
}

static mode_t mode_of(int flags, va_list words) {
  return (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(words, mode_t) : 0;
}

int openat(int directory, const char* path, int flags, ...) {
  va_list words;
  va_start(words, flags);
  const mode_t mode = mode_of(flags, words);
  va_end(words);
  return open_after_pause(directory, path, flags, mode);
}

int openat64(int directory, const char* path, int flags, ...) {
  va_list words;
  va_start(words, flags);
  const mode_t mode = mode_of(flags, words);
  va_end(words);
  return open_after_pause(directory, path, flags | O_LARGEFILE, mode);
}
