/* system.h - what differs between operating systems. Each system implements it in files of its own, and they
 * alone include headers of the system or test for it with #if: system_posix*.c for Linux and macOS,
 * system_windows*.c for Windows, system_wasi*.c for WebAssembly. `make check-rooms` checks this.
 *
 * A function that can fail returns false, -1 or NULL and sets errno; system_error gives the text for a
 * message. No function takes ownership of an argument. All but system_begin and system_on_end are
 * thread-safe. */
#ifndef LIMN_SYSTEM_H
#define LIMN_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* The text for errno. */
const char *system_error(void);

/* ---- paths --------------------------------------------------------------------------------
 *
 * limn joins paths with '/', which every system accepts; Windows also has '\\' and drive letters. */

/* The longest path, in bytes with the zero at the end. Linux's own limit. */
#define SYSTEM_PATH_MAX 4096

/* The last name of a path: what is after the last separator, or the whole path. "" if a separator ends it. */
const char *system_path_name(const char *path);

/* The length of the path without the separators that end it; that of the root folder stays. */
size_t system_path_trimmed(const char *path);

/* The order of two paths; 0 if they are the same. Windows ignores case. */
int system_path_compare(const char *a, const char *b);

/* ---- the program -------------------------------------------------------------------------- */

/* Call it first in main. Returns the arguments as UTF-8 and sets their number; on POSIX they are the bytes of
 * argv. Windows leaves wildcards to the program: an argument without quotes whose last name has '*' or '?'
 * becomes the paths that it matches, in alphabetical order, or stays if there are none.
 *
 * If standard input, output or error was closed when the program started, the next file opened would get its
 * number, and what is printed would go into that file. This opens a placeholder for each closed one: reading
 * the input and writing the others fails. */
char **system_begin(int *argc, char **argv);

/* When a signal is about to end the process (Ctrl-C, a closed terminal or pipe, a request to end), runs
 * `clean_up` on the thread that called system_on_end, then ends the process as the signal would have.
 * `clean_up` may call only functions that are documented as async-signal-safe. Signals that the parent
 * ignores (nohup, a background job) stay ignored. On Windows (Ctrl-C, a closed console) `clean_up` runs on
 * another thread, while no file can be created or renamed. A write beyond the file size limit fails with
 * EFBIG and raises no signal. */
void system_on_end(void (*clean_up)(void));

/* A number that no other running process has. A child after fork() has its own. */
long system_process(void);

/* An environment variable as UTF-8. False if it is not set or does not fit into the room. */
bool system_environment(const char *name, char *text, size_t room);

/* The path of the program, and of the shared library that holds this code. False if it is unknown, or if the
 * program itself holds this code. errno is not set. */
bool system_program_path(char path[SYSTEM_PATH_MAX]);
bool system_library_path(char path[SYSTEM_PATH_MAX]);

/* ---- files --------------------------------------------------------------------------------
 *
 * An open file is an int. Programs that this one starts do not inherit it. */

enum { SYSTEM_STDIN = 0, SYSTEM_STDOUT = 1, SYSTEM_STDERR = 2 };

enum system_access {
    SYSTEM_READ,     /* read; waits until a pipe has a writer */
    SYSTEM_READ_NOW, /* read; does not wait */
    SYSTEM_WRITE,    /* write to an existing pipe or device */
    SYSTEM_CREATE,   /* write to a new file; fails if the path exists */
    SYSTEM_LOCK,     /* only lock an existing file; fails for a symbolic link */
};

/* Returns -1 on failure. */
int system_open(const char *path, enum system_access access);
bool system_close(int file);

/* The same open file under another number; -1 on failure. */
int system_duplicate(int file);

/* Return the number of bytes transferred, which may be less than `bytes`: 0 at the end of the file; -1 on
 * failure. An interrupted call is repeated. system_write is async-signal-safe. */
ptrdiff_t system_read(int file, void *buffer, size_t bytes);
ptrdiff_t system_read_at(int file, uint64_t offset, void *buffer, size_t bytes);
ptrdiff_t system_write(int file, const void *bytes, size_t size);

/* Locks the file against other calls of this function, in this process too, until the last number of this
 * open file is closed, which the end of the process does as well. Does not wait. */
enum system_lock {
    SYSTEM_LOCKED,
    SYSTEM_LOCKED_BEFORE /* by another */,
    SYSTEM_NO_LOCKS /* on this volume */
};
enum system_lock system_lock(int file);

enum system_type { SYSTEM_FILE, SYSTEM_FOLDER, SYSTEM_DEVICE /* or a pipe */ };

struct system_status {
    enum system_type type;
    bool on_disk;             /* false for devices, pipes, empty files, and the files of /proc and /sys */
    bool removed;             /* it has no name any more */
    int64_t size;             /* bytes */
    struct timespec modified; /* see system_file_clock */
    uint64_t volume, number;  /* both together identify the file */
    unsigned permissions;     /* for system_set_permissions */
};

/* Follows symbolic links. */
bool system_status(const char *path, struct system_status *status);
bool system_file_status(int file, struct system_status *status);

/* The time that a file written now has as its `modified`. Its steps may be milliseconds long. */
struct timespec system_file_clock(void);

/* A hint: does nothing if the system does not allow it. */
void system_set_permissions(int file, unsigned permissions);

/* Follows symbolic links. Also false if it cannot be found out. */
bool system_exists(const char *path);

/* False if the permission to read the file is missing. If something else is wrong, opening it says what. */
bool system_may_read(const char *path);

