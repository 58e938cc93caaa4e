/* Lets a program live faster: preloaded, its clocks run FAST_TIMES as fast, and all that it waits for comes so much
   sooner. Programs that are given the same FAST_ORIGIN (nanoseconds of the monotonic clock) see the same time.

   A flush of a file takes as many milliseconds of that time as the file FAST_FLUSH says, if there is one. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { CLOCKS = 12 };
static const int64_t SECOND = 1000000000;

static int64_t times = 1, origin, at_origin[CLOCKS];
static const char *flush_file;

#define REAL(name) static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)

static int64_t count(const struct timespec *t) { return t->tv_sec * SECOND + t->tv_nsec; }

static struct timespec spec(int64_t ns) {
    if (ns < 0) ns = 0;
    return (struct timespec){ns / SECOND, ns % SECOND};
}

static int64_t real_now(clockid_t clock) {
    struct timespec t;
    syscall(SYS_clock_gettime, clock, &t);
    return count(&t);
}

__attribute__((constructor)) static void begin(void) {
    const char *said = getenv("FAST_TIMES"), *from = getenv("FAST_ORIGIN");
    if (said) times = atoll(said);
    origin = from ? atoll(from) : real_now(CLOCK_MONOTONIC);
    flush_file = getenv("FAST_FLUSH");
    for (clockid_t clock = 0; clock < CLOCKS; clock++) {
        int64_t passed = real_now(CLOCK_MONOTONIC) - origin;
        at_origin[clock] = real_now(clock) - passed;
    }
}

static int runs_fast(clockid_t clock) {
    return clock >= 0 && clock < CLOCKS && clock != CLOCK_PROCESS_CPUTIME_ID && clock != CLOCK_THREAD_CPUTIME_ID;
}

static int64_t fast_now(clockid_t clock) {
    return at_origin[clock] + (real_now(CLOCK_MONOTONIC) - origin) * times;
}

/* Return how long to wait in truth for a moment of the fast clock. */
static int64_t until(clockid_t clock, const struct timespec *moment) {
    int64_t left = count(moment) - fast_now(clock);
    return left > 0 ? left / times + 1 : 0;
}

static struct timespec monotonic_deadline(int64_t wait) { return spec(real_now(CLOCK_MONOTONIC) + wait); }

int clock_gettime(clockid_t clock, struct timespec *t) {
    if (!runs_fast(clock)) return syscall(SYS_clock_gettime, clock, t);
    *t = spec(fast_now(clock));
    return 0;
}

time_t time(time_t *to) {
    time_t now = fast_now(CLOCK_REALTIME) / SECOND;
    if (to) *to = now;
    return now;
}

int gettimeofday(struct timeval *t, void *zone) {
    int64_t now = fast_now(CLOCK_REALTIME);
    (void)zone;
    *t = (struct timeval){now / SECOND, now % SECOND / 1000};
    return 0;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *t, struct timespec *left) {
    (void)left;
    struct timespec wait = spec(flags & TIMER_ABSTIME ? until(clock, t) : count(t) / times);
    return syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &wait, NULL) ? errno : 0;
}

int nanosleep(const struct timespec *t, struct timespec *left) {
    (void)left;
    struct timespec wait = spec(count(t) / times);
    return syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &wait, NULL);
}

int epoll_wait(int fd, struct epoll_event *events, int most, int timeout_ms) {
    struct timespec wait = spec(timeout_ms * (SECOND / 1000) / times);
    return syscall(SYS_epoll_pwait2, fd, events, most, timeout_ms < 0 ? NULL : &wait, NULL, 0);
}

int poll(struct pollfd *fds, nfds_t number, int timeout_ms) {
    struct timespec wait = spec(timeout_ms * (SECOND / 1000) / times);
    return syscall(SYS_ppoll, fds, number, timeout_ms < 0 ? NULL : &wait, NULL, 0);
}

int select(int number, fd_set *reads, fd_set *writes, fd_set *others, struct timeval *timeout) {
    struct timespec wait;
    if (timeout) wait = spec((timeout->tv_sec * SECOND + timeout->tv_usec * 1000) / times);
    return syscall(SYS_pselect6, number, reads, writes, others, timeout ? &wait : NULL, NULL);
}

/* A condition does not say which clock it waits by: it is the one whose time the moment is nearer to. */
static int64_t until_by_any(const struct timespec *moment) {
    int64_t day = 86400 * SECOND, late = count(moment) - fast_now(CLOCK_REALTIME);
    return until(late > -3650 * day ? CLOCK_REALTIME : CLOCK_MONOTONIC, moment);
}

int pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock,
                           const struct timespec *moment) {
    REAL(pthread_cond_clockwait);
    struct timespec deadline = monotonic_deadline(until(clock, moment));
    return real(condition, mutex, CLOCK_MONOTONIC, &deadline);
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *moment) {
    static __typeof__(pthread_cond_clockwait) *real;
    if (!real) real = dlsym(RTLD_NEXT, "pthread_cond_clockwait");
    struct timespec deadline = monotonic_deadline(until_by_any(moment));
    return real(condition, mutex, CLOCK_MONOTONIC, &deadline);
}

int sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *moment) {
    REAL(sem_clockwait);
    struct timespec deadline = monotonic_deadline(until(clock, moment));
    return real(semaphore, CLOCK_MONOTONIC, &deadline);
}

int sem_timedwait(sem_t *semaphore, const struct timespec *moment) {
    return sem_clockwait(semaphore, CLOCK_REALTIME, moment);
}

static void flush_slowly(void) {
    char said[16] = "";
    int fd = flush_file ? open(flush_file, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    ssize_t octets = read(fd, said, sizeof said - 1);
    close(fd);
    if (octets <= 0) return;
    struct timespec wait = spec(atoll(said) * (SECOND / 1000));
    nanosleep(&wait, NULL);
}

int fsync(int fd) {
    flush_slowly();
    return syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
    flush_slowly();
    return syscall(SYS_fdatasync, fd);
}
