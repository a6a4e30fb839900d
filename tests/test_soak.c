/* test_soak.c - nothing grows: all commands again and again in one process, many of the runs with a call that
 * fails. After each run, memory in use and open descriptors are what they were before it. At the end the
 * resident set is what it was after two rounds, or after a tenth of the time if that is later. Runs six
 * rounds, and goes on until LIMN_SOAK_SECONDS have passed if that is set. */
#include "engine/base/memory.h"
#include "tests/support_faults.h"
#include "tests/trials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static size_t resident_bytes(void)
{
    unsigned long whole = 0, resident = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    assert_non_null(statm);
    assert_int_equal(fscanf(statm, "%lu %lu", &whole, &resident), 2);
    fclose(statm);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* Standard input, output and error as they were, while the trials have their own. */
static int saved[3], outputs[2];

static void restore_streams(void)
{
    for (int i = 0; i < 3; i++)
        assert_int_equal(dup2(saved[i], i), i);
}

/* One trial; in two runs of three one of its first calls of some kind fails. */
static void run_once(const struct trial *trial, struct random *random)
{
    enum { CALLS = 200 };
    enum fault kind = (enum fault)random_below(random, FAULTS);
    int64_t nth = random_below(random, 3) ? 1 + random_below(random, CALLS) : 0;
    trial_clear(trial);
    size_t memory = mem_in_use();
    int descriptors = open_descriptors();
    trial_redirect(trial, outputs);
    fault_at(kind, nth, random_below(random, 2));
    int status = trial_main(trial);
    fault_at(kind, 0, false);
    restore_streams();
    if (mem_in_use() != memory || open_descriptors() != descriptors || (nth == 0 && status != 0))
        fail_with("limn %s\n%s %lld fails: exit code %d, %zu bytes and %d descriptors, %zu and %d before",
                  trial->line, fault_names[kind], (long long)nth, status, mem_in_use(), open_descriptors(),
                  memory, descriptors);
}

/* Whether the resident set is limn's alone: sanitizers, emulators and valgrind keep memory of their own,
 * which grows. LIMN_TEST_QUICK is set under the last two. */
static bool resident_counts(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false;
#else
    return !getenv("LIMN_TEST_QUICK");
#endif
}

static void test_nothing_grows(void **state)
{
    enum { WARM_ROUNDS = 2, ROUNDS = 6 };
    /* After two rounds it was seen to vary by 16 kB, for what malloc and stacks keep. A leak of 6 kB a run
     * makes more than this in four rounds. */
    static const size_t slack = (size_t)1 << 20;
    int64_t least_rounds = resident_counts() ? ROUNDS : WARM_ROUNDS;
    struct random random = {1};
    const char *text = getenv("LIMN_SOAK_SECONDS");
    double start = seconds_now(), seconds = text ? strtod(text, NULL) : 0, reported = start;
    size_t early = 0, most = 0;
    int64_t rounds = 0, runs = 0;
    (void)state;
    do {
        for (size_t i = 0; i < trial_count; i++, runs++)
            run_once(&trials[i], &random);
        size_t resident = resident_bytes();
        if (++rounds <= WARM_ROUNDS || seconds_now() - start < seconds / 10)
            early = resident;
        most = resident > most ? resident : most;
        if (seconds_now() - reported > 60) {
            reported = seconds_now();
            printf("%5.0f s: %lld runs, %.1f MB resident, %d descriptors\n", reported - start,
                   (long long)runs, (double)resident / 1e6, open_descriptors());
            fflush(stdout);
        }
    } while (rounds < least_rounds || seconds_now() - start < seconds);
    size_t late = resident_bytes();
    printf("%lld runs of %zu commands in %.0f s: %.1f MB resident at first, %.1f at the end, %.1f at most\n",
           (long long)runs, trial_count, seconds_now() - start, (double)early / 1e6, (double)late / 1e6,
           (double)most / 1e6);
    if (resident_counts() && late > early + slack)
        fail_with("the resident set grew by %zu bytes", late - early);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_grows)};
    outputs[0] = memfd_create("stdout", MFD_CLOEXEC);
    outputs[1] = memfd_create("stderr", MFD_CLOEXEC);
    for (int i = 0; i < 3; i++)
        saved[i] = dup(i);
    if (outputs[0] < 0 || outputs[1] < 0 || saved[0] < 0 || saved[1] < 0 || saved[2] < 0)
        return 1;
    trials_prepare();
    return cmocka_run_group_tests_name("soak", tests, NULL, NULL);
}
