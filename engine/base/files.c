/* files.c - reading files and folders: see files.h. Writing is in output.c. */
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/base/system.h"

#include <ctype.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *input_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : *path ? path : "''";
}

struct file {
    int descriptor;             /* -1 for bytes in memory */
    const unsigned char *bytes; /* NULL for a file of the system */
    atomic_int owners;
    limn_status kind; /* the status of every error about this file */
    struct system_status
        opened; /* its status when it was opened, to detect a change; in memory its size only */
    char path[];
};

/* system_file_status, such that every later write changes the modification time. The kernel takes times from
 * a clock that advances every few milliseconds; a file written in the current tick could be written again
 * without a new time, so this waits for the next tick. It gives up on a file that is written all the time. */
static bool settled_status(int descriptor, struct system_status *status)
{
    enum { WAITS_MOST = 50 };
    for (int waits = 0;; waits++) {
        struct timespec now = system_file_clock(); /* first: later writes are stamped with this or more */
        if (!system_file_status(descriptor, status))
            return false;
        double age = (double)(now.tv_sec - status->modified.tv_sec) +
                     1e-9 * (double)(now.tv_nsec - status->modified.tv_nsec);
        if (!status->on_disk || age > 0 || age < -0.1 || waits == WAITS_MOST)
            return true;
        system_sleep(0.001);
    }
}

static limn_status check_unchanged(int descriptor, const struct system_status *before, const char *path,
                                   limn_status kind, limn_error *error)
{
    struct system_status now;
    if (!system_file_status(descriptor, &now))
        return fail(error, kind, "%s: %s", path, system_error());
    if (now.size != before->size || now.modified.tv_sec != before->modified.tv_sec ||
        now.modified.tv_nsec != before->modified.tv_nsec)
        return fail(error, kind, "%s: changed while it was being read", path);
    return LIMN_OK;
}

static limn_status fail_irregular(const char *path, enum system_type type, limn_status kind,
                                  limn_error *error)
{
    return fail(error, kind, "%s: is %s, not a regular file", path,
                type == SYSTEM_FOLDER ? "a folder" : "a pipe or device");
}

static struct file *file_create(const char *path, limn_status kind, limn_error *error)
{
    size_t length = strlen(path) + 1, bytes = sizeof(struct file) + length;
    struct file *created = mem_zalloc(1, bytes);
    if (!created) {
        fail_memory(error, path, bytes);
        return NULL;
    }
    created->descriptor = -1;
    atomic_init(&created->owners, 1);
    created->kind = kind;
    memcpy(created->path, path, length);
    return created;
}

limn_status file_open(const char *path, limn_status kind, struct file **file, limn_error *error)
{
    *file = NULL;
    struct system_status status;
    if (!system_status(path, &status)) /* first: opening a device may have effects */
        return fail(error, kind, "%s: %s", input_name(path), system_error());
    if (status.type != SYSTEM_FILE)
        return fail_irregular(path, status.type, kind, error);
    struct file *opened = file_create(path, kind, error);
    if (!opened)
        return LIMN_E_MEMORY;
    opened->descriptor = system_open(path, SYSTEM_READ_NOW); /* it may have become a pipe since */
    limn_status result = LIMN_OK;
    if (opened->descriptor < 0 || !settled_status(opened->descriptor, &opened->opened))
        result = fail(error, kind, "%s: %s", path, system_error());
    else if (opened->opened.type != SYSTEM_FILE)
        result = fail_irregular(path, opened->opened.type, kind, error);
    if (result != LIMN_OK) {
        file_close(opened);
        return result;
    }
    *file = opened;
    return LIMN_OK;
}

limn_status file_open_bytes(const void *bytes, size_t size, const char *name, limn_status kind,
                            struct file **file, limn_error *error)
{
    *file = file_create(name, kind, error);
    if (!*file)
        return LIMN_E_MEMORY;
    (*file)->bytes = bytes;
    (*file)->opened.size = (int64_t)size;
    return LIMN_OK;
}

struct file *file_share(struct file *file)
{
    atomic_fetch_add(&file->owners, 1);
    return file;
}

void file_close(struct file *file)
{
    if (!file || atomic_fetch_sub(&file->owners, 1) > 1)
        return;
    if (file->descriptor >= 0)
        system_close(file->descriptor);
    mem_free(file);
}

uint64_t file_size(const struct file *file)
{
    return (uint64_t)file->opened.size;
}

