/* test_machine_memory.c - limits of memory and CPU quotas: fake files below a folder, and real resource
 * limits in a child. */
#include "engine/base/machine_memory.h"
#include "engine/base/memory.h"
#include "engine/base/system.h"
#include "tests/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const size_t MB = (size_t)1 << 20, GB = (size_t)1 << 30;

/* Writes `text` to a file below a fake root, whose folders are made. */
static void put(const char *root, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s", root);
    for (const char *word = name; (word = strchr(word, '/')); word++) {
        snprintf(path, sizeof path, "%s%.*s", root, (int)(word - name), name);
        mkdir(path, 0777);
    }
    snprintf(path, sizeof path, "%s%s", root, name);
    write_file(path, text, strlen(text));
}

static const char v1[] = "12:cpuset:/\n5:cpu,memory,io:/jobs/7\n1:name=memory:/no\n0::/\n";

static const struct machine_case {
    const char *files[4][2];
    size_t bytes; /* before the margin; 0: unbounded */
    const char *bound;
} cases[] = {
    {{{"/proc/meminfo", "MemTotal:       8388608 kB\nMemFree:  1 kB\n"}}, (size_t)8 << 30, "physical"},
    {{{"/proc/meminfo", "MemFree:        8388608 kB\n"}}, 0, "nothing"},
    {{{"/proc/meminfo", "MemTotal:       many kB\n"}}, 0, "nothing"},
    /* version 2: the least of a group and those above it */
    {{{"/proc/self/cgroup", "0::/a/b\n"}, {"/sys/fs/cgroup/a/b/memory.max", "4294967296\n"}},
     (size_t)4 << 30,
     "control group"},
    {{{"/proc/self/cgroup", "0::/a/b\n"},
      {"/sys/fs/cgroup/a/b/memory.max", "max\n"},
      {"/sys/fs/cgroup/a/memory.max", "3221225472\n"}},
     (size_t)3 << 30,
     "control group"},
    {{{"/proc/self/cgroup", "0::/a/b\n"},
      {"/sys/fs/cgroup/a/b/memory.max", "4294967296\n"},
      {"/sys/fs/cgroup/a/memory.max", "3221225472\n"},
      {"/sys/fs/cgroup/memory.max", "2147483648\n"}},
     (size_t)2 << 30,
     "control group"},
    {{{"/proc/self/cgroup", "0::/ab\n"}, {"/sys/fs/cgroup/a/memory.max", "1\n"}}, 0, "nothing"},
    {{{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/memory.max", "2147483648\n"}},
     (size_t)2 << 30,
     "control group"},
    /* a container sees its own group at the top, under a path from outside */
    {{{"/proc/self/cgroup", "0::/box/1\n"}, {"/sys/fs/cgroup/memory.max", "2147483648\n"}},
     (size_t)2 << 30,
     "control group"},
    /* version 1, where a very large number means none */
    {{{"/proc/self/cgroup", v1}, {"/sys/fs/cgroup/memory/jobs/7/memory.limit_in_bytes", "1073741824\n"}},
     (size_t)1 << 30,
     "control group"},
    {{{"/proc/self/cgroup", v1},
      {"/sys/fs/cgroup/memory/jobs/memory.limit_in_bytes", "1073741824\n"},
      {"/sys/fs/cgroup/memory/jobs/7/memory.limit_in_bytes", "9223372036854771712\n"},
      {"/proc/meminfo", "MemTotal: 8388608 kB\n"}},
     (size_t)1 << 30,
     "control group"},
    {{{"/proc/self/cgroup", v1},
      {"/sys/fs/cgroup/memory/jobs/7/memory.limit_in_bytes", "9223372036854771712\n"},
      {"/proc/meminfo", "MemTotal: 8388608 kB\n"}},
     (size_t)8 << 30,
     "physical"},
    {{{"/proc/self/cgroup", v1}, {"/sys/fs/cgroup/memory/no/memory.limit_in_bytes", "1\n"}}, 0, "nothing"},
    /* what cannot be made out does not count */
    {{{"/proc/self/cgroup", "0::\nx\n7:memory\n::::\n"}, {"/sys/fs/cgroup/memory.max", "1\n"}}, 0, "nothing"},
    {{{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/memory.max", "-1\n"}}, 0, "nothing"},
    {{{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/memory.max", "99999999999999999999999\n"}},
     0,
     "nothing"},
    {{{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/memory.max", ""}}, 0, "nothing"},
};

static const struct quota_case {
    const char *files[4][2];
    size_t processors; /* 0: no quota */
} quotas[] = {
    /* version 2: quota and period in microseconds; the least of a group and those above it, rounded up */
    {{{"/proc/self/cgroup", "0::/a/b\n"}, {"/sys/fs/cgroup/a/b/cpu.max", "200000 100000\n"}}, 2},
    {{{"/proc/self/cgroup", "0::/a/b\n"}, {"/sys/fs/cgroup/a/b/cpu.max", "200001 100000\n"}}, 3},
    {{{"/proc/self/cgroup", "0::/a/b\n"}, {"/sys/fs/cgroup/a/b/cpu.max", "1000 100000\n"}}, 1},
    {{{"/proc/self/cgroup", "0::/a/b\n"}, {"/sys/fs/cgroup/a/b/cpu.max", "75000 50000\n"}}, 2},
    {{{"/proc/self/cgroup", "0::/a/b\n"}, {"/sys/fs/cgroup/a/b/cpu.max", "max 100000\n"}}, 0},
    {{{"/proc/self/cgroup", "0::/a/b\n"},
      {"/sys/fs/cgroup/a/b/cpu.max", "max 100000\n"},
      {"/sys/fs/cgroup/a/cpu.max", "400000 100000\n"},
      {"/sys/fs/cgroup/cpu.max", "300000 100000\n"}},
     3},
    {{{"/proc/self/cgroup", "0::/a/b\n"},
      {"/sys/fs/cgroup/a/b/cpu.max", "100000 100000\n"},
      {"/sys/fs/cgroup/a/cpu.max", "400000 100000\n"}},
     1},
    {{{"/proc/self/cgroup", "0::/box/1\n"}, {"/sys/fs/cgroup/cpu.max", "200000 100000\n"}},
     2}, /* container */
    {{{"/proc/self/cgroup", "0::/ab\n"}, {"/sys/fs/cgroup/a/cpu.max", "200000 100000\n"}}, 0},
    /* version 1: two files, and a quota of -1 for none; the controller may share its hierarchy */
    {{{"/proc/self/cgroup", "3:cpu,cpuacct:/jobs/7\n0::/\n"},
      {"/sys/fs/cgroup/cpu/jobs/7/cpu.cfs_quota_us", "150000\n"},
      {"/sys/fs/cgroup/cpu/jobs/7/cpu.cfs_period_us", "100000\n"}},
     2},
    {{{"/proc/self/cgroup", "3:cpu:/jobs/7\n"},
      {"/sys/fs/cgroup/cpu/jobs/7/cpu.cfs_quota_us", "-1\n"},
      {"/sys/fs/cgroup/cpu/jobs/cpu.cfs_quota_us", "400000\n"},
      {"/sys/fs/cgroup/cpu/jobs/cpu.cfs_period_us", "100000\n"}},
     4},
    {{{"/proc/self/cgroup", "3:cpu:/jobs/7\n"},
      {"/sys/fs/cgroup/cpu/jobs/7/cpu.cfs_quota_us", "-1\n"},
      {"/sys/fs/cgroup/cpu/jobs/7/cpu.cfs_period_us", "100000\n"}},
     0},
    {{{"/proc/self/cgroup", "3:cpuset:/\n2:cpuacct:/\n"},
      {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n"},
      {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}},
     0},
    /* what cannot be read does not count */
    {{{"/proc/self/cgroup", "3:cpu:/\n"}, {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n"}}, 0},
    {{{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "200000\n"}}, 0},
    {{{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "200000 0\n"}}, 0},
    {{{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "200000 x\n"}}, 0},
    {{{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", ""}}, 0},
    {{{"/proc/cpuinfo", "processor: 0\n"}}, 0},
};

/* Makes a folder with these files; returns its path, valid until the next call. */
static const char *fake_root(const char *kind, size_t number, const char *const files[4][2])
{
    static char root[256];
    char name[32];
    snprintf(name, sizeof name, "%s%zu", kind, number);
    snprintf(root, sizeof root, "%s", scratch_path(name));
    assert_int_equal(mkdir(root, 0777), 0);
    for (int f = 0; f < 4 && files[f][0]; f++)
        put(root, files[f][0], files[f][1]);
    return root;
}

static void test_processor_quotas(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof quotas / sizeof *quotas; i++) {
        size_t processors = system_processor_quota(fake_root("quota", i, quotas[i].files));
        size_t want = quotas[i].processors ? quotas[i].processors : SIZE_MAX;
        if (processors != want)
            fail_with("case %zu: %zu processors, %zu expected", i, processors, want);
    }
}

static size_t with_margin(size_t bytes)
{
    size_t margin = bytes / 16 > 64 * MB ? bytes / 16 : 64 * MB;
    return bytes - (margin < bytes / 2 ? margin : bytes / 2);
}

static void test_files_of_machines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct machine_memory memory = machine_memory(fake_root("machine", i, cases[i].files));
        size_t want = cases[i].bytes ? with_margin(cases[i].bytes) : SIZE_MAX;
        if (memory.bytes != want || !strstr(memory.bound, cases[i].bound))
            fail_with("case %zu: %zu bytes by %s, %zu by %s expected", i, memory.bytes, memory.bound, want,
                      cases[i].bound);
    }
}

/* Small machines keep half. */
static void test_margins(void **state)
{
    (void)state;
    char root[256];
    snprintf(root, sizeof root, "%s", scratch_path("small"));
    assert_int_equal(mkdir(root, 0777), 0);
    put(root, "/proc/self/cgroup", "0::/\n");
    put(root, "/sys/fs/cgroup/memory.max", "100000000\n");
    assert_int_equal(machine_memory(root).bytes, 50000000);
    put(root, "/sys/fs/cgroup/memory.max", "0\n"); /* 0 would be no limit to memory.h */
    assert_int_equal(machine_memory(root).bytes, 1);
    assert_int_equal(machine_memory(scratch_path("nothing there")).bytes, SIZE_MAX);
}

/* In a child under a resource limit: what it may hold is less than that, can really be allocated, and is the
 * same again while some of it is held. */
static int hold_all(unsigned which)
{
    struct rlimit limit = {GB, GB}, held;
    if (setrlimit(which, &limit) != 0 || getrlimit(which, &held) != 0)
        return 1;
    if (held.rlim_cur != limit.rlim_cur)
        return 0; /* qemu gives its guests no limit of address space */
    struct machine_memory memory = machine_memory("");
    if (memory.bytes >= GB || memory.bytes < GB / 4 || !strstr(memory.bound, "ulimit"))
        return 2;
    machine_memory_limit(0);
    void *half = mem_alloc(mem_available() / 2), *rest = half ? mem_alloc(mem_available() - 128) : NULL;
    if (!half || !rest || machine_memory("").bytes != memory.bytes)
        return 3;
    if (mem_alloc(100000))
        return 4;
    mem_free(half);
    mem_free(rest);
    return 0;
}

static void test_resource_limits(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* they map terabytes */
#endif
    static const unsigned limits[] = {RLIMIT_AS, RLIMIT_DATA};
    for (int i = 0; i < 2; i++) {
        int status;
        pid_t child = fork();
        if (child == 0)
            _exit(hold_all(limits[i]));
        assert_int_equal(waitpid(child, &status, 0), child);
        if (status != 0)
            fail_with("limit %d: the child ended with %d", i, WEXITSTATUS(status));
    }
}

/* Engines without a limit of their own get the machine's. */
static void test_engines_have_a_limit(void **state)
{
    (void)state;
    static const limn_options few = {.memory_limit = 100}, own = {.memory_limit = 123456789},
                              none = {.memory_limit = SIZE_MAX};
    limn_engine *engine;
    assert_ok(limn_engine_create(&own, &engine, error));
    assert_int_equal(mem_in_use() + mem_available(), 123456789);
    limn_engine_free(engine);
    assert_ok(limn_engine_create(&none, &engine, error));
    assert_int_equal(mem_in_use() + mem_available(), SIZE_MAX);
    limn_engine_free(engine);
    assert_ok(limn_engine_create(NULL, &engine, error));
    assert_int_equal(mem_in_use() + mem_available(), machine_memory("").bytes);
    assert_true(machine_memory("").bytes < SIZE_MAX);
    limn_engine_free(engine);
    assert_fails(limn_engine_create(&few, &engine, error), LIMN_E_MEMORY, "out of memory");
    mem_set_limit(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_of_machines),
        cmocka_unit_test(test_processor_quotas),
        cmocka_unit_test(test_margins),
        cmocka_unit_test(test_resource_limits),
        cmocka_unit_test(test_engines_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
