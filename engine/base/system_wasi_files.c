/* system_wasi_files.c - system.h for WebAssembly programs that run under WASI: the program, files, folders,
 * time, the terminal. A program sees only the folders that its runtime grants. WASI preview 1 has no file
 * locks, no permissions, no process numbers, and no renaming that spares an existing file. */
#include "engine/base/system.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the program -------------------------------------------------------------------------- */

char **system_begin(int *argc, char **argv)
{
    (void)argc;
    return argv;
}

/* The time of the first call. Two processes that make it in the same nanosecond have the same number. */
long system_process(void)
{
    static long number;
    struct timespec now;
    if (!number && clock_gettime(CLOCK_REALTIME, &now) == 0)
        number = (long)(((unsigned long)now.tv_sec * 1000000000UL + (unsigned long)now.tv_nsec) >> 1) | 1;
    return number;
}

bool system_environment(const char *name, char *text, size_t room)
{
    const char *value = getenv(name);
    return value && (size_t)snprintf(text, room, "%s", value) < room;
}

/* ---- files -------------------------------------------------------------------------------- */

int system_open(const char *path, enum system_access access)
{
    static const int flags[] = {
        [SYSTEM_READ] = O_RDONLY,
        [SYSTEM_READ_NOW] = O_RDONLY | O_NONBLOCK,
        [SYSTEM_WRITE] = O_WRONLY,
        [SYSTEM_CREATE] = O_WRONLY | O_CREAT | O_EXCL,
        [SYSTEM_LOCK] = O_WRONLY | O_NOFOLLOW | O_NONBLOCK,
    };
    return open(path, flags[access], 0666);
}

bool system_close(int file)
{
    return close(file) == 0;
}

int system_duplicate(int file)
{
    (void)file;
    errno = ENOSYS;
    return -1;
}

ptrdiff_t system_read(int file, void *buffer, size_t bytes)
{
    return read(file, buffer, bytes);
}

ptrdiff_t system_read_at(int file, uint64_t offset, void *buffer, size_t bytes)
{
    return pread(file, buffer, bytes, (off_t)offset);
}

ptrdiff_t system_write(int file, const void *bytes, size_t size)
{
    return write(file, bytes, size);
}

enum system_lock system_lock(int file)
{
    (void)file;
    return SYSTEM_NO_LOCKS;
}

static struct system_status status_of(const struct stat *status)
{
    bool regular = S_ISREG(status->st_mode);
    return (struct system_status){
        .type = regular                    ? SYSTEM_FILE
                : S_ISDIR(status->st_mode) ? SYSTEM_FOLDER
                                           : SYSTEM_DEVICE,
        .on_disk = regular && status->st_size > 0,
        .removed = status->st_nlink == 0,
        .size = status->st_size,
        .modified = status->st_mtim,
        .volume = status->st_dev,
        .number = status->st_ino,
    };
}

bool system_status(const char *path, struct system_status *status)
{
    struct stat found;
    if (stat(path, &found) != 0)
        return false;
    *status = status_of(&found);
    return true;
}

bool system_file_status(int file, struct system_status *status)
{
    struct stat found;
    if (fstat(file, &found) != 0)
        return false;
    *status = status_of(&found);
    return true;
}

struct timespec system_file_clock(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    return now;
}

void system_set_permissions(int file, unsigned permissions)
{
    (void)file, (void)permissions;
}

bool system_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool system_may_read(const char *path)
{
    return access(path, R_OK) == 0 || errno != EACCES;
}

bool system_is_link(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
}

/* WASI resolves no path. Paths that are spelled alike name the same file. */
bool system_real_path(const char *path, char real[SYSTEM_PATH_MAX])
{
    return access(path, F_OK) == 0 && snprintf(real, SYSTEM_PATH_MAX, "%s", path) < SYSTEM_PATH_MAX;
}

bool system_rename(const char *from, const char *to, bool replace)
{
    if (!replace && access(to, F_OK) == 0) {
        errno = EEXIST;
        return false;
    }
    return rename(from, to) == 0;
}

bool system_remove(const char *path)
{
    return unlink(path) == 0;
}

/* ---- folders ------------------------------------------------------------------------------ */

struct system_folder *system_folder_open(const char *path)
{
    return (struct system_folder *)opendir(path);
}

void system_folder_close(struct system_folder *folder)
{
    closedir((DIR *)folder);
}

const char *system_folder_next(struct system_folder *folder)
{
    errno = 0; /* readdir's NULL is the end, or a failure */
    const struct dirent *entry = readdir((DIR *)folder);
    return entry ? entry->d_name : NULL;
}

bool system_folder_create(const char *path)
{
    return mkdir(path, 0777) == 0;
}

/* ---- time --------------------------------------------------------------------------------- */

double system_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void system_sleep(double seconds)
{
    struct timespec time = {.tv_sec = (time_t)seconds};
    time.tv_nsec = (long)(1e9 * (seconds - (double)time.tv_sec));
    nanosleep(&time, NULL);
}

/* ---- the terminal ------------------------------------------------------------------------- */

bool system_is_terminal(int file)
{
    return isatty(file);
}

int system_terminal_columns(void)
{
    return 0;
}
