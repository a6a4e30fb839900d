/* system_posix_machine.c - system.h for Linux and macOS: memory, processors, pages. The files of Linux:
 * proc(5), cgroups(7), and the kernel's sched-bwc.rst; on macOS they do not exist. */
#include "engine/base/files.h"
#include "engine/base/system.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __APPLE__
#include <sys/sysctl.h>
#else
#include <sys/syscall.h>
#endif

enum { TEXT = 8192 };

size_t system_page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

void system_prefer_huge_pages(void *pages, size_t bytes)
{
#ifdef __APPLE__
    (void)pages, (void)bytes;
#else
    (void)madvise(pages, bytes, MADV_HUGEPAGE);
#endif
}

void system_populate(void *pages, size_t bytes)
{
#ifdef __APPLE__
    (void)pages, (void)bytes;
#else
    enum { POPULATE_WRITE = 23 }; /* of Linux; musl 1.2.3 has no name for it */
    (void)madvise(pages, bytes, POPULATE_WRITE);
#endif
}

bool system_can_map(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return pages != MAP_FAILED && munmap(pages, bytes) == 0;
}

size_t system_peak_resident(void)
{
    /* Not getrusage: its figure includes the peak of the process that started this one. */
    char line[128];
    unsigned long kilobytes = 0;
    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof line, status))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kilobytes = strtoul(line + 6, NULL, 10);
    if (status)
        fclose(status);
    struct rusage usage;
    if (!kilobytes && getrusage(RUSAGE_SELF, &usage) == 0) /* no /proc */
#ifdef __APPLE__
        kilobytes = (unsigned long)usage.ru_maxrss / 1024;
#else
        kilobytes = (unsigned long)usage.ru_maxrss;
#endif
    return (size_t)kilobytes * 1024;
}

/* ---- files with limits -------------------------------------------------------------------- */

