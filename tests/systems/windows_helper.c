/* windows_helper.c - what the tests of limn.exe need of Windows besides limn.exe:
 *
 *   windows_helper hold PATH SHARE   opens PATH with that share mode, prints "open", closes it at the end of
 * input windows_helper start             runs the command line in standard input (UTF-8, half a surrogate
 * pair for every byte 1) and ends with its exit code */
#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>
#include <windows.h>

static int hold(const wchar_t *path, DWORD share)
{
    HANDLE file = CreateFileW(path, GENERIC_READ, share, NULL, OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return 1;
    puts("open");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    CloseHandle(file);
    return 0;
}

static int start(void)
{
    enum { MOST = 1 << 16 };
    static char text[MOST];
    static wchar_t line[MOST];
    STARTUPINFOW how = {.cb = sizeof how};
    PROCESS_INFORMATION process;
    DWORD code = 0;
    _setmode(0, _O_BINARY);
    int length = (int)fread(text, 1, sizeof text - 1, stdin);
    MultiByteToWideChar(CP_UTF8, 0, text, length, line, MOST - 1);
    for (wchar_t *at = line; (at = wcschr(at, 1)); at++)
        *at = 0xD800;
    if (!CreateProcessW(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &how, &process))
        return 125;
    WaitForSingleObject(process.hProcess, INFINITE);
    GetExitCodeProcess(process.hProcess, &code);
    return (int)code;
}

int wmain(int argc, wchar_t **argv)
{
    if (argc == 4 && wcscmp(argv[1], L"hold") == 0)
        return hold(argv[2], (DWORD)_wtoi(argv[3]));
    return argc == 2 && wcscmp(argv[1], L"start") == 0 ? start() : 126;
}
