/* system_wasi_page.c - system.h in a WebAssembly module for a page, instead of system_wasi_files.c: there are
 * no files, so that the page need not supply any. Everything fails with ENOSYS. */
#include "engine/base/system.h"

#include <errno.h>

static bool missing(void)
{
    errno = ENOSYS;
    return false;
}

/* ---- the program -------------------------------------------------------------------------- */

char **system_begin(int *argc, char **argv)
{
    (void)argc;
    return argv;
}

long system_process(void)
{
    return 1;
}

bool system_environment(const char *name, char *text, size_t room)
{
    (void)name, (void)text, (void)room;
    return false;
}

/* ---- files -------------------------------------------------------------------------------- */

int system_open(const char *path, enum system_access access)
{
    (void)path, (void)access;
    return missing() - 1;
}

bool system_close(int file)
{
    (void)file;
    return missing();
}

int system_duplicate(int file)
{
    (void)file;
    return missing() - 1;
}

ptrdiff_t system_read(int file, void *buffer, size_t bytes)
{
    (void)file, (void)buffer, (void)bytes;
    return missing() - 1;
}

ptrdiff_t system_read_at(int file, uint64_t offset, void *buffer, size_t bytes)
{
    (void)file, (void)offset, (void)buffer, (void)bytes;
    return missing() - 1;
}

ptrdiff_t system_write(int file, const void *bytes, size_t size)
{
    (void)file, (void)bytes, (void)size;
    return missing() - 1;
}

enum system_lock system_lock(int file)
{
    (void)file;
    return SYSTEM_NO_LOCKS;
}

bool system_status(const char *path, struct system_status *status)
{
    (void)path, (void)status;
    return missing();
}

bool system_file_status(int file, struct system_status *status)
{
    (void)file, (void)status;
    return missing();
}

struct timespec system_file_clock(void)
{
    return (struct timespec){0};
}

void system_set_permissions(int file, unsigned permissions)
{
    (void)file, (void)permissions;
}

bool system_exists(const char *path)
{
    (void)path;
    return missing();
}

bool system_may_read(const char *path)
{
    (void)path;
    return missing();
}

bool system_is_link(const char *path)
{
    (void)path;
    return missing();
}

bool system_real_path(const char *path, char real[SYSTEM_PATH_MAX])
{
    (void)path, (void)real;
    return missing();
}

bool system_rename(const char *from, const char *to, bool replace)
{
    (void)from, (void)to, (void)replace;
    return missing();
}

bool system_remove(const char *path)
{
    (void)path;
    return missing();
}

struct system_folder *system_folder_open(const char *path)
{
    (void)path;
    missing();
    return NULL;
}

void system_folder_close(struct system_folder *folder)
{
    (void)folder;
}

const char *system_folder_next(struct system_folder *folder)
{
    (void)folder;
    missing();
    return NULL;
}

bool system_folder_create(const char *path)
{
    (void)path;
    return missing();
}

/* ---- time --------------------------------------------------------------------------------- */

/* Only measurements and waiting for other threads need the time. */
double system_seconds(void)
{
    return 0;
}

void system_sleep(double seconds)
{
    (void)seconds;
}

/* ---- the terminal ------------------------------------------------------------------------- */

bool system_is_terminal(int file)
{
    (void)file;
    return false;
}

int system_terminal_columns(void)
{
    return 0;
}
