/* system_windows.c - system.h for Windows 10 and later: files, folders, memory. Time and threads are in
 * system_windows_threads.c; the program, the terminal and the machine in system_windows_machine.c.
 *
 * Text is UTF-8 in limn and UTF-16 in every call of the system. A path is made absolute and gets the prefix
 * \\?\, which lifts the limit of 260 characters. Names of devices (NUL, CON, COM1) keep their meaning; with
 * an ending (nul.png) they are refused. */
#include "engine/base/system.h"
#include "engine/base/system_windows.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

/* ---- errors and text ---------------------------------------------------------------------- */

bool windows_failed(void)
{
    static const struct {
        DWORD error;
        int number;
    } table[] = {
        {ERROR_FILE_NOT_FOUND, ENOENT},
        {ERROR_PATH_NOT_FOUND, ENOENT},
        {ERROR_INVALID_DRIVE, ENOENT},
        {ERROR_BAD_NETPATH, ENOENT},
        {ERROR_BAD_NET_NAME, ENOENT},
        {ERROR_TOO_MANY_OPEN_FILES, EMFILE},
        {ERROR_ACCESS_DENIED, EACCES},
        {ERROR_SHARING_VIOLATION, EBUSY},
        {ERROR_LOCK_VIOLATION, EBUSY},
        {ERROR_WRITE_PROTECT, EROFS},
        {ERROR_INVALID_HANDLE, EBADF},
        {ERROR_NOT_ENOUGH_MEMORY, ENOMEM},
        {ERROR_OUTOFMEMORY, ENOMEM},
        {ERROR_COMMITMENT_LIMIT, ENOMEM},
        {ERROR_FILE_EXISTS, EEXIST},
        {ERROR_ALREADY_EXISTS, EEXIST},
        {ERROR_DISK_FULL, ENOSPC},
        {ERROR_HANDLE_DISK_FULL, ENOSPC},
        {ERROR_FILE_TOO_LARGE, EFBIG},
        {ERROR_BROKEN_PIPE, EPIPE},
        {ERROR_NO_DATA, EPIPE},
        {ERROR_PIPE_NOT_CONNECTED, EPIPE},
        {ERROR_FILENAME_EXCED_RANGE, ENAMETOOLONG},
        {ERROR_BUFFER_OVERFLOW, ENAMETOOLONG},
        {ERROR_INVALID_NAME, EILSEQ},
        {ERROR_INVALID_PARAMETER, EINVAL},
        {ERROR_DIRECTORY, ENOTDIR},
        {ERROR_NOT_SUPPORTED, ENOSYS},
    };
    DWORD error = GetLastError();
    errno = EIO;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].error == error)
            errno = table[i].number;
    return false;
}

const char *system_error(void)
{
    if (errno == EBUSY)
        return "it is open in another program";
    if (errno == EPERM)
        return "it is marked read-only";
    if (errno == EILSEQ)
        return "Windows allows no such name, and no file matches it";
    return strerror(errno);
}

bool windows_to_utf8(const wchar_t *wide, char *text, size_t room)
{
    return WideCharToMultiByte(CP_UTF8, 0, wide, -1, text, (int)room, NULL, NULL) > 0 || windows_failed();
}

/* Whether the system takes something other than a file for what looks like the name of one: nul.png or
 * aux.jpg for a device, photo.png:small for a stream of a file. */
static bool is_misread(const wchar_t *given, const wchar_t *full)
{
    bool is_device = wcsncmp(full, L"\\\\.\\", 4) == 0 && !wcschr(L"\\/", given[0]);
    return is_device ? wcschr(given, L'.') != NULL : full[0] != L'\\' && wcschr(full + 2, L':');
}

