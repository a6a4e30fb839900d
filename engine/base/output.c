/* output.c - writing files, all or nothing: the second half of files.h. */
#include "engine/base/files.h"
#include "engine/base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 1 << 16, UNFINISHED_MOST = 64 };

struct output {
    int descriptor;
    int lock; /* a duplicate of descriptor, which keeps the file locked until it has its name; -1: none */
    bool force;
    int slot;         /* in the table of unfinished files; -1: written in place */
    const char *name; /* for messages, as the caller gave it */
    char *target;     /* where the finished file goes; symbolic links resolved */
    size_t buffered;
    unsigned char buffer[BUFFER];
};

/* Temporary files that a signal handler must remove. A slot is free (0), being filled or emptied (1), or
 * names a file (2). The handler reads only those that name one. */
static struct {
    atomic_int state;
    char path[PATH_MAX];
} unfinished[UNFINISHED_MOST];

void outputs_remove_unfinished(void)
{
    for (int i = 0; i < UNFINISHED_MOST; i++)
        if (atomic_load(&unfinished[i].state) == 2)
            unlink(unfinished[i].path);
}

static int slot_take(void)
{
    for (int i = 0; i < UNFINISHED_MOST; i++) {
        int expected = 0;
        if (atomic_compare_exchange_strong(&unfinished[i].state, &expected, 1))
            return i;
    }
    return -1;
}

static void slot_release(int slot)
{
    if (slot >= 0)
        atomic_store(&unfinished[slot].state, 0);
}

/* ".limn-PROCESS-NUMBER.part". It does not contain the target's name, which may already be of the maximal
 * length. */
#define TEMPORARY_NAME ".limn-%ld-%u.part"

static bool is_temporary_name(const char *name)
{
    static const char start[] = ".limn-", digits[] = "0123456789";
    if (strncmp(name, start, sizeof start - 1) != 0)
        return false;
    const char *process = name + sizeof start - 1, *dash = process + strspn(process, digits);
    const char *number = dash + 1;
    if (dash == process || *dash != '-')
        return false;
    size_t length = strspn(number, digits);
    return length && strcmp(number + length, ".part") == 0;
}

static void close_all(struct output *output)
{
    if (output->descriptor >= 0 && output->descriptor != STDOUT_FILENO)
        close(output->descriptor);
    if (output->lock >= 0)
        close(output->lock);
    output->descriptor = output->lock = -1;
}

/* Locks the file until its last descriptor is closed, which the end of the process does too. False if
 * outputs_remove_abandoned was faster. */
static bool lock_temporary(struct output *output)
{
    struct stat status;
    if (flock(output->descriptor, LOCK_EX | LOCK_NB) != 0)
        return errno != EWOULDBLOCK; /* or a file system without locks */
    output->lock = fcntl(output->descriptor, F_DUPFD_CLOEXEC, 0);
    return fstat(output->descriptor, &status) != 0 || status.st_nlink > 0;
}

void outputs_remove_abandoned(const char *path)
{
    char file[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash + 1 - path) : 0;
    snprintf(file, sizeof file, "%.*s.", folder, path);
    DIR *listing = strcmp(path, "-") == 0 ? NULL : opendir(file);
    for (const struct dirent *entry; listing && (entry = readdir(listing));) {
        if (!is_temporary_name(entry->d_name) ||
            snprintf(file, sizeof file, "%.*s%s", folder, path, entry->d_name) >= (int)sizeof file)
            continue;
        int descriptor = open(file, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) == 0)
            unlink(file);
        if (descriptor >= 0)
            close(descriptor);
    }
    if (listing)
        closedir(listing);
}

/* Creates and locks a temporary file in the folder of the target. The slot is taken. *again: another process
 * removed it at once, taking it for abandoned. */
static limn_status create_locked(struct output *output, bool *again, limn_error *error)
{
    static atomic_uint counter;
    char *path = unfinished[output->slot].path;
    const char *slash = strrchr(output->target, '/');
    int folder_length = slash ? (int)(slash - output->target + 1) : 0;
    int length = snprintf(path, PATH_MAX, "%.*s" TEMPORARY_NAME, folder_length, output->target,
                          (long)getpid(), atomic_fetch_add(&counter, 1));
    if (length >= PATH_MAX)
        return fail(error, LIMN_E_OUTPUT, "%s: the path is too long", output->name);
    /* Marked before it is created, so that a signal in between finds it; removing a missing file does no
     * harm. */
    atomic_store(&unfinished[output->slot].state, 2);
    output->descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (output->descriptor < 0)
        return fail(error, LIMN_E_OUTPUT, "%s: cannot be written: %s", output->name, strerror(errno));
    *again = !lock_temporary(output);
    if (*again) {
        close_all(output);
        atomic_store(&unfinished[output->slot].state, 1);
    }
    return LIMN_OK;
}

static limn_status create_temporary(struct output *output, const struct stat *replaced, limn_error *error)
{
    bool again = true;
    limn_status status = LIMN_OK;
    output->slot = slot_take();
    if (output->slot < 0)
        return fail(error, LIMN_E_OUTPUT, "%s: more than %d files are being written", output->name,
                    (int)UNFINISHED_MOST);
    while (status == LIMN_OK && again)
        status = create_locked(output, &again, error);
    if (status == LIMN_OK && replaced)
        (void)!fchmod(output->descriptor, replaced->st_mode & 07777);
    return status;
}