static bool read_below(const char *root, const char *folder, const char *name, char *text, size_t room)
{
    char path[SYSTEM_PATH_MAX];
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

/* A caller that receives the limits of memory. */
struct taker {
    void (*take)(void *context, const struct system_memory_bound *bound);
    void *context;
};

static void take_resident(const struct taker *taker, size_t bytes, const char *name)
{
    taker->take(taker->context, &(struct system_memory_bound){.name = name, .bytes = bytes});
}

#ifdef __APPLE__

static void physical(const char *root, const struct taker *taker)
{
    uint64_t bytes = 0;
    size_t size = sizeof bytes;
    if (!*root && sysctlbyname("hw.memsize", &bytes, &size, NULL, 0) == 0 && bytes)
        take_resident(taker, (size_t)bytes, "physical memory");
}

#else

static void physical(const char *root, const struct taker *taker)
{
    char text[TEXT];
    static const char label[] = "MemTotal:";
    const char *line = read_below(root, "/proc", "meminfo", text, sizeof text) ? strstr(text, label) : NULL;
    unsigned long long kilobytes = line ? strtoull(line + strlen(label), NULL, 10) : 0;
    if (kilobytes && kilobytes < SIZE_MAX / 1024)
        take_resident(taker, (size_t)kilobytes * 1024, "physical memory");
}

#endif

/* ---- control groups ---------------------------------------------------------------------- */

typedef void (*group_reader)(const char *root, const char *folder, void *limits);

/* Calls `reader` for a group and those above it, up to the folder that the hierarchy is mounted at. */
static void read_groups(const char *root, const char *mount, const char *group, group_reader reader,
                        void *limits)
{
    char folder[SYSTEM_PATH_MAX];
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

static void read_memory_limit(const char *root, const char *folder, void *taker)
{
    static const char *const files[] = {"memory.max", "memory.limit_in_bytes"}; /* versions 2 and 1 */
    char text[64];
    size_t bytes;
    for (int i = 0; i < 2; i++)
        if (read_below(root, folder, files[i], text, sizeof text) && parse_limit(text, &bytes))
            take_resident(taker, bytes, "the control group's memory limit");
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

size_t system_processor_quota(const char *root)
{
    size_t processors = SIZE_MAX;
    control_groups(root, "cpu", read_processor_quota, &processors);
    return processors;
}

/* ---- resource limits --------------------------------------------------------------------- */

/* Field `index` of /proc/self/statm, which counts pages, in bytes. */
static size_t mapped_bytes(const char *root, int index)
{
    char text[256], *next = text;
    unsigned long long pages = 0;
    if (read_below(root, "/proc/self", "statm", text, sizeof text))
        for (int i = 0; i <= index; i++)
            pages = strtoull(next, &next, 10);
    return (size_t)pages * system_page_size();
}

static void resource(const char *root, const struct rlimit *limit, int statm, const char *name,
                     const struct taker *taker)
{
    if (limit->rlim_cur == RLIM_INFINITY || limit->rlim_cur >= SIZE_MAX)
        return;
    taker->take(taker->context, &(struct system_memory_bound){.name = name,
                                                              .bytes = (size_t)limit->rlim_cur,
                                                              .is_address_space = true,
                                                              .mapped = mapped_bytes(root, statm)});
}

void system_memory_bounds(const char *root,
                          void (*take)(void *context, const struct system_memory_bound *bound), void *context)
{
    enum { SIZE_PAGES = 0, DATA_PAGES = 5 }; /* of statm */
    struct taker taker = {take, context};
    struct rlimit space, data;
    physical(root, &taker);
    control_groups(root, "memory", read_memory_limit, &taker);
    if (getrlimit(RLIMIT_AS, &space) == 0)
        resource(root, &space, SIZE_PAGES, "the limit of address space (ulimit -v)", &taker);
    if (getrlimit(RLIMIT_DATA, &data) == 0)
        resource(root, &data, DATA_PAGES, "the limit of data (ulimit -d)", &taker);
}

/* ---- processors --------------------------------------------------------------------------- */

#if defined(__linux__) && defined(__x86_64__)

const char *system_permit_tiles(void)
{
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 }; /* ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA */
    if (syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0)
        return NULL;
    return errno == ENOSPC ? "an alternate signal stack is too small" : strerror(errno);
}

#else

const char *system_permit_tiles(void)
{
    return "limn cannot ask this system for them";
}

#endif

#ifdef __APPLE__

int system_cores(void)
{
    int cores = 0;
    size_t size = sizeof cores;
    return sysctlbyname("hw.physicalcpu", &cores, &size, NULL, 0) == 0 && cores > 0 ? cores : 1;
}

bool system_cpu_name(char *name, size_t room)
{
    return sysctlbyname("machdep.cpu.brand_string", name, &room, NULL, 0) == 0;
}

#else

/* A package and a number in it identify a core; hyper-threads of one core share both. */
static bool core_identity(int cpu, int identity[2])
{
    static const char *const fields[2] = {"physical_package_id", "core_id"};
    for (int i = 0; i < 2; i++) {
        char path[96], text[64];
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/%s", cpu, fields[i]);
        if (!file_read_start(path, text, sizeof text))
            return false;
        identity[i] = (int)strtol(text, NULL, 10);
    }
    return true;
}

int system_cores(void)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return 1;
    int cores = 0, seen[CPU_SETSIZE][2];
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET((size_t)cpu, &allowed))
            continue;
        int *identity = seen[cores], known = 0;
        if (!core_identity(cpu, identity)) /* no topology: every processor counts */
            identity[0] = -1, identity[1] = cpu;
        while (known < cores && memcmp(seen[known], identity, sizeof seen[0]) != 0)
            known++;
        cores += known == cores;
    }
    return cores > 0 ? cores : 1;
}

bool system_cpu_name(char *name, size_t room)
{
    char text[TEXT];
    const char *line =
        file_read_start("/proc/cpuinfo", text, sizeof text) ? strstr(text, "model name") : NULL;
    const char *colon = line ? strchr(line, ':') : NULL;
    if (colon)
        snprintf(name, room, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
    return colon != NULL;
}

#endif