bool windows_widen(const char *path, wchar_t wide[WIDE_MAX])
{
    wchar_t given[WIDE_MAX], *name;
    if (!*path) {
        errno = ENOENT;
        return false;
    }
    if (!MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, given, WIDE_MAX)) {
        errno = GetLastError() == ERROR_INSUFFICIENT_BUFFER ? ENAMETOOLONG : EILSEQ;
        return false;
    }
    wchar_t full[WIDE_MAX];
    DWORD length = GetFullPathNameW(given, WIDE_MAX - 8, full, &name);
    if (!length)
        return windows_failed();
    if (length >= WIDE_MAX - 8) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (is_misread(given, full)) {
        errno = EILSEQ;
        return false;
    }
    if (full[0] != L'\\') /* C:\folder\file */
        wcscpy(wide, L"\\\\?\\"), wcscat(wide, full);
    else if (full[2] != L'.' && full[2] != L'?') /* \\server\share\file */
        wcscpy(wide, L"\\\\?\\UNC\\"), wcscat(wide, full + 2);
    else /* a device, or with the prefix */
        wcscpy(wide, full);
    return true;
}

bool windows_path(const wchar_t *wide, char path[SYSTEM_PATH_MAX])
{
    static const wchar_t prefix[] = L"\\\\?\\", server[] = L"\\\\?\\UNC\\";
    bool is_server = wcsncmp(wide, server, 8) == 0;
    if (is_server)
        wide += 6; /* leaves two characters, which become slashes */
    else if (wcsncmp(wide, prefix, 4) == 0)
        wide += 4;
    if (!windows_to_utf8(wide, path, SYSTEM_PATH_MAX))
        return false;
    if (is_server)
        path[0] = '/';
    for (char *next = path; *next; next++)
        if (*next == '\\')
            *next = '/';
    return true;
}

/* ---- files -------------------------------------------------------------------------------- */

static SRWLOCK changing_names = SRWLOCK_INIT;

void windows_stop_changing_names(void)
{
    AcquireSRWLockExclusive(&changing_names);
}

static HANDLE handle_of(int file)
{
    return (HANDLE)_get_osfhandle(file);
}

enum { SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE };

static HANDLE open_handle(const wchar_t *wide, enum system_access access)
{
    static const struct {
        DWORD rights, disposition, flags;
    } ways[] = {
        [SYSTEM_READ] = {GENERIC_READ, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL},
        [SYSTEM_READ_NOW] = {GENERIC_READ, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL},
        [SYSTEM_WRITE] = {GENERIC_WRITE, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL},
        [SYSTEM_CREATE] = {GENERIC_WRITE, CREATE_NEW, FILE_ATTRIBUTE_NORMAL},
        [SYSTEM_LOCK] = {GENERIC_WRITE, OPEN_EXISTING, FILE_FLAG_OPEN_REPARSE_POINT},
    };
    return CreateFileW(wide, ways[access].rights, SHARE_ALL, NULL, ways[access].disposition,
                       ways[access].flags, NULL);
}

static bool has_attribute(const wchar_t *wide, DWORD attribute)
{
    DWORD attributes = GetFileAttributesW(wide);
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & attribute);
}

int system_open(const char *path, enum system_access access)
{
    wchar_t wide[WIDE_MAX];
    if (!windows_widen(path, wide))
        return -1;
    if (access == SYSTEM_LOCK && has_attribute(wide, FILE_ATTRIBUTE_REPARSE_POINT)) {
        errno = ELOOP;
        return -1;
    }
    if (access == SYSTEM_CREATE)
        AcquireSRWLockExclusive(&changing_names);
    HANDLE handle = open_handle(wide, access);
    if (handle == INVALID_HANDLE_VALUE) {
        windows_failed();
        if (errno == EACCES && has_attribute(wide, FILE_ATTRIBUTE_DIRECTORY))
            errno = EISDIR;
    }
    if (access == SYSTEM_CREATE)
        ReleaseSRWLockExclusive(&changing_names);
    if (handle == INVALID_HANDLE_VALUE)
        return -1;
    int file = _open_osfhandle((intptr_t)handle, _O_BINARY | _O_NOINHERIT);
    if (file < 0)
        CloseHandle(handle);
    return file;
}

bool system_close(int file)
{
    return _close(file) == 0;
}

