/* test_faults.c - every command of the program, with each of its allocations and system calls failing in
 * turn, once and from then on.
 *
 * Each run is a process of its own, in a folder of tiny inputs, with the program's main called limn_main (see
 * the Makefile). It must end by itself, lose no memory and no descriptor, and either produce the same bytes,
 * or fail with the exit code and message of the failure and leave its outputs as they were. If there are
 * several outputs, those finished before the failure may stay. */
#include "engine/base/memory.h"
#include "tests/support_faults.h"
#include "tests/trials.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a run ------------------------------------------------------------------------------- */

/* What fails in a run. */
struct failure {
    enum fault kind;
    int64_t nth; /* 0: nothing does */
    bool persistent, short_transfers;
};

/* The current run. */
static const struct trial *trial;
static struct failure failure;

/* Its results, in memory that it shares with the test. */
static struct results {
    bool ended;
    int status, descriptors_lost;
    size_t memory_lost;
    int64_t calls[FAULTS];
    char path[PATH_MAX];
} * results;

/* The files that take standard output and standard error, and what came on the latter. */
static int outputs[2];
static struct bytes said, wanted_stdout;

static void run_program(void)
{
    enum { SECONDS = 60 };
    trial_redirect(trial, outputs);
    alarm(SECONDS);
    size_t memory = mem_in_use();
    int descriptors = open_descriptors();
    for (enum fault kind = 0; kind < FAULTS; kind++)
        fault_at(kind, kind == failure.kind ? failure.nth : 0, failure.persistent);
    fault_short_transfers(failure.short_transfers);
    results->status = trial_main(trial);
    fault_short_transfers(false);
    snprintf(results->path, sizeof results->path, "%s", fault_path());
    for (enum fault kind = 0; kind < FAULTS; kind++) {
        results->calls[kind] = fault_calls(kind);
        fault_at(kind, 0, false);
    }
    results->memory_lost = mem_in_use() - memory;
    results->descriptors_lost = open_descriptors() - descriptors;
    results->ended = true;
    _exit(0);
}

/* ---- what must hold ---------------------------------------------------------------------- */

enum { COMPLAINTS_MOST = 10 };
static int complaints;

/* Says what is wrong about the run; false. */
__attribute__((format(printf, 1, 2))) static bool complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (complaints++ < COMPLAINTS_MOST) {
        print_error("limn %s\n", trial->line);
        if (failure.nth)
            print_error("%s %" PRId64 " fails%s: \"%s\"\n", fault_names[failure.kind], failure.nth,
                        failure.persistent ? ", and all that follow" : "", results->path);
        if (failure.short_transfers)
            print_error("short reads and writes\n");
        vprint_error(format, arguments);
        print_error("\nexit code %d, message: %s\n", results->status, said.data);
    }
    va_end(arguments);
    return false;
}

/* A file under out/ must be the same as under want/, or unchanged by a run that failed. */
static void check_file(const char *path, bool is_folder, void *context)
{
    char want_path[PATH_MAX];
    const bool *failed = context;
    if (is_folder)
        return;
    snprintf(want_path, sizeof want_path, "want%s", path + strlen("out"));
    struct bytes got = read_path(path), want = read_path(want_path);
    bool existed = trial->existing && strcmp(path, trial->existing) == 0;
    bool unchanged = existed && is_unchanged(got);
    bool same = want.data && ((trial->flags & FILES_VARY) || same_bytes(got, want));
    if (!(same && (!*failed || (trial->flags & MANY))) && !(*failed && unchanged))
        complain("%s (%zu bytes) has the wrong content", path, got.size);
    free(got.data);
    free(want.data);
}

/* Whether all files under out/ are right and, unless the run failed, none of want/ is missing. */
static bool check_files(bool failed)
{
    int before = complaints, count = walk("out", check_file, &failed);
    return complaints == before && (failed || count == walk("want", NULL, NULL));
}

static bool check_success(void)
{
    struct bytes printed = read_descriptor(outputs[0]);
    bool fewer_threads = (trial->flags & THREADED) && failure.kind == FAULT_THREAD;
    bool same =
        (trial->flags & VARIES) || (fewer_threads ? printed.size && strstr(printed.data, "\"threads\": 1")
                                                  : same_bytes(printed, wanted_stdout));
    free(printed.data);
    if (!same)
        return complain("standard output differs from that of an undisturbed run");
    return check_files(false) || complain("files are missing");
}

/* The exit code for a failure about this path, or about the one that a message names. */
static int wanted_status(const char *text)
{
    if (failure.kind == FAULT_MEMORY)
        return LIMN_E_MEMORY;
    if (failure.kind == FAULT_WRITE || failure.kind == FAULT_STALL)
        return LIMN_E_OUTPUT;
    bool output = strcmp(text, "out") == 0 || strstr(text, " out:") || strstr(text, "out/");
    if ((trial->flags & PICTURE) && strstr(text, trial->existing))
        output = false;
    return strstr(text, ".safetensors") ? LIMN_E_WEIGHTS : output ? LIMN_E_OUTPUT : LIMN_E_INPUT;
}

/* Whether the message gives the cause. */
static bool reason_is_said(void)
{
    struct stat status;
    if (failure.kind == FAULT_MEMORY)
        return strstr(said.data, "out of memory");
    if (failure.kind == FAULT_STALL)
        return strstr(said.data, "no byte was written");
    /* A folder that was not seen once may be taken for a file, and what is wrong with that is said then. */
    bool folder_missed = failure.kind == FAULT_STAT && !failure.persistent &&
                         stat(results->path, &status) == 0 && S_ISDIR(status.st_mode) &&
                         strstr(said.data, "directory");
    return folder_missed || strstr(said.data, strerror(fault_error(failure.kind)));
}