const char *file_path(const struct file *file)
{
    return file->path;
}

static limn_status file_unchanged(const struct file *file, limn_error *error)
{
    return file->bytes ? LIMN_OK
                       : check_unchanged(file->descriptor, &file->opened, file->path, file->kind, error);
}

/* As system_read_at: fewer bytes at the end, 0 beyond it. */
static ptrdiff_t read_some(const struct file *file, uint64_t offset, void *buffer, size_t bytes)
{
    if (!file->bytes)
        return system_read_at(file->descriptor, offset, buffer, bytes);
    uint64_t size = file_size(file), rest = offset < size ? size - offset : 0;
    size_t some = rest < bytes ? (size_t)rest : bytes;
    if (some)
        memcpy(buffer, file->bytes + offset, some);
    return (ptrdiff_t)some;
}

limn_status file_read_at(const struct file *file, uint64_t offset, void *buffer, size_t bytes,
                         limn_error *error)
{
    for (size_t done = 0; done < bytes;) {
        ptrdiff_t got = read_some(file, offset + done, (char *)buffer + done, bytes - done);
        if (got < 0)
            return fail(error, file->kind, "%s: read failed: %s", file->path, system_error());
        if (got == 0) {
            limn_status changed = file_unchanged(file, error);
            return changed != LIMN_OK
                       ? changed
                       : fail(error, file->kind,
                              "%s: ends at byte %llu, %zu bytes were expected from byte %llu", file->path,
                              (unsigned long long)(offset + done), bytes, (unsigned long long)offset);
        }
        done += (size_t)got;
    }
    return file_unchanged(file, error);
}

limn_status file_read_all(const char *path, size_t most, limn_status kind, unsigned char **bytes,
                          size_t *size, limn_error *error)
{
    *bytes = NULL;
    *size = 0;
    bool standard = strcmp(path, "-") == 0;
    int descriptor = standard ? SYSTEM_STDIN : system_open(path, SYSTEM_READ);
    struct system_status status;
    if (descriptor < 0 || !settled_status(descriptor, &status)) {
        limn_status failure = fail(error, kind, "%s: %s", input_name(path), system_error());
        if (descriptor >= 0 && !standard)
            system_close(descriptor);
        return failure;
    }
    limn_status result = LIMN_OK;
    size_t room = 65536, have = 0;
    if (status.type == SYSTEM_FILE && status.size >= 0 && (uint64_t)status.size <= most)
        room = (size_t)status.size + 2; /* one to detect the end, one for the zero byte */
    unsigned char *block = mem_alloc(room);
    if (!block)
        result = fail_memory(error, input_name(path), room);
    while (result == LIMN_OK) {
        ptrdiff_t got = system_read(descriptor, block + have, room - have - 1);
        if (got < 0)
            result = fail(error, kind, "%s: read failed: %s", input_name(path), system_error());
        if (got <= 0)
            break;
        have += (size_t)got;
        if (have > most) {
            result = fail(error, kind, "%s: larger than %zu bytes, the most accepted here", input_name(path),
                          most);
        } else if (have + 1 == room) {
            unsigned char *grown = mem_resize(block, 2 * room);
            if (!grown)
                result = fail_memory(error, input_name(path), 2 * room);
            else
                block = grown, room *= 2;
        }
    }
    if (result == LIMN_OK && status.type == SYSTEM_FILE)
        result = check_unchanged(descriptor, &status, input_name(path), kind, error);
    if (!standard)
        system_close(descriptor);
    if (result != LIMN_OK) {
        mem_free(block);
        return result;
    }
    block[have] = 0;
    *bytes = block;
    *size = have;
    return LIMN_OK;
}

limn_status stdin_read(void *buffer, size_t room, const char *name, size_t *got, limn_error *error)
{
    ptrdiff_t read_now = system_read(SYSTEM_STDIN, buffer, room);
    *got = read_now > 0 ? (size_t)read_now : 0;
    return read_now < 0 ? fail(error, LIMN_E_INPUT, "%s: read failed: %s", name, system_error()) : LIMN_OK;
}

bool file_read_start(const char *path, char *text, size_t room)
{
    size_t have = 0;
    ptrdiff_t got = -1;
    int descriptor = system_open(path, SYSTEM_READ);
    if (descriptor >= 0) {
        while (have < room - 1 && (got = system_read(descriptor, text + have, room - 1 - have)) > 0)
            have += (size_t)got;
        system_close(descriptor);
    }
    text[have] = 0;
    return got >= 0 || have == room - 1;
}