int system_duplicate(int file)
{
    HANDLE copy, self = GetCurrentProcess();
    if (!DuplicateHandle(self, handle_of(file), self, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS)) {
        windows_failed();
        return -1;
    }
    int number = _open_osfhandle((intptr_t)copy, _O_BINARY | _O_NOINHERIT);
    if (number < 0)
        CloseHandle(copy);
    return number;
}

/* A call transfers at most this many bytes; limits of pipes and consoles are lower. */
static DWORD portion(size_t bytes)
{
    enum { MOST = 1 << 24 };
    return bytes < MOST ? (DWORD)bytes : MOST;
}

/* The result of ReadFile. The end of a pipe is not an error. */
static ptrdiff_t bytes_read(BOOL done, DWORD bytes)
{
    DWORD error = done ? ERROR_SUCCESS : GetLastError();
    if (done)
        return (ptrdiff_t)bytes;
    if (error == ERROR_HANDLE_EOF || error == ERROR_BROKEN_PIPE)
        return 0;
    windows_failed();
    return -1;
}

ptrdiff_t system_read(int file, void *buffer, size_t bytes)
{
    DWORD got = 0;
    BOOL done = ReadFile(handle_of(file), buffer, portion(bytes), &got, NULL);
    return bytes_read(done, got);
}

