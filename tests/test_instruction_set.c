/* test_instruction_set.c - the instruction set of a process, and the system's permission to use matrix tiles.
 *
 * A process chooses once and a permission cannot be given back, so each trial runs in a child. Few machines
 * have AMX: a denial is tested everywhere, with a filter of system calls; the rest of the permission where
 * the CPU has tiles. */
#include "engine/base/system.h"
#include "engine/run/instruction_set.h"
#include "layers/simd.h"
#include "tests/support.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- children ---------------------------------------------------------------------------- */

enum { GOOD, BAD, SKIPPED }; /* exit codes */

#define REQUIRE(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            print_error("%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);                            \
            return BAD;                                                                                      \
        }                                                                                                    \
    } while (0)

static int result_of_child(int (*trial)(const void *context), const void *context)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(trial(context));
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status))
        fail_with("a child was ended by signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

static void in_child(int (*trial)(const void *context), const void *context)
{
    int result = result_of_child(trial, context);
    if (result == SKIPPED)
        skip();
    assert_int_equal(result, GOOD);
}

/* Whether an engine with this set can be created and its description holds `words`. */
static bool engine_has(const char *isa, const char *words)
{
    limn_options options = {.threads = THREAD_SANITIZER ? 1 : 2, .isa = isa};
    limn_engine *engine;
    limn_error error;
    bool good = limn_engine_create(&options, &engine, &error) == LIMN_OK &&
                strstr(limn_engine_describe(engine), words);
    if (!good)
        print_error("%s, \"%s\" expected: %s\n", isa ? isa : "NULL", words,
                    engine ? limn_engine_describe(engine) : error.message);
    limn_engine_free(engine);
    return good;
}

/* Whether creating an engine with this set fails with a message that holds `words`. */
static bool engine_fails(const char *isa, const char *words)
{
    limn_engine *engine;
    limn_error error;
    limn_status status = limn_engine_create(&(limn_options){.threads = 1, .isa = isa}, &engine, &error);
    bool good = status == LIMN_E_USAGE && !engine && strstr(error.message, words);
    if (!good)
        print_error("%s, \"%s\" expected: status %d, %s\n", isa, words, (int)status, error.message);
    limn_engine_free(engine);
    return good;
}

/* ---- names ------------------------------------------------------------------------------- */

static int try_set(const void *name)
{
    char words[64];
    snprintf(words, sizeof words, ", %s kernels", (const char *)name);
    if (cpu_has(isa_named(name)))
        REQUIRE(engine_has(name, words));
    else
        REQUIRE(engine_fails(name, "this CPU does not have it (its best is "));
    return GOOD;
}

static int try_several(const void *context)
{
    (void)context;
    REQUIRE(isa_in_use().isa == ISA_COUNT);
    REQUIRE(engine_fails("avx1024", "instruction set \"avx1024\": auto, baseline, avx2, avx512, avx512+bf16, "
                                    "avx512+amx, neon or amx-emulated expected"));
    REQUIRE(isa_in_use().isa == ISA_COUNT); /* a failure chooses nothing */
    REQUIRE(engine_has("baseline", ", baseline kernels, "));
    REQUIRE(engine_has("auto", ", baseline kernels, "));
    REQUIRE(engine_has(NULL, ", baseline kernels, "));
    REQUIRE(engine_fails("amx-emulated", "this process already runs with baseline"));
    return GOOD;
}

static void test_names(void **state)
{
    (void)state;
    for (enum isa isa = 0; isa < ISA_COUNT; isa++) {
        assert_int_equal(isa_named(isa_name(isa)), isa);
        if (isa != ISA_AVX512_AMX) /* see test_tiles */
            in_child(try_set, isa_name(isa));
    }
    in_child(try_several, NULL);
}

/* ---- the order of checks ----------------------------------------------------------------- */

static int asked;

static const char *grant(void)
{
    asked++;
    return NULL;
}

static const char *deny(void)
{
    asked++;
    return "a reason";
}

static void test_permission(void **state)
{
    (void)state;
    struct isa_choice choice;
    for (enum isa isa = 0; isa < ISA_COUNT; isa++)
        for (int forced = 0; forced < 2; forced++) {
            if (isa == ISA_AVX512_AMX)
                continue;
            assert_ok(isa_permit(isa, forced, deny, &choice, error));
            assert_int_equal(choice.isa, isa);
            assert_string_equal(choice.denied, "");
        }
    assert_int_equal(asked, 0);
    for (int forced = 0; forced < 2; forced++) {
        assert_ok(isa_permit(ISA_AVX512_AMX, forced, grant, &choice, error));
        assert_int_equal(choice.isa, ISA_AVX512_AMX);
        assert_string_equal(choice.denied, "");
    }
    assert_ok(isa_permit(ISA_AVX512_AMX, false, deny, &choice, error));
    assert_int_equal(choice.isa, ISA_AVX512_BF16);
    assert_string_equal(choice.denied, "a reason");
    assert_fails(isa_permit(ISA_AVX512_AMX, true, deny, &choice, error), LIMN_E_USAGE,
                 "instruction set avx512+amx: the system denies matrix tiles: a reason");
    assert_int_equal(asked, 4);
}

/* ---- denials by the system --------------------------------------------------------------- */

#if defined(__linux__) && defined(__x86_64__)

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 }; /* of arch_prctl */

