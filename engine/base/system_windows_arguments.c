/* system_windows_arguments.c - the program's arguments for system_begin: as UTF-8, with names in the place of
 * wildcards, which the shells of Windows leave to the program. */
#include "engine/base/system.h"
#include "engine/base/system_windows.h"

#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include <shellapi.h>

/* The arguments live as long as the program. */
struct arguments {
    char **list; /* a NULL follows the last */
    int count, room;
};

/* Appends the text, after the first `kept` bytes of `before`. */
static bool append(struct arguments *all, const char *before, size_t kept, const wchar_t *wide)
{
    int bytes = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
    char *text = bytes > 0 ? malloc(kept + (size_t)bytes) : NULL;
    if (all->count + 1 >= all->room) {
        int room = 2 * all->room + 16;
        char **grown = realloc(all->list, (size_t)room * sizeof *grown);
        if (grown)
            all->list = grown, all->room = room;
    }
    if (!text || all->count + 1 >= all->room || !windows_to_utf8(wide, text + kept, (size_t)bytes))
        return false;
    memcpy(text, before, kept);
    all->list[all->count++] = text;
    all->list[all->count] = NULL;
    return true;
}

/* ---- wildcards ---------------------------------------------------------------------------- */

/* '*' stands for any characters and '?' for one; case is ignored. FindFirstFileW also compares short names:
 * for it, *.jpg matches photo.jpg_original. */
static bool matches(const wchar_t *pattern, const wchar_t *name)
{
    for (; *pattern && *pattern != L'*'; pattern++, name++)
        if (!*name || (*pattern != L'?' && CompareStringOrdinal(pattern, 1, name, 1, TRUE) != CSTR_EQUAL))
            return false;
    if (!*pattern)
        return !*name;
    while (!matches(pattern + 1, name))
        if (!*name++)
            return false;
    return true;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Appends the names that the last name of the path matches; the path itself if there are none. As in other
 * shells, names that begin with a dot are left out. */
static bool append_matches(struct arguments *all, const wchar_t *path)
{
    char text[SYSTEM_PATH_MAX];
    wchar_t wide[WIDE_MAX];
    WIN32_FIND_DATAW found;
    int before = all->count;
    bool done = true;
    const wchar_t *pattern = path;
    for (const wchar_t *next = path; *next; next++)
        if (wcschr(L"\\/:", *next))
            pattern = next + 1;
    bool fits =
        wcspbrk(pattern, L"*?") && windows_to_utf8(path, text, sizeof text) && windows_widen(text, wide);
    HANDLE search = fits ? FindFirstFileW(wide, &found) : INVALID_HANDLE_VALUE;
    if (search != INVALID_HANDLE_VALUE) {
        size_t folder = (size_t)(system_path_name(text) - text);
        do
            if (found.cFileName[0] != L'.' && matches(pattern, found.cFileName))
                done = append(all, text, folder, found.cFileName);
        while (done && FindNextFileW(search, &found));
        FindClose(search);
        qsort(all->list + before, (size_t)(all->count - before), sizeof *all->list, compare);
    }
    return done && (all->count > before || append(all, "", 0, path));
}

/* Moves past an argument of the command line and the blanks after it, by the rules of CommandLineToArgvW.
 * Returns whether it has quotes. */
static bool skip_argument(const wchar_t **line)
{
    bool inside = false, quoted = false;
    const wchar_t *at = *line;
    for (; *at && (inside || (*at != L' ' && *at != L'\t')); at++) {
        if (*at == L'\\' && (at[1] == L'\\' || at[1] == L'"'))
            at++; /* \\ or \" */
        else if (*at == L'"')
            inside = !inside, quoted = true;
    }
    *line = at + wcsspn(at, L" \t");
    return quoted;
}

char **windows_arguments(int *count)
{
    struct arguments all = {0};
    int words;
    const wchar_t *line = GetCommandLineW();
    wchar_t **wide = CommandLineToArgvW(line, &words);
    bool done = wide != NULL;
    for (int i = 0; done && i < words; i++)
        done = skip_argument(&line) || i == 0 ? append(&all, "", 0, wide[i]) : append_matches(&all, wide[i]);
    LocalFree(wide);
    *count = all.count;
    return done ? all.list : NULL;
}