limn_status folder_find(const char *path, limn_status kind, bool *found, limn_error *error)
{
    struct system_status status;
    *found = false;
    if (strcmp(path, "-") == 0)
        return LIMN_OK;
    if (system_status(path, &status))
        *found = status.type == SYSTEM_FOLDER;
    else if (errno != ENOENT && errno != ENOTDIR)
        return fail(error, kind, "%s: %s", path, system_error());
    return LIMN_OK;
}

bool path_is_folder(const char *path)
{
    bool found;
    return folder_find(path, LIMN_E_INPUT, &found, NULL) == LIMN_OK && found;
}

bool path_is_device(const char *path)
{
    struct system_status status;
    return system_status(path, &status) && status.type == SYSTEM_DEVICE;
}

bool path_may_be_read(const char *path)
{
    struct system_status status;
    if (!system_status(path, &status))
        return errno != ENOENT;
    return status.type == SYSTEM_FILE && system_may_read(path);
}

/* Copies the folder of a path to `folder`; returns the last component. */
static const char *split_path(const char *path, char folder[SYSTEM_PATH_MAX])
{
    const char *name = system_path_name(path);
    snprintf(folder, SYSTEM_PATH_MAX, "%.*s", name > path ? (int)(name - path) : 1, name > path ? path : ".");
    return name;
}

static bool same_file(const char *a, const char *b)
{
    struct system_status status_a, status_b;
    return system_status(a, &status_a) && system_status(b, &status_b) && status_a.volume == status_b.volume &&
           status_a.number == status_b.number;
}

bool paths_meet(const char *a, const char *b)
{
    char folder_a[SYSTEM_PATH_MAX], folder_b[SYSTEM_PATH_MAX];
    const char *name_a = split_path(a, folder_a), *name_b = split_path(b, folder_b);
    return system_path_compare(a, b) == 0 || same_file(a, b) ||
           (system_path_compare(name_a, name_b) == 0 && same_file(folder_a, folder_b));
}

/* strcmp, but digits compare as one number. */
static int compare_naturally(const void *left, const void *right)
{
    const char *a = *(char *const *)left, *b = *(char *const *)right;
    while (*a && *b) {
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            a += strspn(a, "0"), b += strspn(b, "0");
            size_t length_a = strspn(a, "0123456789"), length_b = strspn(b, "0123456789");
            int order = length_a != length_b ? (length_a < length_b ? -1 : 1) : strncmp(a, b, length_a);
            if (order)
                return order;
            a += length_a, b += length_b;
        } else if (*a != *b) {
            break;
        } else {
            a++, b++;
        }
    }
    int order = (unsigned char)*a - (unsigned char)*b;
    return order ? order : strcmp(*(char *const *)left, *(char *const *)right);
}

limn_status folder_list(const char *path, char ***names, size_t *count, limn_error *error)
{
    *names = NULL;
    *count = 0;
    struct system_folder *folder = system_folder_open(path);
    if (!folder)
        return fail(error, LIMN_E_INPUT, "%s: %s", path, system_error());
    char **list = NULL;
    size_t used = 0, room = 0;
    limn_status result = LIMN_OK;
    while (result == LIMN_OK) {
        const char *name = system_folder_next(folder);
        if (!name && errno)
            result = fail(error, LIMN_E_INPUT, "%s: read failed: %s", path, system_error());
        if (!name)
            break;
        if (*name == '.')
            continue;
        if (used == room) {
            room = room ? 2 * room : 64;
            char **grown = mem_resize(list, room * sizeof *list);
            if (!grown) {
                result = fail_memory(error, path, room * sizeof *list);
                break;
            }
            list = grown;
        }
        if (!(list[used] = mem_strdup(name)))
            result = fail_memory(error, path, strlen(name) + 1);
        else
            used++;
    }
    system_folder_close(folder);
    if (result != LIMN_OK) {
        names_free(list, used);
        return result;
    }
    if (used)
        qsort(list, used, sizeof *list, compare_naturally);
    *names = list;
    *count = used;
    return LIMN_OK;
}

void names_free(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mem_free(names[i]);
    mem_free(names);
}

limn_status folder_create(const char *path, limn_error *error)
{
    if (system_folder_create(path) || (errno == EEXIST && path_is_folder(path)))
        return LIMN_OK;
    return fail(error, LIMN_E_OUTPUT, "%s: cannot create folder: %s", path, system_error());
}