/* Makes the request for permission have this result (seccomp(2)). False where the system has no filters. */
static bool filter_requests(unsigned result)
{
    enum { OTHERS = 3, NEXT = 0 };
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_arch_prctl, NEXT, OTHERS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, REQUEST_PERMISSION, NEXT, 1),
        BPF_STMT(BPF_RET | BPF_K, result),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof steps / sizeof *steps, steps};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

static int try_denial(const void *number)
{
    const int *reason = number;
    struct isa_choice choice;
    char words[160];
    if (!filter_requests(SECCOMP_RET_ERRNO | (unsigned)*reason) ||
        syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0 || errno != *reason)
        return SKIPPED; /* valgrind answers the request itself */
    REQUIRE(strcmp(system_permit_tiles(),
                   *reason == ENOSPC ? "an alternate signal stack is too small" : strerror(*reason)) == 0);
    REQUIRE(isa_permit(ISA_AVX512_AMX, false, system_permit_tiles, &choice, NULL) == LIMN_OK);
    REQUIRE(choice.isa == ISA_AVX512_BF16 && *choice.denied);
    if (cpu_has(ISA_AVX512_AMX)) {
        snprintf(words, sizeof words, "avx512+bf16 kernels (no matrix tiles: %s), ", choice.denied);
        REQUIRE(engine_fails("avx512+amx", choice.denied));
        REQUIRE(engine_has("auto", words));
        REQUIRE(engine_has("auto", words));
    } else {
        snprintf(words, sizeof words, " %s kernels, ", isa_name(cpu_isa()));
        REQUIRE(engine_has("auto", words));
    }
    return GOOD;
}

static void test_denials(void **state)
{
    (void)state;
    static const int reasons[] = {ENOSPC, EINVAL, EPERM, ENOSYS};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        in_child(try_denial, &reasons[i]);
}

/* A request ends the process. */
static int try_without_requests(const void *name)
{
    if (!filter_requests(SECCOMP_RET_KILL_PROCESS))
        return SKIPPED;
    const char *expected = name ? name : isa_name(cpu_isa());
    if (!cpu_has(isa_named(expected)))
        return GOOD;
    REQUIRE(engine_has(name, expected));
    REQUIRE(engine_has("auto", expected));
    return GOOD;
}

/* The CPU is checked before the system is asked, and named sets without tiles never need it. */
static void test_no_needless_requests(void **state)
{
    (void)state;
    for (enum isa isa = 0; isa < ISA_COUNT; isa++)
        if (isa != ISA_AVX512_AMX)
            in_child(try_without_requests, isa_name(isa));
    if (!cpu_has(ISA_AVX512_AMX))
        in_child(try_without_requests, NULL);
}

#else

static void test_denials(void **state)
{
    (void)state;
    assert_non_null(system_permit_tiles());
}

static void test_no_needless_requests(void **state)
{
    (void)state;
    skip();
}

#endif

/* ---- with tiles -------------------------------------------------------------------------- */

