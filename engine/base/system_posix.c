/* system_posix.c - system.h for Linux and macOS: the program, files, folders, memory, time, threads, the
 * terminal. The machine is in system_posix_machine.c. What only macOS does differently is under __APPLE__. */
#include "engine/base/system.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#else
#include <sys/auxv.h>
#include <sys/syscall.h>
#endif

const char *system_error(void)
{
    return strerror(errno);
}

/* ---- the program -------------------------------------------------------------------------- */

char **system_begin(int *argc, char **argv) /* NOLINT(readability-non-const-parameter): of system.h */
{
    (void)argc;
    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
        if (fcntl(i, F_GETFD) < 0)
            (void)!open("/dev/null", i == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* takes the lowest number */
    return argv;
}

static pthread_t main_thread;
static void (*clean_up_at_end)(void);

/* Cleans up, then raises the signal again with its default action, so that the shell sees it (exit code 130,
 * 143 or 129; 141 for SIGPIPE, as in limn inspect FILE | head, without a message). Runs on the main thread
 * only, because that thread creates the files; any other thread forwards the signal. */
static void handle_signal(int number)
{
    if (!pthread_equal(pthread_self(), main_thread)) {
        pthread_kill(main_thread, number);
        return;
    }
    clean_up_at_end();
    signal(number, SIG_DFL);
    raise(number);
}

void system_on_end(void (*clean_up)(void))
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT, SIGXCPU};
    struct sigaction action = {.sa_handler = handle_signal};
    main_thread = pthread_self();
    clean_up_at_end = clean_up;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaddset(&action.sa_mask, numbers[i]); /* a handler is not interrupted by another */
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction before;
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
    signal(SIGXFSZ, SIG_IGN); /* then write fails as on a full disk */
}

long system_process(void)
{
    return (long)getpid();
}

bool system_environment(const char *name, char *text, size_t room)
{
    const char *value = getenv(name);
    return value && (size_t)snprintf(text, room, "%s", value) < room;
}

#ifdef __APPLE__

bool system_program_path(char path[SYSTEM_PATH_MAX])
{
    char started_as[SYSTEM_PATH_MAX];
    uint32_t room = sizeof started_as;
    return _NSGetExecutablePath(started_as, &room) == 0 && realpath(started_as, path);
}

static const void *program_code(void)
{
    return _dyld_get_image_header(0);
}

#else

bool system_program_path(char path[SYSTEM_PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", path, SYSTEM_PATH_MAX - 1);
    const char *started_as = (const char *)getauxval(AT_EXECFN);
    if (length > 0) {
        path[length] = 0;
        return true;
    }
    /* no /proc, as in a bare chroot */
    return started_as && snprintf(path, SYSTEM_PATH_MAX, "%s", started_as) < SYSTEM_PATH_MAX;
}

static const void *program_code(void)
{
    return (const void *)getauxval(AT_PHDR);
}

#endif

bool system_library_path(char path[SYSTEM_PATH_MAX])
{
    static const char inside;
    Dl_info library, program; /* dladdr knows the program by argv[0] only, which may be any text */
    return dladdr(&inside, &library) && dladdr(program_code(), &program) &&
           library.dli_fbase != program.dli_fbase && realpath(library.dli_fname, path);
}

_Static_assert(PATH_MAX <= SYSTEM_PATH_MAX, "realpath writes into SYSTEM_PATH_MAX bytes");

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
    return open(path, flags[access] | O_CLOEXEC, 0666);
}

bool system_close(int file)
{
    return close(file) == 0;
}

int system_duplicate(int file)
{
    return fcntl(file, F_DUPFD_CLOEXEC, 0);
}

ptrdiff_t system_read(int file, void *buffer, size_t bytes)
{
    ssize_t got;
    do
        got = read(file, buffer, bytes);
    while (got < 0 && errno == EINTR);
    return got;
}

ptrdiff_t system_read_at(int file, uint64_t offset, void *buffer, size_t bytes)
{
    ssize_t got;
    do
        got = pread(file, buffer, bytes, (off_t)offset);
    while (got < 0 && errno == EINTR);
    return got;
}

ptrdiff_t system_write(int file, const void *bytes, size_t size)
{
    ssize_t put;
    do
        put = write(file, bytes, size);
    while (put < 0 && errno == EINTR);
    return put;
}

enum system_lock system_lock(int file)
{
    if (flock(file, LOCK_EX | LOCK_NB) == 0)
        return SYSTEM_LOCKED;
    return errno == EWOULDBLOCK ? SYSTEM_LOCKED_BEFORE : SYSTEM_NO_LOCKS;
}

