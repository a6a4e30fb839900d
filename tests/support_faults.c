/* support_faults.c - see support_faults.h. */
#include "tests/support_faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const fault_names[FAULTS] = {
    [FAULT_MEMORY] = "memory", [FAULT_OPEN] = "open",   [FAULT_STAT] = "stat",     [FAULT_READ] = "read",
    [FAULT_WRITE] = "write",   [FAULT_STALL] = "stall", [FAULT_CLOSE] = "close",   [FAULT_RENAME] = "rename",
    [FAULT_MKDIR] = "mkdir",   [FAULT_LIST] = "list",   [FAULT_THREAD] = "thread", [FAULT_EXTRA] = "extra",
};

static const int errors[FAULTS] = {
    [FAULT_MEMORY] = ENOMEM, [FAULT_OPEN] = EMFILE,   [FAULT_STAT] = ELOOP,   [FAULT_READ] = EIO,
    [FAULT_WRITE] = ENOSPC,  [FAULT_CLOSE] = EDQUOT,  [FAULT_RENAME] = EBUSY, [FAULT_MKDIR] = EROFS,
    [FAULT_LIST] = ESTALE,   [FAULT_THREAD] = EAGAIN, [FAULT_EXTRA] = EPERM,
};

static struct {
    atomic_llong calls, nth;
    atomic_bool persistent;
} faults[FAULTS];

static atomic_bool path_taken, short_transfers;
static atomic_uint transfers;
static char failed_path[PATH_MAX];

enum { DESCRIPTORS = 64 };
static char opened[DESCRIPTORS][PATH_MAX]; /* the path of each descriptor */

int fault_error(enum fault kind)
{
    return errors[kind];
}

void fault_at(enum fault kind, int64_t nth, bool persistent)
{
    failed_path[0] = 0;
    atomic_store(&path_taken, false);
    atomic_store(&faults[kind].persistent, persistent);
    atomic_store(&faults[kind].nth, nth);
    atomic_store(&faults[kind].calls, 0);
}

int64_t fault_calls(enum fault kind)
{
    return atomic_load(&faults[kind].calls);
}

const char *fault_path(void)
{
    return failed_path;
}

void fault_short_transfers(bool on)
{
    atomic_store(&short_transfers, on);
}

/* Counts a call; true, with errno set, where it is to fail. */
static bool fails(enum fault kind, const char *path)
{
    if (strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/sys/", 5) == 0)
        kind = FAULT_EXTRA;
    long long call = atomic_fetch_add(&faults[kind].calls, 1) + 1, nth = atomic_load(&faults[kind].nth);
    if (!nth || (atomic_load(&faults[kind].persistent) ? call < nth : call != nth))
        return false;
    if (!atomic_exchange(&path_taken, true))
        snprintf(failed_path, sizeof failed_path, "%s", path);
    errno = errors[kind];
    return true;
}

static const char *path_behind(int descriptor)
{
    return descriptor >= 0 && descriptor < DESCRIPTORS ? opened[descriptor] : "";
}

/* How much of `size` bytes a read or write is to transfer; 0, with errno set, for none. */
static size_t bounded(size_t size)
{
    if (!size || !atomic_load(&short_transfers))
        return size;
    unsigned turn = atomic_fetch_add(&transfers, 1);
    errno = EINTR;
    return turn % 4 < size ? turn % 4 : size;
}

/* ---- the wrappers ------------------------------------------------------------------------ */

/* Under a mutex because a number that one thread closed is another's the next moment. */
static void name_descriptor(int descriptor, const char *path)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    if (descriptor >= 0 && descriptor < DESCRIPTORS)
        snprintf(opened[descriptor], sizeof opened[descriptor], "%s", path);
    pthread_mutex_unlock(&mutex);
}

/* Begins the definition of what is called instead of `name`, which is then called __real_NAME. */
#define WRAP(type, name, ...)                                                                                \
    type __real_##name(__VA_ARGS__);                                                                         \
    type __wrap_##name(__VA_ARGS__);                                                                         \
    type __wrap_##name(__VA_ARGS__)