/* Whether the path is a symbolic link, even a dangling one. */
bool system_is_link(const char *path);

/* The absolute path without symbolic links; fails if the path does not exist. */
bool system_real_path(const char *path, char real[SYSTEM_PATH_MAX]);

/* Renames a file in one step within a folder: at no time does `to` name a part of a file. Unless `replace`,
 * fails with EEXIST if `to` exists. */
bool system_rename(const char *from, const char *to, bool replace);

/* Removes a file. Async-signal-safe. */
bool system_remove(const char *path);

/* ---- folders ------------------------------------------------------------------------------ */

struct system_folder;

struct system_folder *system_folder_open(const char *path);
void system_folder_close(struct system_folder *folder);

/* The name of the next entry, in no order, "." and ".." included; valid until the next call. NULL with errno
 * 0 at the end, NULL with another errno on failure. */
const char *system_folder_next(struct system_folder *folder);

/* Fails with EEXIST if the path exists. */
bool system_folder_create(const char *path);

/* ---- memory ------------------------------------------------------------------------------- */

/* Only memory.h calls these two. `bytes` is a multiple of `alignment`, a power of two. NULL if there is no
 * memory. */
void *system_allocate(size_t alignment, size_t bytes);
void system_release(void *block);

/* ---- time --------------------------------------------------------------------------------- */

/* Seconds since an arbitrary moment; never runs backwards. */
double system_seconds(void);

void system_sleep(double seconds);

/* ---- threads ------------------------------------------------------------------------------ */

/* Room for the system's own type. Neither may be copied or moved. */
struct system_mutex {
    uint64_t room[8];
};
struct system_condition {
    uint64_t room[8];
};

void system_mutex_create(struct system_mutex *mutex);
void system_mutex_free(struct system_mutex *mutex);
void system_mutex_lock(struct system_mutex *mutex);
void system_mutex_unlock(struct system_mutex *mutex);

/* The one mutex of the process, for what exists once in it. */
void system_process_lock(void);
void system_process_unlock(void);

void system_condition_create(struct system_condition *condition);
void system_condition_free(struct system_condition *condition);

/* Unlocks the mutex, waits for a wake, and locks it again. May also return without a wake. */
void system_condition_wait(struct system_condition *condition, struct system_mutex *mutex);
void system_condition_wake_all(struct system_condition *condition);

struct system_thread {
    void (*run)(void *argument);
    void *argument;
    uint64_t handle;
};

/* Runs run(argument) in a new thread, which handles no signals. *thread must not move until it is joined. */
bool system_thread_start(struct system_thread *thread, void (*run)(void *argument), void *argument);

/* Waits for the end of the thread. */
void system_thread_join(struct system_thread *thread);

/* ---- the terminal ------------------------------------------------------------------------- */

bool system_is_terminal(int file);

/* The width of the terminal of standard error; 0 if it is unknown. */
int system_terminal_columns(void);

/* ---- the machine -------------------------------------------------------------------------- */

size_t system_page_size(void);

/* Makes the system use huge pages for a block (2 MB each on x86-64) where it has free ones, when it allocates
 * its pages. A hint: does nothing if the system cannot. */
void system_prefer_huge_pages(void *pages, size_t bytes);

/* Makes the system allocate whole pages now, before they are written, and keeps their contents. A hint: does
 * nothing if the system cannot. */
void system_populate(void *pages, size_t bytes);

/* Whether the process may map `bytes` more of address space (ulimit -v). Maps and unmaps them. */
bool system_can_map(size_t bytes);

/* The most physical memory that this process has had at a time, in bytes; 0 if it is unknown. */
size_t system_peak_resident(void);

/* A limit of the memory of this process, shared with what limn does not allocate. */
struct system_memory_bound {
    const char *name; /* for messages; static storage */
    size_t bytes;
    bool is_address_space; /* it counts what is mapped, not what is resident */
    size_t mapped;         /* of an address space: the bytes of it that are in use */
};

/* Calls `take` with every limit that is set and can be read. On Linux:
 *
 *   physical memory   MemTotal of /proc/meminfo
 *   control group     memory.max (version 2) or memory.limit_in_bytes (version 1), of the process's own group
 *                     and of every one above it; in a container, of those that are visible
 *   address space     RLIMIT_AS (ulimit -v)
 *   data              RLIMIT_DATA (ulimit -d)
 *
 * The files are read below `root`: "" for this machine; tests pass a folder with such files. */
void system_memory_bounds(const char *root,
                          void (*take)(void *context, const struct system_memory_bound *bound),
                          void *context);

/* The CPU quota of this process, in processors, rounded up; SIZE_MAX without one. On Linux the least of
 * cpu.max (version 2) or cpu.cfs_quota_us / cpu.cfs_period_us (version 1) of its own control group and those
 * above it. `root` as above. */
size_t system_processor_quota(const char *root);

/* Asks the system to let this process use the matrix tiles of AMX, which the CPU must have. Returns NULL if
 * it does, otherwise the reason for a message. Linux asks because a signal then saves 8 KB more: once
 * permitted, sigaltstack fails for a stack that is too small for that, and while a thread has such a stack
 * the request is denied. The permission is for all threads of the process, also those that run already, and
 * for its children; it cannot be given back. */
const char *system_permit_tiles(void);

/* Physical cores that this process may run on, without regard to the quota; at least 1. */
int system_cores(void);

/* The name of the CPU's model, cut to the room. False if it is unknown. */
bool system_cpu_name(char *name, size_t room);

#endif
