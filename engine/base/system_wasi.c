/* system_wasi.c - system.h for WebAssembly: memory, the one thread, the machine. Files, time and the program
 * are in system_wasi_files.c; a module for a page takes system_wasi_page.c instead, and imports nothing. */
#include "engine/base/system.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *system_error(void)
{
    return strerror(errno);
}

/* ---- paths -------------------------------------------------------------------------------- */

const char *system_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

size_t system_path_trimmed(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return length;
}

int system_path_compare(const char *a, const char *b)
{
    return strcmp(a, b);
}

/* ---- the program -------------------------------------------------------------------------- */

void system_on_end(void (*clean_up)(void))
{
    (void)clean_up; /* there are no signals */
}

bool system_program_path(char path[SYSTEM_PATH_MAX])
{
    (void)path;
    return false;
}

bool system_library_path(char path[SYSTEM_PATH_MAX])
{
    (void)path;
    return false;
}

/* ---- memory ------------------------------------------------------------------------------- */

void *system_allocate(size_t alignment, size_t bytes)
{
    return aligned_alloc(alignment, bytes);
}

void system_release(void *block)
{
    free(block);
}

size_t system_page_size(void)
{
    return (size_t)1 << 16;
}

void system_prefer_huge_pages(void *pages, size_t bytes)
{
    (void)pages, (void)bytes;
}

void system_populate(void *pages, size_t bytes)
{
    (void)pages, (void)bytes;
}

bool system_can_map(size_t bytes)
{
    (void)bytes;
    return true;
}

/* The memory of a module never shrinks. */
size_t system_peak_resident(void)
{
    return __builtin_wasm_memory_size(0) * system_page_size();
}

void system_memory_bounds(const char *root,
                          void (*take)(void *context, const struct system_memory_bound *bound), void *context)
{
    struct system_memory_bound bound = {.name = "the memory of a WebAssembly module", .bytes = SIZE_MAX};
    if (!*root)
        take(context, &bound);
}

/* ---- the one thread ----------------------------------------------------------------------- */

void system_mutex_create(struct system_mutex *mutex)
{
    (void)mutex;
}

void system_mutex_free(struct system_mutex *mutex)
{
    (void)mutex;
}

void system_mutex_lock(struct system_mutex *mutex)
{
    (void)mutex;
}

void system_mutex_unlock(struct system_mutex *mutex)
{
    (void)mutex;
}

void system_process_lock(void)
{
}

void system_process_unlock(void)
{
}

void system_condition_create(struct system_condition *condition)
{
    (void)condition;
}

void system_condition_free(struct system_condition *condition)
{
    (void)condition;
}

void system_condition_wait(struct system_condition *condition, struct system_mutex *mutex)
{
    (void)condition, (void)mutex;
}

void system_condition_wake_all(struct system_condition *condition)
{
    (void)condition;
}

bool system_thread_start(struct system_thread *thread, void (*run)(void *argument), void *argument)
{
    (void)thread, (void)run, (void)argument;
    errno = ENOSYS;
    return false;
}

void system_thread_join(struct system_thread *thread)
{
    (void)thread;
}

/* ---- the machine -------------------------------------------------------------------------- */

size_t system_processor_quota(const char *root)
{
    (void)root;
    return SIZE_MAX;
}

const char *system_permit_tiles(void)
{
    return "limn cannot ask this system for them";
}

int system_cores(void)
{
    return 1;
}

bool system_cpu_name(char *name, size_t room)
{
    (void)name, (void)room;
    return false;
}
