/* support.h - what the C tests share: random numbers, comparisons that say where, files made on the spot. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#pragma push_macro("fail") /* cmocka has a macro of that name too */
#undef fail
#include <cmocka.h>
#pragma pop_macro("fail")

#include "engine/base/status.h"
#include "engine/base/tensor.h"
#include "layers/cpu.h"
#include "weights/safetensors.h"

/* Whether this is a build for ThreadSanitizer, in which all takes long. */
#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
#endif
#endif
#ifndef THREAD_SANITIZER
#define THREAD_SANITIZER 0
#endif

/* Same numbers on every machine and in every run. */
struct random {
    uint64_t state;
};
float random_float(struct random *random); /* -1 .. 1 */
int64_t random_below(struct random *random, int64_t bound);
void random_fill(struct random *random, float *values, int64_t count);

/* A block of floats between two guard zones, all NaN at first: what is read or left unwritten shows. Under
 * AddressSanitizer reading a zone shows too. */
struct guarded {
    float *values;
    int64_t count;
};
struct guarded guarded_create(int64_t count);
/* False, after a message, when a zone was written to. */
bool guarded_intact(const struct guarded *block, const char *what);
void guarded_free(struct guarded *block);

/* Whether each |got - want| <= absolute + relative * |want|; a NaN in got fails. The first failure is printed
 * with `what` as [n,c,h,w]. `got` may be strided; `want` is dense NHWC. */
bool tensors_agree(const struct tensor *got, const float *want, double absolute, double relative,
                   const char *what);

/* A path in a folder of this process that is removed at exit. Static storage, valid until the 8th next call.
 */
const char *scratch_path(const char *name);

void write_file(const char *path, const void *bytes, size_t size);

/* Skips the test if it needs OpenBLAS's kernels and limn was built without OpenBLAS. */
void need_kernels(limn_kernels kernels);

/* A unit test of one kernel family: KERNELS_TEST(test_x, OPENBLAS). Its state points to the limn_kernels. */
#define KERNELS_TEST(function, family)                                                                       \
    {                                                                                                        \
        .name = #function " " #family, .test_func = (function),                                              \
        .initial_state = &(limn_kernels){LIMN_KERNELS_##family},                                             \
    }

/* An engine for a test, released by limn_engine_free. Skips the test as need_kernels does. */
limn_engine *test_engine(int threads, limn_kernels kernels);

/* Runs the tests with every instruction set the CPU has and the system permits, one after the other, in our
 * kernels and in OpenBLAS's, whatever an engine chose before. Returns how many failed. */
int run_on_every_isa(const struct CMUnitTest *tests, size_t count);

/* The same without the sets that only add products of bf16 parts to another one, for tests that multiply
 * none: test_bf16.c checks that the other kernels of these sets are the same. */
int run_on_every_isa_of_floats(const struct CMUnitTest *tests, size_t count);

/* The set of the tests that are running, for messages. */
extern enum isa running_isa;

/* Writes a safetensors file of float32 tensors; shapes are ended by 0. One without axes is written as an I64,
 * which PyTorch's counters are. */
struct made_tensor {
    const char *name;
    int64_t shape[5];
    const float *values;
};
void write_safetensors(const char *path, const struct made_tensor *tensors, size_t count,
                       const char *metadata);

/* A model of tests/goldens, released by limn_model_free. */
limn_model *golden_model(limn_engine *engine, const char *name);

/* Writes a copy of its weights with `extra` tensors added and other metadata: JSON members, or "".
 * Returns the path. */
const char *golden_altered(const char *name, const struct made_tensor *extra, size_t extra_count,
                           const char *metadata);

/* Ends the test with a printf-style message. */
#define fail_with(...)                                                                                       \
    do {                                                                                                     \
        print_error(__VA_ARGS__);                                                                            \
        print_error("\n");                                                                                   \
        _fail(__FILE__, __LINE__);                                                                           \
    } while (0)

/* Fails the test with the error's message unless the status is LIMN_OK. */
#define assert_ok(call)                                                                                      \
    do {                                                                                                     \
        limn_error error_ = {0};                                                                             \
        limn_error *error = &error_;                                                                         \
        if ((call) != LIMN_OK)                                                                               \
            fail_with("%s", error->message);                                                                 \
    } while (0)

/* Fails the test unless `call` returns `status` with a message that contains `part`. Uses `error`. */
#define assert_fails(call, expected, part)                                                                   \
    do {                                                                                                     \
        limn_error error_ = {0};                                                                             \
        limn_error *error = &error_;                                                                         \
        assert_int_equal((call), (expected));                                                                \
        if (!strstr(error->message, (part)))                                                                 \
            fail_with("message \"%s\" does not contain \"%s\"", error->message, (part));                     \
    } while (0)

/* Fails the test unless `call` fails for this limn_reason. Uses `error`. */
#define assert_reason(call, expected)                                                                        \
    do {                                                                                                     \
        limn_error error_ = {0};                                                                             \
        limn_error *error = &error_;                                                                         \
        assert_int_not_equal((call), LIMN_OK);                                                               \
        assert_int_equal(error->reason, (expected));                                                         \
    } while (0)

#endif
