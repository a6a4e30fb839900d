/* windows_faults.c - makes calls of Windows fail in limn.exe, for test_windows_faults.py.
 *
 * A call of a DLL's function NAME is a jump through the pointer __imp_NAME. With ld's option
 * --wrap=__imp_NAME, the objects that are linked with this file use the pointer __wrap___imp_NAME, which is
 * defined here. With
 * --wrap=main, the program begins here too: it runs limn's main with its own arguments once for each line of
 * standard input:
 *
 *     NAME N       the Nth call of NAME fails; 0: none does
 *     NAME N on    and all later calls
 *
 * Standard output and standard error of the run go to the files "stdout" and "stderr". For each run it prints
 * a line: the exit code, then each NAME and how often it was called. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <io.h>
#include <malloc.h>
#include <process.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <windows.h>

struct calls {
    const char *name;
    volatile LONG count;
    struct calls *next;
};

static struct calls *all_calls;

/* What fails in this run. */
static struct {
    char name[64];
    LONG nth;
    bool persistent;
} fault;

/* Counts a call; whether it must fail. */
static bool fails(struct calls *calls)
{
    LONG call = InterlockedIncrement(&calls->count);
    return fault.nth && strcmp(fault.name, calls->name) == 0 &&
           (fault.persistent ? call >= fault.nth : call == fault.nth);
}

/* Defines what is called instead of `name`. `failed` sets the error and is the value that the call returns.
 */
#define WRAP(type, name, parameters, arguments, failed)                                                      \
    extern type(*__real___imp_##name) parameters;                                                            \
    static struct calls calls_of_##name = {#name, 0, NULL};                                                  \
    static type fault_##name parameters                                                                      \
    {                                                                                                        \
        return fails(&calls_of_##name) ? (failed) : __real___imp_##name arguments;                           \
    }                                                                                                        \
    type(*__wrap___imp_##name) parameters = fault_##name;                                                    \
    __attribute__((constructor)) static void list_##name(void)                                               \
    {                                                                                                        \
        calls_of_##name.next = all_calls;                                                                    \
        all_calls = &calls_of_##name;                                                                        \
    }

#define FALSE_WITH(error) (SetLastError(error), FALSE)

WRAP(void *, _aligned_malloc, (size_t size, size_t alignment), (size, alignment), NULL)

WRAP(HANDLE, CreateFileW,
     (const wchar_t *path, DWORD rights, DWORD share, SECURITY_ATTRIBUTES *security, DWORD disposition,
      DWORD flags, HANDLE model),
     (path, rights, share, security, disposition, flags, model),
     (SetLastError(ERROR_TOO_MANY_OPEN_FILES), INVALID_HANDLE_VALUE))

WRAP(int, _open_osfhandle, (intptr_t handle, int flags), (handle, flags), (errno = EMFILE, -1))

WRAP(BOOL, ReadFile, (HANDLE file, void *buffer, DWORD bytes, DWORD *got, OVERLAPPED *at),
     (file, buffer, bytes, got, at), FALSE_WITH(ERROR_CRC))

WRAP(BOOL, WriteFile, (HANDLE file, const void *buffer, DWORD bytes, DWORD *put, OVERLAPPED *at),
     (file, buffer, bytes, put, at), FALSE_WITH(ERROR_DISK_FULL))

/* Closes the file nevertheless. */
WRAP(int, _close, (int file), (file), (__real___imp__close(file), errno = EIO, -1))

/* Both must fail for a renaming to fail. */
WRAP(BOOL, MoveFileExW, (const wchar_t *from, const wchar_t *to, DWORD flags), (from, to, flags),
     FALSE_WITH(ERROR_ACCESS_DENIED))
WRAP(BOOL, SetFileInformationByHandle,
     (HANDLE file, FILE_INFO_BY_HANDLE_CLASS kind, void *information, DWORD bytes),
     (file, kind, information, bytes), FALSE_WITH(ERROR_NOT_SUPPORTED))

WRAP(BOOL, CreateDirectoryW, (const wchar_t *path, SECURITY_ATTRIBUTES *security), (path, security),
     FALSE_WITH(ERROR_WRITE_PROTECT))

WRAP(HANDLE, FindFirstFileW, (const wchar_t *path, WIN32_FIND_DATAW *found), (path, found),
     (SetLastError(ERROR_CRC), INVALID_HANDLE_VALUE))
WRAP(BOOL, FindNextFileW, (HANDLE search, WIN32_FIND_DATAW *found), (search, found), FALSE_WITH(ERROR_CRC))

WRAP(DWORD, GetFileAttributesW, (const wchar_t *path), (path),
     (SetLastError(ERROR_ACCESS_DENIED), INVALID_FILE_ATTRIBUTES))
WRAP(BOOL, GetFileInformationByHandle, (HANDLE file, BY_HANDLE_FILE_INFORMATION *found), (file, found),
     FALSE_WITH(ERROR_CRC))
WRAP(DWORD, GetFinalPathNameByHandleW, (HANDLE file, wchar_t *path, DWORD room, DWORD flags),
     (file, path, room, flags), (SetLastError(ERROR_NOT_ENOUGH_MEMORY), 0))

WRAP(BOOL, LockFileEx, (HANDLE file, DWORD flags, DWORD reserved, DWORD low, DWORD high, OVERLAPPED *at),
     (file, flags, reserved, low, high, at), FALSE_WITH(ERROR_NOT_SUPPORTED))

WRAP(uintptr_t, _beginthreadex,
     (void *security, unsigned stack, unsigned(__stdcall *run)(void *), void *argument, unsigned flags,
      unsigned *id),
     (security, stack, run, argument, flags, id), (errno = EAGAIN, 0))

/* ---- runs --------------------------------------------------------------------------------- */

int __real_main(int argc, char **argv);
int __wrap_main(int argc, char **argv);

static void redirect(int to, const char *path)
{
    int file = _open(path, _O_CREAT | _O_TRUNC | _O_WRONLY | _O_BINARY, _S_IREAD | _S_IWRITE);
    _dup2(file, to);
    _close(file);
}

int __wrap_main(int argc, char **argv)
{
    char line[128], more[8];
    FILE *orders = _fdopen(_dup(0), "r"), *answers = _fdopen(_dup(1), "w");
    while (fgets(line, sizeof line, orders)) {
        redirect(1, "stdout");
        redirect(2, "stderr");
        for (struct calls *calls = all_calls; calls; calls = calls->next)
            calls->count = 0;
        fault.persistent = sscanf(line, "%63s %ld %7s", fault.name, &fault.nth, more) == 3;
        optind = 0; /* getopt starts again */
        int status = __real_main(argc, argv);
        fflush(NULL);
        fault.nth = 0;
        fprintf(answers, "%d", status);
        for (const struct calls *calls = all_calls; calls; calls = calls->next)
            fprintf(answers, " %s %ld", calls->name, calls->count);
        fprintf(answers, "\n");
        fflush(answers);
    }
    return 0;
}