static struct system_status status_of(const struct stat *status)
{
    bool regular = S_ISREG(status->st_mode);
    return (struct system_status){
        .type = regular                    ? SYSTEM_FILE
                : S_ISDIR(status->st_mode) ? SYSTEM_FOLDER
                                           : SYSTEM_DEVICE,
        .on_disk = regular && status->st_blocks > 0,
        .removed = status->st_nlink == 0,
        .size = status->st_size,
#ifdef __APPLE__
        .modified = status->st_mtimespec,
#else
        .modified = status->st_mtim,
#endif
        .volume = (uint64_t)status->st_dev,
        .number = (uint64_t)status->st_ino,
        .permissions = status->st_mode & 07777,
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
#ifdef __APPLE__
    clock_gettime(CLOCK_REALTIME, &now);
#else
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
#endif
    return now;
}

void system_set_permissions(int file, unsigned permissions)
{
    (void)!fchmod(file, (mode_t)permissions);
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

bool system_real_path(const char *path, char real[SYSTEM_PATH_MAX])
{
    return realpath(path, real) != NULL;
}

/* rename() that fails with EEXIST if `to` exists. */
static int rename_new(const char *from, const char *to)
{
#if defined(__APPLE__)
    return renamex_np(from, to, RENAME_EXCL);
#elif defined(RENAME_NOREPLACE)
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
#else /* not in the C library, as in musl */
    enum { NO_REPLACE = 1 };
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, NO_REPLACE);
#endif
}

bool system_rename(const char *from, const char *to, bool replace)
{
    if (replace)
        return rename(from, to) == 0;
    if (rename_new(from, to) == 0)
        return true;
    /* A file system or a kernel that cannot check and rename in one step. EPERM is also the answer of a
     * seccomp filter that does not know the call, as in old versions of Docker. */
    if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP && errno != EPERM)
        return false;
    if (access(to, F_OK) == 0) {
        errno = EEXIST;
        return false;
    }
    return rename(from, to) == 0;
}

bool system_remove(const char *path)
{
    return unlink(path) == 0;
}

/* ---- paths -------------------------------------------------------------------------------- */

const char *system_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int system_path_compare(const char *a, const char *b)
{
    return strcmp(a, b);
}

size_t system_path_trimmed(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return length;
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

/* ---- memory ------------------------------------------------------------------------------- */

void *system_allocate(size_t alignment, size_t bytes)
{
    return aligned_alloc(alignment, bytes);
}

void system_release(void *block)
{
    free(block);
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

/* ---- threads ------------------------------------------------------------------------------ */

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(struct system_mutex), "a mutex fits");
_Static_assert(sizeof(pthread_cond_t) <= sizeof(struct system_condition), "a condition fits");
_Static_assert(sizeof(pthread_t) <= sizeof(uint64_t), "a thread's handle fits");

static pthread_mutex_t *mutex_of(struct system_mutex *mutex)
{
    return (pthread_mutex_t *)mutex;
}

static pthread_cond_t *condition_of(struct system_condition *condition)
{
    return (pthread_cond_t *)condition;
}

void system_mutex_create(struct system_mutex *mutex)
{
    pthread_mutex_init(mutex_of(mutex), NULL);
}

void system_mutex_free(struct system_mutex *mutex)
{
    pthread_mutex_destroy(mutex_of(mutex));
}

void system_mutex_lock(struct system_mutex *mutex)
{
    pthread_mutex_lock(mutex_of(mutex));
}

void system_mutex_unlock(struct system_mutex *mutex)
{
    pthread_mutex_unlock(mutex_of(mutex));
}

static pthread_mutex_t process_mutex = PTHREAD_MUTEX_INITIALIZER;

void system_process_lock(void)
{
    pthread_mutex_lock(&process_mutex);
}

void system_process_unlock(void)
{
    pthread_mutex_unlock(&process_mutex);
}

void system_condition_create(struct system_condition *condition)
{
    pthread_cond_init(condition_of(condition), NULL);
}

void system_condition_free(struct system_condition *condition)
{
    pthread_cond_destroy(condition_of(condition));
}

void system_condition_wait(struct system_condition *condition, struct system_mutex *mutex)
{
    pthread_cond_wait(condition_of(condition), mutex_of(mutex));
}

void system_condition_wake_all(struct system_condition *condition)
{
    pthread_cond_broadcast(condition_of(condition));
}

static void *run_thread(void *argument)
{
    struct system_thread *thread = argument;
    thread->run(thread->argument);
    return NULL;
}

/* With GCC, limn needs between 64 and 96 KB of stack. A thread of musl has 128 KB by default, which another
 * compiler or sanitizer may exceed; one of macOS has 512 KB, one of glibc the limit of ulimit -s. */
static void ensure_stack(pthread_attr_t *attributes)
{
    enum { LEAST = 1 << 20 };
    size_t bytes;
    if (pthread_attr_getstacksize(attributes, &bytes) == 0 && bytes < LEAST)
        pthread_attr_setstacksize(attributes, LEAST);
}

bool system_thread_start(struct system_thread *thread, void (*run)(void *argument), void *argument)
{
    sigset_t all, before; /* a new thread inherits the mask: with all signals blocked, others get them */
    pthread_attr_t attributes;
    pthread_t handle;
    int refused = pthread_attr_init(&attributes);
    if (refused) {
        errno = refused;
        return false;
    }
    ensure_stack(&attributes);
    thread->run = run;
    thread->argument = argument;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    refused = pthread_create(&handle, &attributes, run_thread, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (refused)
        errno = refused;
    else
        memcpy(&thread->handle, &handle, sizeof handle);
    return !refused;
}

void system_thread_join(struct system_thread *thread)
{
    pthread_t handle;
    memcpy(&handle, &thread->handle, sizeof handle);
    pthread_join(handle, NULL);
}

/* ---- the terminal ------------------------------------------------------------------------- */

bool system_is_terminal(int file)
{
    return isatty(file);
}

int system_terminal_columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