ptrdiff_t system_read_at(int file, uint64_t offset, void *buffer, size_t bytes)
{
    DWORD got = 0;
    OVERLAPPED at = {.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
    BOOL done = ReadFile(handle_of(file), buffer, portion(bytes), &got, &at);
    return bytes_read(done, got);
}

ptrdiff_t system_write(int file, const void *bytes, size_t size)
{
    DWORD put = 0;
    if (WriteFile(handle_of(file), bytes, portion(size), &put, NULL))
        return (ptrdiff_t)put;
    windows_failed();
    return -1;
}

enum system_lock system_lock(int file)
{
    /* Locks forbid others to read and write; a byte behind every possible content hinders nobody. */
    OVERLAPPED at = {.Offset = 0, .OffsetHigh = 0x7fffffff};
    if (LockFileEx(handle_of(file), LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at))
        return SYSTEM_LOCKED;
    DWORD error = GetLastError();
    return error == ERROR_LOCK_VIOLATION || error == ERROR_IO_PENDING ? SYSTEM_LOCKED_BEFORE
                                                                      : SYSTEM_NO_LOCKS;
}

static struct timespec time_of(FILETIME stamp)
{
    const int64_t epoch = INT64_C(116444736000000000); /* 1970, in steps of 100 ns since 1601 */
    int64_t steps = (int64_t)((uint64_t)stamp.dwHighDateTime << 32 | stamp.dwLowDateTime) - epoch;
    return (struct timespec){.tv_sec = (time_t)(steps / 10000000), .tv_nsec = (long)(steps % 10000000 * 100)};
}

static bool status_of(HANDLE handle, struct system_status *status)
{
    BY_HANDLE_FILE_INFORMATION found;
    FILE_STANDARD_INFO standard;
    DWORD type = GetFileType(handle);
    if (type == FILE_TYPE_UNKNOWN)
        return windows_failed();
    *status = (struct system_status){.type = SYSTEM_DEVICE};
    if (type != FILE_TYPE_DISK)
        return true;
    if (!GetFileInformationByHandle(handle, &found) ||
        !GetFileInformationByHandleEx(handle, FileStandardInfo, &standard, sizeof standard))
        return windows_failed();
    bool folder = found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY;
    status->type = folder ? SYSTEM_FOLDER : SYSTEM_FILE;
    status->on_disk = !folder && standard.EndOfFile.QuadPart > 0;
    status->removed = standard.DeletePending || !standard.NumberOfLinks;
    status->size = standard.EndOfFile.QuadPart;
    status->modified = time_of(found.ftLastWriteTime);
    status->volume = found.dwVolumeSerialNumber;
    status->number = (uint64_t)found.nFileIndexHigh << 32 | found.nFileIndexLow;
    return true;
}

/* Opens a file or a folder to ask about it. INVALID_HANDLE_VALUE with errno on failure. */
static HANDLE open_to_ask(const char *path, DWORD rights)
{
    wchar_t wide[WIDE_MAX];
    if (!windows_widen(path, wide))
        return INVALID_HANDLE_VALUE;
    HANDLE handle =
        CreateFileW(wide, rights, SHARE_ALL, NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
    if (handle == INVALID_HANDLE_VALUE)
        windows_failed();
    return handle;
}

bool system_status(const char *path, struct system_status *status)
{
    HANDLE handle = open_to_ask(path, FILE_READ_ATTRIBUTES);
    if (handle == INVALID_HANDLE_VALUE)
        return false;
    bool known = status_of(handle, status);
    CloseHandle(handle);
    return known;
}

bool system_file_status(int file, struct system_status *status)
{
    return status_of(handle_of(file), status);
}

struct timespec system_file_clock(void)
{
    FILETIME now;
    GetSystemTimeAsFileTime(&now);
    return time_of(now);
}

void system_set_permissions(int file, unsigned permissions)
{
    (void)file, (void)permissions; /* a new file inherits those of its folder */
}

bool system_exists(const char *path)
{
    struct system_status status;
    return system_status(path, &status);
}

bool system_may_read(const char *path)
{
    HANDLE handle = open_to_ask(path, GENERIC_READ);
    if (handle == INVALID_HANDLE_VALUE)
        return errno != EACCES;
    CloseHandle(handle);
    return true;
}

bool system_is_link(const char *path)
{
    wchar_t wide[WIDE_MAX];
    return windows_widen(path, wide) && has_attribute(wide, FILE_ATTRIBUTE_REPARSE_POINT);
}

bool system_real_path(const char *path, char real[SYSTEM_PATH_MAX])
{
    wchar_t wide[WIDE_MAX];
    HANDLE handle = open_to_ask(path, FILE_READ_ATTRIBUTES);
    if (handle == INVALID_HANDLE_VALUE)
        return false;
    DWORD length = GetFinalPathNameByHandleW(handle, wide, WIDE_MAX, FILE_NAME_NORMALIZED | VOLUME_NAME_DOS);
    CloseHandle(handle);
    if (!length)
        return windows_failed();
    if (length >= WIDE_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    return windows_path(wide, real);
}

/* Replaces `to` even while it is open, if those who opened it share it so far (FILE_SHARE_DELETE): they keep
 * the old file. Since Windows 10 1607, on NTFS; false elsewhere. */
static bool replace_open_file(const wchar_t *from, const wchar_t *to)
{
    enum { RENAME_INFO_EX = 22 }; /* FileRenameInfoEx, which mingw's headers hide */
    union {
        FILE_RENAME_INFO info;
        char room[sizeof(FILE_RENAME_INFO) + WIDE_MAX * sizeof *to];
    } rename = {.info.FileNameLength = (DWORD)(wcslen(to) * sizeof *to)};
    HANDLE file =
        CreateFileW(from, DELETE, SHARE_ALL, NULL, OPEN_EXISTING, FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return false;
    rename.info.Flags = FILE_RENAME_FLAG_REPLACE_IF_EXISTS | FILE_RENAME_FLAG_POSIX_SEMANTICS;
    wcscpy(rename.info.FileName, to);
    bool done =
        SetFileInformationByHandle(file, (FILE_INFO_BY_HANDLE_CLASS)RENAME_INFO_EX, &rename, sizeof rename);
    CloseHandle(file);
    return done;
}

/* MoveFileExW denies access for every reason: sets errno to what is wrong with the file that is in the way.
 */
static void explain_denied(const wchar_t *to)
{
    if (has_attribute(to, FILE_ATTRIBUTE_READONLY)) {
        errno = EPERM;
        return;
    }
    HANDLE file = CreateFileW(to, DELETE, 0, NULL, OPEN_EXISTING, 0, NULL);
    if (file != INVALID_HANDLE_VALUE)
        CloseHandle(file);
    else if (GetLastError() == ERROR_SHARING_VIOLATION)
        errno = EBUSY;
}

bool system_rename(const char *from, const char *to, bool replace)
{
    wchar_t wide_from[WIDE_MAX], wide_to[WIDE_MAX];
    if (!windows_widen(from, wide_from) || !windows_widen(to, wide_to))
        return false;
    AcquireSRWLockExclusive(&changing_names);
    bool done = (replace && replace_open_file(wide_from, wide_to)) ||
                MoveFileExW(wide_from, wide_to, replace ? MOVEFILE_REPLACE_EXISTING : 0) || windows_failed();
    if (!done && errno == EACCES)
        explain_denied(wide_to);
    ReleaseSRWLockExclusive(&changing_names);
    return done;
}

bool system_remove(const char *path)
{
    wchar_t wide[WIDE_MAX];
    return windows_widen(path, wide) && (DeleteFileW(wide) || windows_failed());
}

/* ---- paths -------------------------------------------------------------------------------- */

static bool is_separator(char letter)
{
    return letter == '/' || letter == '\\';
}

/* The length of "C:", or 0. */
static size_t drive_length(const char *path)
{
    char letter = (char)(path[0] | 32);
    return letter >= 'a' && letter <= 'z' && path[1] == ':' ? 2 : 0;
}

const char *system_path_name(const char *path)
{
    const char *name = path + drive_length(path);
    for (const char *next = name; *next; next++)
        if (is_separator(*next))
            name = next + 1;
    return name;
}

int system_path_compare(const char *a, const char *b)
{
    wchar_t wide_a[WIDE_MAX], wide_b[WIDE_MAX];
    if (!MultiByteToWideChar(CP_UTF8, 0, a, -1, wide_a, WIDE_MAX) ||
        !MultiByteToWideChar(CP_UTF8, 0, b, -1, wide_b, WIDE_MAX))
        return strcmp(a, b);
    return CompareStringOrdinal(wide_a, -1, wide_b, -1, TRUE) - CSTR_EQUAL;
}

size_t system_path_trimmed(const char *path)
{
    size_t length = strlen(path), root = drive_length(path) + 1;
    while (length > root && is_separator(path[length - 1]))
        length--;
    return length;
}

/* ---- folders ------------------------------------------------------------------------------ */

struct system_folder {
    HANDLE search;
    bool first; /* `found` has an entry that was not returned yet */
    WIN32_FIND_DATAW found;
    char name[3 * MAX_PATH];
};

struct system_folder *system_folder_open(const char *path)
{
    wchar_t wide[WIDE_MAX];
    if (!windows_widen(path, wide))
        return NULL;
    size_t length = wcslen(wide);
    if (length + 3 > WIDE_MAX) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    wcscpy(wide + length, wide[length - 1] == L'\\' ? L"*" : L"\\*");
    struct system_folder *folder = malloc(sizeof *folder);
    if (!folder)
        return NULL;
    folder->first = true;
    folder->search = FindFirstFileW(wide, &folder->found);
    if (folder->search == INVALID_HANDLE_VALUE) {
        windows_failed();
        free(folder);
        return NULL;
    }
    return folder;
}

void system_folder_close(struct system_folder *folder)
{
    FindClose(folder->search);
    free(folder);
}

const char *system_folder_next(struct system_folder *folder)
{
    if (!folder->first && !FindNextFileW(folder->search, &folder->found)) {
        if (GetLastError() == ERROR_NO_MORE_FILES)
            errno = 0;
        else
            windows_failed();
        return NULL;
    }
    folder->first = false;
    return windows_to_utf8(folder->found.cFileName, folder->name, sizeof folder->name) ? folder->name : NULL;
}

bool system_folder_create(const char *path)
{
    wchar_t wide[WIDE_MAX];
    return windows_widen(path, wide) && (CreateDirectoryW(wide, NULL) || windows_failed());
}

/* ---- memory ------------------------------------------------------------------------------- */

void *system_allocate(size_t alignment, size_t bytes)
{
    return _aligned_malloc(bytes, alignment);
}

void system_release(void *block)
{
    _aligned_free(block);
}
