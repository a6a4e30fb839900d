/* system_windows.h - what the files of system.h for Windows share. */
#ifndef LIMN_SYSTEM_WINDOWS_H
#define LIMN_SYSTEM_WINDOWS_H

#include "engine/base/system.h"

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

/* Characters of a path in UTF-16: those of SYSTEM_PATH_MAX bytes of UTF-8, and the prefix. */
enum { WIDE_MAX = SYSTEM_PATH_MAX + 16 };

/* Sets errno from GetLastError. Returns false. */
bool windows_failed(void);

/* UTF-16 to UTF-8, both with the zero at the end; `room` in bytes. A half of a surrogate pair becomes U+FFFD.
 */
bool windows_to_utf8(const wchar_t *wide, char *text, size_t room);

/* The path for the system: absolute, with the prefix for long paths. False with errno. */
bool windows_widen(const char *path, wchar_t wide[WIDE_MAX]);

/* The arguments of the program: see system_begin. NULL without memory. */
char **windows_arguments(int *count);

/* The path as limn writes it: UTF-8, slashes, without the prefix for long paths. */
bool windows_path(const wchar_t *wide, char path[SYSTEM_PATH_MAX]);

/* Makes every later creation and renaming of a file wait forever: the process is about to end. */
void windows_stop_changing_names(void);

#endif
