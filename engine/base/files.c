/* files.c - reading files and folders: see files.h. Writing is in output.c. */
#include "engine/base/files.h"
#include "engine/base/memory.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const char *input_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : *path ? path : "''";
}

struct file {
    int descriptor;
    limn_status kind;   /* the status of every error about this file */
    struct stat opened; /* its status when it was opened, to detect a change */
    char path[];
};

/* fstat, such that every later write changes the modification time. The kernel takes times from a clock that
 * advances every few milliseconds; a file written in the current tick could be written again without a new
 * time, so this waits for the next tick. It gives up on a file that is written all the time. */
static int stat_settled(int descriptor, struct stat *status)
{
    enum { WAITS_MOST = 50 };
    const struct timespec millisecond = {.tv_nsec = 1000000};
    struct timespec now = {0};
    for (int waits = 0;; waits++) {
        clock_gettime(CLOCK_REALTIME_COARSE, &now); /* first: later writes are stamped with this or more */
        if (fstat(descriptor, status) != 0)
            return -1;
        double age = (double)(now.tv_sec - status->st_mtim.tv_sec) +
                     1e-9 * (double)(now.tv_nsec - status->st_mtim.tv_nsec);
        bool stored = S_ISREG(status->st_mode) && status->st_blocks > 0; /* unlike pipes, and files of /sys */
        if (!stored || age > 0 || age < -0.1 || waits == WAITS_MOST)
            return 0;
        nanosleep(&millisecond, NULL);
    }
}

static limn_status check_unchanged(int descriptor, const struct stat *before, const char *path,
                                   limn_status kind, limn_error *error)
{
    struct stat now;
    if (fstat(descriptor, &now) != 0)
        return fail(error, kind, "%s: %s", path, strerror(errno));
    if (now.st_size != before->st_size || now.st_mtim.tv_sec != before->st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != before->st_mtim.tv_nsec)
        return fail(error, kind, "%s: changed while it was being read", path);
    return LIMN_OK;
}

static limn_status fail_irregular(const char *path, const struct stat *status, limn_status kind,
                                  limn_error *error)
{
    return fail(error, kind, "%s: is %s, not a regular file", path,
                S_ISDIR(status->st_mode) ? "a folder" : "a pipe or device");
}

limn_status file_open(const char *path, limn_status kind, struct file **file, limn_error *error)
{
    *file = NULL;
    struct stat status;
    if (stat(path, &status) != 0) /* before open(), which would wait for a writer on a pipe */
        return fail(error, kind, "%s: %s", input_name(path), strerror(errno));
    if (!S_ISREG(status.st_mode))
        return fail_irregular(path, &status, kind, error);
    size_t length = strlen(path) + 1;
    struct file *opened = mem_zalloc(1, sizeof *opened + length);
    if (!opened)
        return fail_memory(error, path, sizeof *opened + length);
    opened->kind = kind;
    memcpy(opened->path, path, length);
    opened->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* it may have become a pipe since */
    limn_status result = LIMN_OK;
    if (opened->descriptor < 0 || stat_settled(opened->descriptor, &opened->opened) != 0)
        result = fail(error, kind, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(opened->opened.st_mode))
        result = fail_irregular(path, &opened->opened, kind, error);
    if (result != LIMN_OK) {
        file_close(opened);
        return result;
    }
    *file = opened;
    return LIMN_OK;
}

void file_close(struct file *file)
{
    if (file && file->descriptor >= 0)
        close(file->descriptor);
    mem_free(file);
}

uint64_t file_size(const struct file *file)
{
    return (uint64_t)file->opened.st_size;
}

const char *file_path(const struct file *file)
{
    return file->path;
}

static limn_status file_unchanged(const struct file *file, limn_error *error)
{
    return check_unchanged(file->descriptor, &file->opened, file->path, file->kind, error);
}

