/* system_windows_machine.c - system.h for Windows: the program, the terminal, the machine. */
#include "engine/base/system.h"
#include "engine/base/system_windows.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include <psapi.h>

/* ---- the program -------------------------------------------------------------------------- */

/* Text on the console is UTF-8, and escape sequences work, until the program ends. */
static struct {
    UINT page;
    DWORD modes[3];
    bool changed[3];
} console;

static void restore_console(void)
{
    for (int i = SYSTEM_STDOUT; i <= SYSTEM_STDERR; i++)
        if (console.changed[i])
            SetConsoleMode((HANDLE)_get_osfhandle(i), console.modes[i]);
    if (console.page)
        SetConsoleOutputCP(console.page);
}

static void prepare_console(void)
{
    console.page = GetConsoleOutputCP(); /* 0 without a console */
    if (console.page)
        SetConsoleOutputCP(CP_UTF8);
    for (int i = SYSTEM_STDOUT; i <= SYSTEM_STDERR; i++) {
        HANDLE handle = (HANDLE)_get_osfhandle(i);
        console.changed[i] = GetConsoleMode(handle, &console.modes[i]) &&
                             SetConsoleMode(handle, console.modes[i] | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
    }
    atexit(restore_console);
}

/* The streams are binary: a picture passes through a pipe as it is. */
static void prepare_streams(void)
{
    for (int i = SYSTEM_STDIN; i <= SYSTEM_STDERR; i++) {
        intptr_t handle = _get_osfhandle(i);
        if (handle == -1 || handle == -2) { /* closed, or without a console */
            int placeholder = _open("NUL", i == SYSTEM_STDIN ? _O_WRONLY : _O_RDONLY);
            if (placeholder >= 0 && placeholder != i) {
                _dup2(placeholder, i);
                _close(placeholder);
            }
        }
        _setmode(i, _O_BINARY);
    }
}

char **system_begin(int *argc, char **argv)
{
    int count;
    prepare_streams();
    prepare_console();
    char **arguments = windows_arguments(&count);
    if (!arguments)
        return argv;
    *argc = count;
    return arguments;
}

static void (*clean_up_at_end)(void);

/* The system runs it on a thread of its own. Ends the process with the code of the system's own handler. */
static BOOL WINAPI handle_end(DWORD event)
{
    (void)event;
    windows_stop_changing_names();
    clean_up_at_end();
    restore_console();
    ExitProcess((UINT)STATUS_CONTROL_C_EXIT);
}

void system_on_end(void (*clean_up)(void))
{
    clean_up_at_end = clean_up;
    SetConsoleCtrlHandler(handle_end, TRUE);
}

long system_process(void)
{
    return (long)GetCurrentProcessId();
}

bool system_environment(const char *name, char *text, size_t room)
{
    wchar_t wide_name[64];
    if (!MultiByteToWideChar(CP_UTF8, 0, name, -1, wide_name, 64))
        return false;
    const wchar_t *value = _wgetenv(wide_name);
    return value && windows_to_utf8(value, text, room);
}

static bool module_path(HMODULE module, char path[SYSTEM_PATH_MAX])
{
    wchar_t wide[WIDE_MAX];
    DWORD length = GetModuleFileNameW(module, wide, WIDE_MAX);
    return length && length < WIDE_MAX && windows_path(wide, path);
}

bool system_program_path(char path[SYSTEM_PATH_MAX])
{
    return module_path(NULL, path);
}

bool system_library_path(char path[SYSTEM_PATH_MAX])
{
    static const wchar_t inside;
    HMODULE library;
    return GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS |
                                  GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                              &inside, &library) &&
           library != GetModuleHandleW(NULL) && module_path(library, path);
}

/* ---- the terminal ------------------------------------------------------------------------- */

bool system_is_terminal(int file)
{
    DWORD mode;
    return GetConsoleMode((HANDLE)_get_osfhandle(file), &mode);
}

int system_terminal_columns(void)
{
    CONSOLE_SCREEN_BUFFER_INFO info;
    return GetConsoleScreenBufferInfo((HANDLE)_get_osfhandle(SYSTEM_STDERR), &info)
               ? info.srWindow.Right - info.srWindow.Left + 1
               : 0;
}

/* ---- the machine -------------------------------------------------------------------------- */

size_t system_page_size(void)
{
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info.dwPageSize;
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
    void *pages = VirtualAlloc(NULL, bytes, MEM_RESERVE, PAGE_NOACCESS);
    return pages && VirtualFree(pages, 0, MEM_RELEASE);
}

size_t system_peak_resident(void)
{
    PROCESS_MEMORY_COUNTERS counters;
    return GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters) ? counters.PeakWorkingSetSize
                                                                                 : 0;
}

/* `root` is for the files of other systems. */
void system_memory_bounds(const char *root,
                          void (*take)(void *context, const struct system_memory_bound *bound), void *context)
{
    MEMORYSTATUSEX memory = {.dwLength = sizeof memory};
    if (!*root && GlobalMemoryStatusEx(&memory))
        take(context, &(struct system_memory_bound){.name = "physical memory", .bytes = memory.ullTotalPhys});
}

size_t system_processor_quota(const char *root)
{
    (void)root;
    return SIZE_MAX;
}

const char *system_permit_tiles(void)
{
    return "limn cannot ask this system for them";
}

/* Counts the cores of one processor group, of at most 64 logical processors, of which any is allowed. */
int system_cores(void)
{
    SYSTEM_LOGICAL_PROCESSOR_INFORMATION entries[512];
    DWORD_PTR allowed, all;
    DWORD bytes = sizeof entries;
    int cores = 0;
    if (GetProcessAffinityMask(GetCurrentProcess(), &allowed, &all) &&
        GetLogicalProcessorInformation(entries, &bytes))
        for (size_t i = 0; i < bytes / sizeof *entries; i++)
            cores += entries[i].Relationship == RelationProcessorCore && (entries[i].ProcessorMask & allowed);
    return cores > 0 ? cores : 1;
}

bool system_cpu_name(char *name, size_t room)
{
    wchar_t wide[256];
    char text[3 * 256];
    DWORD bytes = sizeof wide;
    if (RegGetValueW(HKEY_LOCAL_MACHINE, L"HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0",
                     L"ProcessorNameString", RRF_RT_REG_SZ, NULL, wide, &bytes) != ERROR_SUCCESS ||
        !windows_to_utf8(wide, text, sizeof text))
        return false;
    snprintf(name, room, "%s", text);
    return true;
}
