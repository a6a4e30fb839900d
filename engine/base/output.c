/* output.c - writing files, all or nothing: the second half of files.h. */
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/base/system.h"
#include "layers/sizes.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER = 1 << 16, UNFINISHED_MOST = 64 };

struct output {
    int descriptor;
    int lock; /* a duplicate of descriptor, which keeps the file locked until it has its name; -1: none */
    bool force;
    int slot;         /* in the table of unfinished files; -1: written in place */
    const char *name; /* for messages, as the caller gave it */
    char *target;     /* where the finished file goes; symbolic links resolved */
    struct {
        unsigned char **made, *bytes; /* made: where output_commit stores the bytes; NULL: not in memory */
        size_t *made_size, size, room;
    } memory;
    size_t buffered;
    unsigned char buffer[BUFFER];
};

/* Temporary files that a signal handler must remove. A slot is free (0), being filled or emptied (1), or
 * names a file (2). The handler reads only those that name one. */
static struct {
    atomic_int state;
    char path[SYSTEM_PATH_MAX];
} unfinished[UNFINISHED_MOST];

void outputs_remove_unfinished(void)
{
    for (int i = 0; i < UNFINISHED_MOST; i++)
        if (atomic_load(&unfinished[i].state) == 2)
            system_remove(unfinished[i].path);
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
    if (output->descriptor >= 0 && output->descriptor != SYSTEM_STDOUT)
        system_close(output->descriptor);
    if (output->lock >= 0)
        system_close(output->lock);
    output->descriptor = output->lock = -1;
}

/* Locks the file until its last descriptor is closed, which the end of the process does too. False if
 * outputs_remove_abandoned was faster. */
static bool lock_temporary(struct output *output)
{
    struct system_status status;
    enum system_lock lock = system_lock(output->descriptor);
    if (lock != SYSTEM_LOCKED)
        return lock == SYSTEM_NO_LOCKS;
    output->lock = system_duplicate(output->descriptor);
    return !system_file_status(output->descriptor, &status) || !status.removed;
}

void outputs_remove_abandoned(const char *path)
{
    char file[SYSTEM_PATH_MAX];
    int folder = (int)(system_path_name(path) - path);
    snprintf(file, sizeof file, "%.*s.", folder, path);
    struct system_folder *listing = strcmp(path, "-") == 0 ? NULL : system_folder_open(file);
    for (const char *name; listing && (name = system_folder_next(listing));) {
        if (!is_temporary_name(name) ||
            snprintf(file, sizeof file, "%.*s%s", folder, path, name) >= (int)sizeof file)
            continue;
        int descriptor = system_open(file, SYSTEM_LOCK);
        if (descriptor >= 0 && system_lock(descriptor) == SYSTEM_LOCKED)
            system_remove(file);
        if (descriptor >= 0)
            system_close(descriptor);
    }
    if (listing)
        system_folder_close(listing);
}

/* Creates and locks a temporary file in the folder of the target. The slot is taken. *again: another process
 * removed it at once, taking it for abandoned. */
static limn_status create_locked(struct output *output, bool *again, limn_error *error)
{
    static atomic_uint counter;
    char *path = unfinished[output->slot].path;
    int folder_length = (int)(system_path_name(output->target) - output->target);
    int length = snprintf(path, SYSTEM_PATH_MAX, "%.*s" TEMPORARY_NAME, folder_length, output->target,
                          system_process(), atomic_fetch_add(&counter, 1));
    if (length >= SYSTEM_PATH_MAX)
        return fail(error, LIMN_E_OUTPUT, "%s: the path is too long", output->name);
    /* Marked before it is created, so that a signal in between finds it; removing a missing file does no
     * harm. */
    atomic_store(&unfinished[output->slot].state, 2);
    output->descriptor = system_open(path, SYSTEM_CREATE);
    if (output->descriptor < 0)
        return fail(error, LIMN_E_OUTPUT, "%s: cannot be written: %s", output->name, system_error());
    *again = !lock_temporary(output);
    if (*again) {
        close_all(output);
        atomic_store(&unfinished[output->slot].state, 1);
    }
    return LIMN_OK;
}

static limn_status create_temporary(struct output *output, const struct system_status *replaced,
                                    limn_error *error)
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
        system_set_permissions(output->descriptor, replaced->permissions);
    return status;
}

static limn_status create(const char *name, struct output **output, limn_error *error)
{
    size_t length = strlen(name) + 1;
    *output = mem_zalloc(1, sizeof **output + length);
    if (!*output)
        return fail_memory(error, name, sizeof **output + length);
    (*output)->descriptor = (*output)->lock = (*output)->slot = -1;
    (*output)->name = memcpy(*output + 1, name, length);
    return LIMN_OK;
}