static bool check_failure(void)
{
    /* Where all calls fail, the first of them need not have been the one that mattered. */
    const char *path = failure.persistent ? "" : results->path, *slash = strrchr(path, '/');
    const char *name = slash && slash[1] != '.' ? slash + 1 : slash ? "out" : path; /* .limn-1-2.part */
    bool some = (trial->flags & SEVERAL) && results->status == LIMN_E_SOME;
    int wanted = wanted_status(failure.persistent ? said.data : path);
    if (results->status != wanted && !some)
        return complain("exit code %d expected", wanted);
    if (strncmp(said.data, "limn: ", 6) != 0 || !reason_is_said())
        return complain("the message does not say why");
    if (!strstr(said.data, name))
        return complain("the message does not name %s", name);
    return check_files(true);
}

/* Runs the trial in a process of its own. */
static bool run_trial(void)
{
    int ended;
    trial_clear(trial);
    *results = (struct results){0};
    fflush(stdout);
    pid_t process = fork();
    assert_true(process >= 0);
    if (process == 0)
        run_program();
    assert_int_equal(waitpid(process, &ended, 0), process);
    free(said.data);
    said = read_descriptor(outputs[1]);
    if (!results->ended)
        return complain("it died: signal %d, exit code %d", WIFSIGNALED(ended) ? WTERMSIG(ended) : 0,
                        WIFSIGNALED(ended) ? 0 : WEXITSTATUS(ended));
    if (results->memory_lost || results->descriptors_lost)
        return complain("%zu bytes and %d descriptors lost", results->memory_lost, results->descriptors_lost);
    return true;
}

/* ---- trials ------------------------------------------------------------------------------ */

/* Keeps what the trial makes when nothing fails, and how many calls it takes. */
static bool run_undisturbed(int64_t calls[FAULTS])
{
    failure = (struct failure){0};
    walk("want", remove_one, NULL);
    free(wanted_stdout.data);
    wanted_stdout.data = NULL;
    if (!run_trial())
        return false;
    if (results->status)
        return complain("undisturbed");
    wanted_stdout = read_descriptor(outputs[0]);
    assert_int_equal(rmdir("want"), 0);
    assert_int_equal(rename("out", "want"), 0);
    assert_int_equal(mkdir("out", 0777), 0);
    memcpy(calls, results->calls, sizeof results->calls);
    return true;
}

static bool run_disturbed(void)
{
    return run_trial() && (results->status ? check_failure() : check_success());
}

/* Points tried: allocations, and other calls. */
struct points {
    int64_t memory, system;
};

/* One call in so many of a kind fails. */
static int64_t stride_of(enum fault kind, int64_t calls)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    enum { EACH = 7, QUICK = 29, WHOLE_RUNS = 8 };
#else
    enum { EACH = 1, QUICK = 29, WHOLE_RUNS = 8 };
#endif
    int64_t stride = getenv("LIMN_TEST_QUICK") ? QUICK : EACH;
    /* What limn can do without costs a whole run each time. */
    return kind == FAULT_EXTRA && calls / WHOLE_RUNS > stride ? calls / WHOLE_RUNS : stride;
}

static void try_points(const struct trial *of, struct points *points)
{
    int64_t calls[FAULTS];
    trial = of;
    if (!run_undisturbed(calls))
        return;
    failure = (struct failure){.short_transfers = true};
    run_disturbed();
    for (enum fault kind = 0; kind < FAULTS; kind++)
        for (int64_t nth = 1; nth <= calls[kind] && complaints < COMPLAINTS_MOST;
             nth += stride_of(kind, calls[kind])) {
            failure = (struct failure){.kind = kind, .nth = nth};
            bool handled = run_disturbed();
            failure.persistent = true;
            handled = run_disturbed() && handled;
            *(kind == FAULT_MEMORY ? &points->memory : &points->system) += handled;
        }
}

static void test_command(void **state)
{
    const char *command = *state;
    struct points points = {0};
    complaints = 0;
    size_t most = getenv("LIMN_TEST_QUICK") ? 1 : trial_count;
    for (size_t i = 0, tried = 0; i < trial_count && tried < most; i++)
        if (strncmp(trials[i].line, command, strlen(command)) == 0) {
            try_points(&trials[i], &points);
            tried++;
        }
    printf("%s: %" PRId64 " allocations, %" PRId64 " system calls, %s handled\n", command, points.memory,
           points.system, complaints ? "NOT all" : "all");
    assert_int_equal(complaints, 0);
}

/* With an argument: the tests of this command only. */
int main(int argc, char **argv)
{
    static char commands[][12] = {"segment", "colorize", "upscale", "generate", "compare", "pixels",
                                  "run",     "inspect",  "verify",  "explain",  "bench",   "--version"};
    enum { COMMANDS = sizeof commands / sizeof *commands };
    struct CMUnitTest tests[COMMANDS];
    results = mmap(NULL, sizeof *results, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    outputs[0] = memfd_create("stdout", MFD_CLOEXEC);
    outputs[1] = memfd_create("stderr", MFD_CLOEXEC);
    if (results == MAP_FAILED || outputs[0] < 0 || outputs[1] < 0)
        return 1;
    trials_prepare();
    for (size_t i = 0; i < COMMANDS; i++)
        tests[i] =
            (struct CMUnitTest){.name = commands[i], .test_func = test_command, .initial_state = commands[i]};
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return _cmocka_run_group_tests("faults", tests, COMMANDS, NULL, NULL);
}
