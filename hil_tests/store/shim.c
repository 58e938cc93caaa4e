/* Stands between a program and its storage: counts the calls that change a journal's files, and at one of them kills
   the program, tears a write, or fails the call. It can also write down every such call.

   Preloaded; nothing is counted before shim_arm. Files are those whose path begins with the prefix, and their folder. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { COUNT, KILL, TORN, FAIL_ONCE, FAIL_FOREVER };
enum { FILES = 1024 };

static char prefix[1024];
static size_t prefix_length, folder_length;
static long calls, at;
static int mode, fails_with, log_fd = -1, only_syncs;
static char *names[FILES];

#define REAL(name) static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)

/* Return the name to write down: what follows the folder, "." for the folder itself, NULL for any other file. */
static const char *ours(const char *path) {
    if (!prefix_length || !path) return NULL;
    if (!strncmp(path, prefix, prefix_length)) return path + folder_length + 1;
    if (strlen(path) == folder_length && !strncmp(path, prefix, folder_length)) return ".";
    return NULL;
}

static const char *name_of(int fd) { return fd >= 0 && fd < FILES ? names[fd] : NULL; }

static void put(const void *bytes, size_t count) {
    const char *rest = bytes;
    while (count) {
        ssize_t done = syscall(SYS_write, log_fd, rest, count);
        if (done <= 0) abort();
        rest += done;
        count -= done;
    }
}

static void note(char what, const char *name, int64_t offset, const void *bytes, uint32_t count) {
    if (log_fd < 0) return;
    uint8_t length = strlen(name);
    put(&what, 1);
    put(&length, 1);
    put(name, length);
    put(&offset, 8);
    put(&count, 4);
    if (count) put(bytes, count);
}

static void die(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

/* Count one call; return 1 where it must fail (errno is set), die where it must not come back. */
static int struck(int is_sync, ssize_t (*half)(void *), void *with) {
    if (only_syncs && !is_sync) return 0;
    calls++;
    if (!at || calls < at || (calls > at && mode != FAIL_FOREVER)) return 0;
    if (mode == TORN && half) half(with);
    if (mode == KILL || mode == TORN) die();
    if (mode == COUNT) return 0;
    errno = fails_with;
    return 1;
}

void shim_arm(const char *path, int new_mode, long new_at, int new_error, int syncs, int new_log) {
    strncpy(prefix, path, sizeof prefix - 1);
    prefix_length = strlen(prefix);
    folder_length = strrchr(prefix, '/') - prefix;
    mode = new_mode;
    at = new_at;
    fails_with = new_error;
    only_syncs = syncs;
    log_fd = new_log;
    calls = 0;
}

long shim_calls(void) { return calls; }

void shim_mark(const char *text) { note('M', "", 0, text, strlen(text)); }

static int opened(int fd, const char *name, int flags) {
    if (fd >= 0 && fd < FILES) {
        free(names[fd]);
        names[fd] = name ? strdup(name) : NULL;
        if (name && (flags & O_CREAT)) note('O', name, 0, NULL, 0);
        if (name && (flags & O_TRUNC)) note('T', name, 0, NULL, 0);
    }
    return fd;
}

#define OPEN(function)                                                  \
    int function(const char *path, int flags, ...) {                    \
        REAL(function);                                                 \
        va_list rest;                                                   \
        va_start(rest, flags);                                          \
        mode_t access = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                                   \
        const char *name = ours(path);                                  \
        if (name && (flags & O_CREAT) && struck(0, NULL, NULL)) return -1; \
        return opened(real(path, flags, access), name, flags);          \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    REAL(close);
    if (fd >= 0 && fd < FILES && names[fd]) {
        free(names[fd]);
        names[fd] = NULL;
    }
    return real(fd);
}

struct piece { int fd; const void *bytes; size_t count; off_t offset; };

static ssize_t half_at(void *with) {
    struct piece *one = with;
    return syscall(SYS_pwrite64, one->fd, one->bytes, one->count / 2, one->offset);
}

static ssize_t half_here(void *with) {
    struct piece *one = with;
    return syscall(SYS_write, one->fd, one->bytes, one->count / 2);
}

static ssize_t write_at(int fd, const void *bytes, size_t count, off_t offset) {
    const char *name = name_of(fd);
    struct piece one = {fd, bytes, count, offset};
    if (name && struck(0, half_at, &one)) return -1;
    ssize_t done = syscall(SYS_pwrite64, fd, bytes, count, offset);
    if (name && done > 0) note('W', name, offset, bytes, done);
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return write_at(fd, bytes, count, offset); }
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) { return write_at(fd, bytes, count, offset); }

ssize_t write(int fd, const void *bytes, size_t count) {
    const char *name = name_of(fd);
    struct piece one = {fd, bytes, count, 0};
    if (name && struck(0, half_here, &one)) return -1;
    off_t offset = name ? lseek(fd, 0, SEEK_CUR) : 0;
    ssize_t done = syscall(SYS_write, fd, bytes, count);
    if (name && done > 0) note('W', name, offset, bytes, done);
    return done;
}

#define SYNC(function)                                                  \
    int function(int fd) {                                              \
        REAL(function);                                                 \
        const char *name = name_of(fd);                                 \
        if (name && struck(1, NULL, NULL)) {                            \
            note('E', name, 0, NULL, 0);                                \
            return -1;                                                  \
        }                                                               \
        int result = real(fd);                                          \
        if (name && !result) note('S', name, 0, NULL, 0);               \
        return result;                                                  \
    }
SYNC(fsync)
SYNC(fdatasync)

#define TRUNCATE(function, length_type)                                 \
    int function(int fd, length_type length) {                          \
        REAL(function);                                                 \
        const char *name = name_of(fd);                                 \
        if (name && struck(0, NULL, NULL)) return -1;                   \
        int result = real(fd, length);                                  \
        if (name && !result) note('T', name, length, NULL, 0);          \
        return result;                                                  \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

int unlink(const char *path) {
    REAL(unlink);
    const char *name = ours(path);
    if (name && struck(0, NULL, NULL)) return -1;
    int result = real(path);
    if (name && !result) note('U', name, 0, NULL, 0);
    return result;
}

static int moved(char what, int result, const char *from, const char *to) {
    if (!result && ours(from) && ours(to)) note(what, ours(from), 0, ours(to), strlen(ours(to)));
    return result;
}

int rename(const char *from, const char *to) {
    REAL(rename);
    if ((ours(from) || ours(to)) && struck(0, NULL, NULL)) return -1;
    return moved('R', real(from, to), from, to);
}

int link(const char *from, const char *to) {
    REAL(link);
    if ((ours(from) || ours(to)) && struck(0, NULL, NULL)) return -1;
    return moved('L', real(from, to), from, to);
}