WRAP(void *, aligned_alloc, size_t alignment, size_t bytes)
{
    return fails(FAULT_MEMORY, "") ? NULL : __real_aligned_alloc(alignment, bytes);
}

WRAP(int, open, const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    int descriptor = fails(FAULT_OPEN, path) ? -1 : __real_open(path, flags, mode);
    name_descriptor(descriptor, path);
    return descriptor;
}

WRAP(int, stat, const char *path, struct stat *status)
{
    return fails(FAULT_STAT, path) ? -1 : __real_stat(path, status);
}

WRAP(int, fstat, int descriptor, struct stat *status)
{
    return fails(FAULT_STAT, path_behind(descriptor)) ? -1 : __real_fstat(descriptor, status);
}

WRAP(int, access, const char *path, int mode)
{
    return fails(FAULT_STAT, path) ? -1 : __real_access(path, mode);
}

WRAP(ssize_t, read, int descriptor, void *buffer, size_t size)
{
    size_t most = bounded(size);
    return (size && !most) || fails(FAULT_READ, path_behind(descriptor))
               ? -1
               : __real_read(descriptor, buffer, most);
}

WRAP(ssize_t, pread, int descriptor, void *buffer, size_t size, off_t offset)
{
    size_t most = bounded(size);
    return (size && !most) || fails(FAULT_READ, path_behind(descriptor))
               ? -1
               : __real_pread(descriptor, buffer, most, offset);
}

WRAP(ssize_t, write, int descriptor, const void *bytes, size_t size)
{
    size_t most = bounded(size);
    if ((size && !most) || fails(FAULT_WRITE, path_behind(descriptor)))
        return -1;
    return fails(FAULT_STALL, path_behind(descriptor)) ? 0 : __real_write(descriptor, bytes, most);
}

WRAP(int, close, int descriptor)
{
    bool failing = fails(FAULT_CLOSE, path_behind(descriptor));
    name_descriptor(descriptor, "");
    int closed = __real_close(descriptor);
    if (!failing)
        return closed;
    errno = errors[FAULT_CLOSE];
    return -1;
}

WRAP(int, rename, const char *from, const char *to)
{
    return fails(FAULT_RENAME, to) ? -1 : __real_rename(from, to);
}

WRAP(int, renameat2, int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    return fails(FAULT_RENAME, to) ? -1 : __real_renameat2(from_folder, from, to_folder, to, flags);
}

WRAP(int, mkdir, const char *path, mode_t mode)
{
    return fails(FAULT_MKDIR, path) ? -1 : __real_mkdir(path, mode);
}

WRAP(DIR *, opendir, const char *path)
{
    return fails(FAULT_LIST, path) ? NULL : __real_opendir(path);
}

WRAP(struct dirent *, readdir, DIR *folder)
{
    return fails(FAULT_LIST, "") ? NULL : __real_readdir(folder);
}

WRAP(int, pthread_create, pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
     void *argument)
{
    return fails(FAULT_THREAD, "") ? errors[FAULT_THREAD]
                                   : __real_pthread_create(thread, attributes, run, argument);
}

WRAP(int, madvise, void *block, size_t bytes, int advice)
{
    return fails(FAULT_EXTRA, "") ? -1 : __real_madvise(block, bytes, advice);
}

WRAP(int, fchmod, int descriptor, mode_t mode)
{
    return fails(FAULT_EXTRA, path_behind(descriptor)) ? -1 : __real_fchmod(descriptor, mode);
}

WRAP(char *, realpath, const char *path, char *resolved)
{
    return fails(FAULT_EXTRA, path) ? NULL : __real_realpath(path, resolved);
}

WRAP(ssize_t, readlink, const char *path, char *target, size_t room)
{
    return fails(FAULT_EXTRA, path) ? -1 : __real_readlink(path, target, room);
}

WRAP(int, sched_getaffinity, pid_t process, size_t bytes, cpu_set_t *set)
{
    return fails(FAULT_EXTRA, "") ? -1 : __real_sched_getaffinity(process, bytes, set);
}

WRAP(FILE *, fopen, const char *path, const char *mode)
{
    return fails(FAULT_EXTRA, path) ? NULL : __real_fopen(path, mode);
}
