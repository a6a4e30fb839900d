/* machine_memory.c - see machine_memory.h. The files: proc(5), cgroups(7), and the kernel's sched-bwc.rst. */
#include "engine/base/machine_memory.h"
#include "engine/base/files.h"
#include "engine/base/memory.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { TEXT = 8192 };
static const size_t MARGIN = (size_t)64 << 20, STEP = (size_t)32 << 20;

static bool read_below(const char *root, const char *folder, const char *name, char *text, size_t room)
{
    char path[PATH_MAX];
    return snprintf(path, sizeof path, "%s%s/%s", root, folder, name) < (int)sizeof path &&
           file_read_start(path, text, room);
}

/* Parses a limit or a period; false for anything else, such as "max" or -1, and for a number too large. */
static bool parse_limit(const char *text, size_t *limit)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    *limit = (size_t)number;
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
    const char *line = read_below(root, "/proc", "meminfo", text, sizeof text) ? strstr(text, label) : NULL;
    unsigned long long kilobytes = line ? strtoull(line + strlen(label), NULL, 10) : 0;
    if (kilobytes && kilobytes < SIZE_MAX / 1024)
        lower_resident(memory, (size_t)kilobytes * 1024, "physical memory");
}

/* ---- control groups ---------------------------------------------------------------------- */

typedef void (*group_reader)(const char *root, const char *folder, void *limits);

/* Calls `reader` for a group and those above it, up to the folder that the hierarchy is mounted at. */
static void read_groups(const char *root, const char *mount, const char *group, group_reader reader,
                        void *limits)
{
    char folder[PATH_MAX];
    for (size_t length = strlen(group);; length--) {
        if (length && group[length] && group[length] != '/')
            continue;
        if (snprintf(folder, sizeof folder, "%s%.*s", mount, (int)length, group) < (int)sizeof folder)
            reader(root, folder, limits);
        if (!length)
            return;
    }
}

/* Whether `controller` is one of the names, separated by commas, from `names` to `end`. */
static bool has_name(const char *names, const char *end, const char *controller)
{
    size_t length = strlen(controller);
    for (const char *name = names; name < end; name += strcspn(name, ",:") + 1)
        if (strcspn(name, ",:") == length && strncmp(name, controller, length) == 0)
            return true;
    return false;
}

/* A line of /proc/self/cgroup: "0::/group" is of version 2, "4:memory:/group" of version 1. */
static void control_groups(const char *root, const char *controller, group_reader reader, void *limits)
{
    char text[TEXT], mount[64];
    if (!read_below(root, "/proc/self", "cgroup", text, sizeof text))
        return;
    snprintf(mount, sizeof mount, "/sys/fs/cgroup/%s", controller);
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));) {
        const char *names = strchr(line, ':'), *group = names ? strchr(names + 1, ':') : NULL;
        if (!group || group[1] != '/')
            continue;
        if (strncmp(line, "0::", 3) == 0) {
            read_groups(root, "/sys/fs/cgroup", group + 1, reader, limits);
            read_groups(root, "/sys/fs/cgroup/unified", group + 1, reader, limits);
        } else if (has_name(names + 1, group, controller)) {
            read_groups(root, mount, group + 1, reader, limits);
        }
    }
}

static void read_memory_limit(const char *root, const char *folder, void *memory)
{
    static const char *const files[] = {"memory.max", "memory.limit_in_bytes"}; /* versions 2 and 1 */
    char text[64];
    size_t bytes;
    for (int i = 0; i < 2; i++)
        if (read_below(root, folder, files[i], text, sizeof text) && parse_limit(text, &bytes))
            lower_resident(memory, bytes, "the control group's memory limit");
}

/* Version 2 has "QUOTA PERIOD" in one file, version 1 has two files. */
static void read_processor_quota(const char *root, const char *folder, void *least)
{
    char quota[64], period[64];
    size_t used, per, *processors = least;
    bool found = read_below(root, folder, "cpu.max", quota, sizeof quota)
                     ? sscanf(quota, "%*s %63s", period) == 1
                     : read_below(root, folder, "cpu.cfs_quota_us", quota, sizeof quota) &&
                           read_below(root, folder, "cpu.cfs_period_us", period, sizeof period);
    if (found && parse_limit(quota, &used) && parse_limit(period, &per) && per) {
        size_t rounded_up = used / per + (used % per > 0);
        *processors = rounded_up < *processors ? rounded_up : *processors;
    }
}

size_t machine_processors(const char *root)
{
    size_t processors = SIZE_MAX;
    control_groups(root, "cpu", read_processor_quota, &processors);
    return processors;
}

/* ---- resource limits --------------------------------------------------------------------- */

/* Bytes mapped outside limn's blocks, from field `index` of /proc/self/statm, which counts pages. */
static size_t others_mapped(const char *root, int index)
{
    char text[256], *next = text;
    unsigned long long pages = 0;
    if (read_below(root, "/proc/self", "statm", text, sizeof text))
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
    control_groups(root, "memory", read_memory_limit, &memory);
    resource(root, RLIMIT_AS, SIZE_PAGES, "the limit of address space (ulimit -v)", &memory);
    resource(root, RLIMIT_DATA, DATA_PAGES, "the limit of data (ulimit -d)", &memory);
    return memory;
}

bool machine_can_map(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return pages != MAP_FAILED && munmap(pages, bytes) == 0;
}

void machine_memory_limit(size_t bytes)
{
    mem_set_limit(bytes ? bytes : machine_memory("").bytes);
}
