/* machine_memory.c - see machine_memory.h. The files: proc(5), cgroups(7). */
#include "engine/base/machine_memory.h"
#include "engine/base/files.h"
#include "engine/base/memory.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { TEXT = 8192 };
static const size_t MARGIN = (size_t)64 << 20, STEP = (size_t)32 << 20;

static bool read_below(const char *root, const char *name, char *text, size_t room)
{
    char path[PATH_MAX];
    return snprintf(path, sizeof path, "%s%s", root, name) < (int)sizeof path &&
           file_read_start(path, text, room);
}

/* Parses a number of bytes; false for anything else, such as "max", and for a number too large to be a limit.
 */
static bool parse_limit(const char *text, size_t *bytes)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    *bytes = (size_t)number;
    return end != text && *text >= '0' && *text <= '9' && !errno && number < SIZE_MAX;
}

/* ---- bounds ------------------------------------------------------------------------------ */

static void lower(struct machine_memory *memory, size_t bytes, const char *bound)
{
    if (bytes < memory->bytes)
        *memory = (struct machine_memory){bytes, bound};
}

/* Subtracts a margin of at most half. Never returns 0, which would mean no limit. */
static size_t less(size_t bytes, size_t margin)
{
    size_t most = bytes / 2;
    bytes -= margin < most ? margin : most;
    return bytes ? bytes : 1;
}

static void lower_resident(struct machine_memory *memory, size_t bytes, const char *bound)
{
    lower(memory, less(bytes, bytes / 16 > MARGIN ? bytes / 16 : MARGIN), bound);
}

static void physical(const char *root, struct machine_memory *memory)
{
    char text[TEXT];
    static const char label[] = "MemTotal:";
    const char *line = read_below(root, "/proc/meminfo", text, sizeof text) ? strstr(text, label) : NULL;
    unsigned long long kilobytes = line ? strtoull(line + strlen(label), NULL, 10) : 0;
    if (kilobytes && kilobytes < SIZE_MAX / 1024)
        lower_resident(memory, (size_t)kilobytes * 1024, "physical memory");
}

/* ---- control groups ---------------------------------------------------------------------- */

/* The limits of a group and of those above it, up to the folder that the hierarchy is mounted at. */
static void group_limits(const char *root, const char *mount, const char *group, const char *file,
                         struct machine_memory *memory)
{
    char name[PATH_MAX], text[64];
    for (size_t length = strlen(group);; length--) {
        size_t bytes;
        if (length && group[length] && group[length] != '/')
            continue;
        if (snprintf(name, sizeof name, "%s%.*s/%s", mount, (int)length, group, file) < (int)sizeof name &&
            read_below(root, name, text, sizeof text) && parse_limit(text, &bytes))
            lower_resident(memory, bytes, "the control group's memory limit");
        if (!length)
            return;
    }
}

/* Whether "memory" is one of the names, separated by commas, from `names` to `end`. */
static bool has_memory(const char *names, const char *end)
{
    for (const char *name = names; name < end; name += strcspn(name, ",:") + 1)
        if (strcspn(name, ",:") == 6 && strncmp(name, "memory", 6) == 0)
            return true;
    return false;
}

/* A line of /proc/self/cgroup: "0::/group" is of version 2, "4:memory:/group" of version 1. */
static void control_groups(const char *root, struct machine_memory *memory)
{
    char text[TEXT];
    if (!read_below(root, "/proc/self/cgroup", text, sizeof text))
        return;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));) {
        const char *names = strchr(line, ':'), *group = names ? strchr(names + 1, ':') : NULL;
        if (!group || group[1] != '/')
            continue;
        if (strncmp(line, "0::", 3) == 0) {
            group_limits(root, "/sys/fs/cgroup", group + 1, "memory.max", memory);
            group_limits(root, "/sys/fs/cgroup/unified", group + 1, "memory.max", memory);
        } else if (has_memory(names + 1, group)) {
            group_limits(root, "/sys/fs/cgroup/memory", group + 1, "memory.limit_in_bytes", memory);
        }
    }
}

/* ---- resource limits --------------------------------------------------------------------- */

/* Bytes mapped outside limn's blocks, from field `index` of /proc/self/statm, which counts pages. */
static size_t others_mapped(const char *root, int index)
{
    char text[256], *next = text;
    unsigned long long pages = 0;
    if (read_below(root, "/proc/self/statm", text, sizeof text))
        for (int i = 0; i <= index; i++)
            pages = strtoull(next, &next, 10);
    size_t mapped = (size_t)pages * (size_t)sysconf(_SC_PAGESIZE), own = mem_in_use();
    return mapped > own ? (mapped - own + STEP - 1) / STEP * STEP : 0;
}

static void resource(const char *root, unsigned which, int statm, const char *bound,
                     struct machine_memory *memory)
{
    struct rlimit limit;
    if (getrlimit(which, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return;
    size_t bytes = (size_t)limit.rlim_cur, mapped = others_mapped(root, statm);
    lower(memory, less(bytes > mapped ? bytes - mapped : 0, 2 * MARGIN), bound);
}

/* ---- all --------------------------------------------------------------------------------- */

struct machine_memory machine_memory(const char *root)
{
    enum { SIZE_PAGES = 0, DATA_PAGES = 5 }; /* of statm */
    struct machine_memory memory = {SIZE_MAX, "nothing"};
    physical(root, &memory);
    control_groups(root, &memory);
    resource(root, RLIMIT_AS, SIZE_PAGES, "the limit of address space (ulimit -v)", &memory);
    resource(root, RLIMIT_DATA, DATA_PAGES, "the limit of data (ulimit -d)", &memory);
    return memory;
}

void machine_memory_limit(size_t bytes)
{
    mem_set_limit(bytes ? bytes : machine_memory("").bytes);
}