limn_status file_read_at(const struct file *file, uint64_t offset, void *buffer, size_t bytes,
                         limn_error *error)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t got = pread(file->descriptor, (char *)buffer + done, bytes - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(error, file->kind, "%s: read failed: %s", file->path, strerror(errno));
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
    int descriptor = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (descriptor < 0 || stat_settled(descriptor, &status) != 0) {
        limn_status failure = fail(error, kind, "%s: %s", input_name(path), strerror(errno));
        if (descriptor >= 0 && !standard)
            close(descriptor);
        return failure;
    }
    limn_status result = LIMN_OK;
    size_t room = 65536, have = 0;
    if (S_ISREG(status.st_mode) && status.st_size >= 0 && (uint64_t)status.st_size <= most)
        room = (size_t)status.st_size + 2; /* one to detect the end, one for the zero byte */
    unsigned char *block = mem_alloc(room);
    if (!block)
        result = fail_memory(error, input_name(path), room);
    while (result == LIMN_OK) {
        ssize_t got = read(descriptor, block + have, room - have - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            result = fail(error, kind, "%s: read failed: %s", input_name(path), strerror(errno));
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
    if (result == LIMN_OK && S_ISREG(status.st_mode))
        result = check_unchanged(descriptor, &status, input_name(path), kind, error);
    if (!standard)
        close(descriptor);
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
    ssize_t read_now;
    do
        read_now = read(STDIN_FILENO, buffer, room);
    while (read_now < 0 && errno == EINTR);
    *got = read_now > 0 ? (size_t)read_now : 0;
    return read_now < 0 ? fail(error, LIMN_E_INPUT, "%s: read failed: %s", name, strerror(errno)) : LIMN_OK;
}

bool file_read_start(const char *path, char *text, size_t room)
{
    size_t have = 0;
    ssize_t got = -1;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0) {
        while (have < room - 1 &&
               ((got = read(descriptor, text + have, room - 1 - have)) > 0 || (got < 0 && errno == EINTR)))
            have += got > 0 ? (size_t)got : 0;
        close(descriptor);
    }
    text[have] = 0;
    return got >= 0 || have == room - 1;
}

limn_status folder_find(const char *path, limn_status kind, bool *found, limn_error *error)
{
    struct stat status;
    *found = false;
    if (strcmp(path, "-") == 0)
        return LIMN_OK;
    if (stat(path, &status) == 0)
        *found = S_ISDIR(status.st_mode);
    else if (errno != ENOENT && errno != ENOTDIR)
        return fail(error, kind, "%s: %s", path, strerror(errno));
    return LIMN_OK;
}

bool path_is_folder(const char *path)
{
    bool found;
    return folder_find(path, LIMN_E_INPUT, &found, NULL) == LIMN_OK && found;
}

bool path_may_be_read(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return errno != ENOENT;
    return S_ISREG(status.st_mode) && (access(path, R_OK) == 0 || errno != EACCES);
}

bool path_is_link(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
}

/* Copies the folder of a path to `folder`; returns the last component. */
static const char *split_path(const char *path, char folder[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    snprintf(folder, PATH_MAX, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
    return slash ? slash + 1 : path;
}

static bool same_file(const char *a, const char *b)
{
    struct stat status_a, status_b;
    return stat(a, &status_a) == 0 && stat(b, &status_b) == 0 && status_a.st_dev == status_b.st_dev &&
           status_a.st_ino == status_b.st_ino;
}

bool paths_meet(const char *a, const char *b)
{
    char folder_a[PATH_MAX], folder_b[PATH_MAX];
    const char *name_a = split_path(a, folder_a), *name_b = split_path(b, folder_b);
    return strcmp(a, b) == 0 || same_file(a, b) ||
           (strcmp(name_a, name_b) == 0 && same_file(folder_a, folder_b));
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
    DIR *folder = opendir(path);
    if (!folder)
        return fail(error, LIMN_E_INPUT, "%s: %s", path, strerror(errno));
    char **list = NULL;
    size_t used = 0, room = 0;
    limn_status result = LIMN_OK;
    while (result == LIMN_OK) {
        errno = 0; /* readdir's NULL is the end, or an error */
        const struct dirent *entry = readdir(folder);
        if (!entry && errno)
            result = fail(error, LIMN_E_INPUT, "%s: read failed: %s", path, strerror(errno));
        if (!entry)
            break;
        if (entry->d_name[0] == '.')
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
        if (!(list[used] = mem_strdup(entry->d_name)))
            result = fail_memory(error, path, strlen(entry->d_name) + 1);
        else
            used++;
    }
    closedir(folder);
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
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && path_is_folder(path)))
        return LIMN_OK;
    return fail(error, LIMN_E_OUTPUT, "%s: cannot create folder: %s", path, strerror(errno));
}