/* Whether the tiles compute what plain C does; the process ends if they are not permitted. */
static bool tiles_work(void)
{
    static uint16_t a[BF16_PART] __attribute__((aligned(64))), b[BF16_PART] __attribute__((aligned(64)));
    float got[BF16_SIDE * BF16_SIDE] = {0}, want[BF16_SIDE * BF16_SIDE] = {0};
    for (int i = 0; i < BF16_PART; i++) {
        bf16_split((float)(i % 37 - 18) / 7, 1, &a[i]);
        bf16_split((float)(i % 41 - 20) / 3, 1, &b[i]);
    }
    for (int plain = 0; plain < 2; plain++) {
        const struct bf16_kernels *kernels = simd_for(plain ? ISA_AMX_EMULATED : isa_in_use().isa)->bf16;
        struct bf16_block block = {.a = a, .b = b, .steps = 1, .c = plain ? want : got};
        block.a_stride = BF16_STEP;
        block.c_stride = BF16_SIDE;
        uint64_t before = kernels->start();
        kernels->multiply[1](&block);
        kernels->end(before);
    }
    return memcmp(got, want, sizeof got) == 0;
}

/* Chooses the set with tiles for the process. */
static bool choose_tiles(void)
{
    return engine_has("avx512+amx", ", avx512+amx kernels, ");
}

static atomic_bool chosen;

static void *use_tiles_later(void *good)
{
    while (!atomic_load(&chosen))
        usleep(1000);
    *(bool *)good = tiles_work();
    return NULL;
}

/* A thread that runs before the permission has it too. */
static int try_thread_before(const void *context)
{
    (void)context;
    pthread_t thread;
    bool good = false;
    REQUIRE(pthread_create(&thread, NULL, use_tiles_later, &good) == 0);
    REQUIRE(choose_tiles());
    atomic_store(&chosen, true);
    REQUIRE(pthread_join(thread, NULL) == 0 && good && tiles_work());
    return GOOD;
}

static int use_tiles(const void *context)
{
    (void)context;
    REQUIRE(tiles_work());
    return GOOD;
}

static int try_fork_after(const void *context)
{
    (void)context;
    REQUIRE(choose_tiles());
    REQUIRE(result_of_child(use_tiles, NULL) == GOOD); /* before this process uses them, and after */
    REQUIRE(tiles_work());
    REQUIRE(result_of_child(use_tiles, NULL) == GOOD);
    REQUIRE(result_of_child(try_set, "avx512+amx") == GOOD);
    return GOOD;
}

/* An alternate signal stack of 8 KB: enough without tiles, too small with them. */
static bool install_small_stack(void)
{
    static unsigned char small[8192];
    return sigaltstack(&(stack_t){.ss_sp = small, .ss_size = sizeof small}, NULL) == 0;
}

static int try_stack_before(const void *context)
{
    (void)context;
    REQUIRE(install_small_stack());
    REQUIRE(engine_fails("avx512+amx", "an alternate signal stack is too small"));
    REQUIRE(
        engine_has(NULL, "avx512+bf16 kernels (no matrix tiles: an alternate signal stack is too small)"));
    return GOOD;
}

static int try_stack_after(const void *context)
{
    (void)context;
    REQUIRE(choose_tiles());
    REQUIRE(!install_small_stack() && errno == ENOMEM); /* as limn.h says */
    return GOOD;
}

static int try_stack_without(const void *context)
{
    (void)context;
    REQUIRE(engine_has("avx512+bf16", "avx512+bf16 kernels, "));
    REQUIRE(install_small_stack());
    return GOOD;
}

/* The state is the trial. */
static void test_tiles(void **state)
{
    int (**trial)(const void *) = *state;
    if (!cpu_has(ISA_AVX512_AMX)) {
        print_message("this CPU has no AMX\n");
        skip();
    }
    in_child(*trial, NULL);
}

#define TILES_TEST(trial)                                                                                    \
    {                                                                                                        \
        .name = "test_tiles " #trial, .test_func = test_tiles,                                               \
        .initial_state = &(int (*)(const void *)){trial},                                                    \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),   cmocka_unit_test(test_permission),
        cmocka_unit_test(test_denials), cmocka_unit_test(test_no_needless_requests),
        TILES_TEST(try_thread_before),  TILES_TEST(try_fork_after),
        TILES_TEST(try_stack_before),   TILES_TEST(try_stack_after),
        TILES_TEST(try_stack_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