limn_status output_open_bytes(const char *name, unsigned char **bytes, size_t *size, struct output **output,
                              limn_error *error)
{
    *bytes = NULL;
    *size = 0;
    limn_status result = create(name, output, error);
    if (result == LIMN_OK) {
        (*output)->memory.made = bytes;
        (*output)->memory.made_size = size;
    }
    return result;
}

limn_status output_open(const char *path, bool force, struct output **output, limn_error *error)
{
    struct output *opened;
    *output = NULL;
    if (create(path, &opened, error) != LIMN_OK)
        return LIMN_E_MEMORY;
    opened->force = force;

    struct system_status status;
    limn_status result = LIMN_OK;
    bool standard = strcmp(path, "-") == 0, exists = !standard && system_status(path, &status);
    if (standard) {
        opened->name = "standard output";
        opened->descriptor = SYSTEM_STDOUT;
    } else if (!exists &&
               (errno != ENOENT || !*path)) { /* otherwise the rename would fail after all the work */
        result = fail(error, LIMN_E_OUTPUT, "'%s': cannot be written: %s", path, system_error());
    } else if (exists && status.type == SYSTEM_FOLDER) {
        result = fail(error, LIMN_E_OUTPUT, "%s: is a folder, not a file", path);
    } else if (exists && status.type != SYSTEM_FILE) {
        opened->descriptor = system_open(path, SYSTEM_WRITE);
        if (opened->descriptor < 0)
            result = fail(error, LIMN_E_OUTPUT, "%s: %s", path, system_error());
    } else if (exists && !force) {
        result = fail_because(error, LIMN_E_OUTPUT, LIMN_REASON_EXISTS, "%s: already exists", path);
    } else {
        char resolved[SYSTEM_PATH_MAX];
        opened->target = mem_strdup(exists && system_real_path(path, resolved) ? resolved : path);
        result = opened->target ? create_temporary(opened, exists ? &status : NULL, error)
                                : fail_memory(error, path, strlen(path) + 1);
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
    struct system_status status;
    bool found = system_status(path, &status);
    *exists = found && status.type == SYSTEM_FILE;
    return found || errno == ENOENT || errno == ENOTDIR
               ? LIMN_OK
               : fail(error, LIMN_E_OUTPUT, "%s: cannot be written: %s", path, system_error());
}

limn_status output_check(const char *path, bool force, limn_error *error)
{
    struct output *output;
    limn_status status = output_open(path, force, &output, error);
    output_abandon(output);
    return status;
}

static limn_status append(struct output *output, const unsigned char *bytes, size_t size, limn_error *error)
{
    size_t needed = size_sum(output->memory.size, size), room = output->memory.room;
    if (needed > room) {
        room = needed > SIZE_MAX / 2 ? needed : 2 * needed;
        unsigned char *grown = mem_resize(output->memory.bytes, room);
        if (!grown)
            return fail_memory(error, output->name, room);
        output->memory.bytes = grown;
        output->memory.room = room;
    }
    memcpy(output->memory.bytes + output->memory.size, bytes, size);
    output->memory.size = needed;
    return LIMN_OK;
}

static limn_status write_through(struct output *output, const unsigned char *bytes, size_t size,
                                 limn_error *error)
{
    if (output->memory.made)
        return append(output, bytes, size, error);
    while (size) {
        ptrdiff_t put = system_write(output->descriptor, bytes, size);
        if (put < 0)
            return fail(error, LIMN_E_OUTPUT, "%s: write failed: %s", output->name, system_error());
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

limn_status output_commit(struct output *output, limn_error *error)
{
    limn_status result = flush(output, error);
    if (result == LIMN_OK && output->memory.made) {
        *output->memory.made = output->memory.bytes;
        *output->memory.made_size = output->memory.size;
        output->memory.bytes = NULL;
    } else if (result == LIMN_OK && output->descriptor != SYSTEM_STDOUT) {
        bool closed = system_close(output->descriptor);
        output->descriptor = -1;
        if (!closed)
            result = fail(error, LIMN_E_OUTPUT, "%s: close failed: %s", output->name, system_error());
    }
    if (result == LIMN_OK && output->slot >= 0) {
        if (system_rename(unfinished[output->slot].path, output->target, output->force)) {
            slot_release(output->slot);
            output->slot = -1;
        } else {
            result = fail(error, LIMN_E_OUTPUT, "%s: rename failed: %s", output->name, system_error());
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
            system_remove(unfinished[output->slot].path);
        slot_release(output->slot);
    }
    mem_free(output->memory.bytes);
    mem_free(output->target);
    mem_free(output);
}