limn_status output_open(const char *path, bool force, struct output **output, limn_error *error)
{
    *output = NULL;
    size_t length = strlen(path) + 1;
    struct output *opened = mem_alloc(sizeof *opened + length);
    if (!opened)
        return fail_memory(error, path, sizeof *opened + length);
    opened->descriptor = opened->lock = -1;
    opened->force = force;
    opened->slot = -1;
    opened->buffered = 0;
    opened->target = NULL;
    opened->name = memcpy(opened + 1, path, length);

    struct stat status;
    limn_status result = LIMN_OK;
    bool standard = strcmp(path, "-") == 0, exists = !standard && stat(path, &status) == 0;
    if (standard) {
        opened->name = "standard output";
        opened->descriptor = STDOUT_FILENO;
    } else if (!exists &&
               (errno != ENOENT || !*path)) { /* otherwise the rename would fail after all the work */
        result = fail(error, LIMN_E_OUTPUT, "'%s': cannot be written: %s", path, strerror(errno));
    } else if (exists && S_ISDIR(status.st_mode)) {
        result = fail(error, LIMN_E_OUTPUT, "%s: is a folder, not a file", path);
    } else if (exists && !S_ISREG(status.st_mode)) {
        opened->descriptor = open(path, O_WRONLY | O_CLOEXEC);
        if (opened->descriptor < 0)
            result = fail(error, LIMN_E_OUTPUT, "%s: %s", path, strerror(errno));
    } else if (exists && !force) {
        result = fail_because(error, LIMN_E_OUTPUT, LIMN_REASON_EXISTS, "%s: already exists", path);
    } else {
        char resolved[PATH_MAX];
        opened->target = mem_strdup(exists && realpath(path, resolved) ? resolved : path);
        result = opened->target ? create_temporary(opened, exists ? &status : NULL, error)
                                : fail_memory(error, path, length);
    }
    if (result != LIMN_OK) {
        output_abandon(opened);
        return result;
    }
    *output = opened;
    return LIMN_OK;
}

limn_status output_exists(const char *path, bool *exists, limn_error *error)
{
    struct stat status;
    bool found = stat(path, &status) == 0;
    *exists = found && S_ISREG(status.st_mode);
    return found || errno == ENOENT || errno == ENOTDIR
               ? LIMN_OK
               : fail(error, LIMN_E_OUTPUT, "%s: cannot be written: %s", path, strerror(errno));
}

limn_status output_check(const char *path, bool force, limn_error *error)
{
    struct output *output;
    limn_status status = output_open(path, force, &output, error);
    output_abandon(output);
    return status;
}

static limn_status write_through(struct output *output, const unsigned char *bytes, size_t size,
                                 limn_error *error)
{
    while (size) {
        ssize_t put = write(output->descriptor, bytes, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return fail(error, LIMN_E_OUTPUT, "%s: write failed: %s", output->name, strerror(errno));
        if (put == 0) /* avoids an endless loop */
            return fail(error, LIMN_E_OUTPUT, "%s: write failed: no byte was written", output->name);
        bytes += put;
        size -= (size_t)put;
    }
    return LIMN_OK;
}

static limn_status flush(struct output *output, limn_error *error)
{
    size_t size = output->buffered;
    output->buffered = 0;
    return write_through(output, output->buffer, size, error);
}

limn_status output_write(struct output *output, const void *bytes, size_t size, limn_error *error)
{
    if (size > BUFFER - output->buffered) {
        limn_status result = flush(output, error);
        if (result != LIMN_OK)
            return result;
        if (size >= BUFFER)
            return write_through(output, bytes, size, error);
    }
    memcpy(output->buffer + output->buffered, bytes, size);
    output->buffered += size;
    return LIMN_OK;
}

/* rename() that, unless forced, does not replace a file that another process has created meanwhile. */
static int rename_finished(const char *from, const char *to, bool force)
{
    if (force)
        return rename(from, to);
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (access(to, F_OK) == 0) { /* a file system without RENAME_NOREPLACE */
        errno = EEXIST;
        return -1;
    }
    return rename(from, to);
}

limn_status output_commit(struct output *output, limn_error *error)
{
    limn_status result = flush(output, error);
    if (result == LIMN_OK && output->descriptor != STDOUT_FILENO) {
        int closed = close(output->descriptor);
        output->descriptor = -1;
        if (closed != 0)
            result = fail(error, LIMN_E_OUTPUT, "%s: close failed: %s", output->name, strerror(errno));
    }
    if (result == LIMN_OK && output->slot >= 0) {
        if (rename_finished(unfinished[output->slot].path, output->target, output->force) == 0) {
            slot_release(output->slot);
            output->slot = -1;
        } else {
            result = fail(error, LIMN_E_OUTPUT, "%s: rename failed: %s", output->name, strerror(errno));
        }
    }
    output_abandon(output);
    return result;
}

void output_abandon(struct output *output)
{
    if (!output)
        return;
    close_all(output);
    if (output->slot >= 0) {
        if (atomic_load(&unfinished[output->slot].state) == 2)
            unlink(unfinished[output->slot].path);
        slot_release(output->slot);
    }
    mem_free(output->target);
    mem_free(output);
}

void streams_hold(void)
{
    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
        if (fcntl(i, F_GETFD) < 0)
            (void)!open("/dev/null", i == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* takes the lowest number */
}
