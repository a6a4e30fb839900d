/* test_sharing.c - who shares what: threads one model, engines one process, a child its parent's memory. */
#include "engine/base/memory.h"
#include "engine/run/session.h"
#include "tests/support.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const path = "tests/goldens/enhancenet.safetensors";

/* ---- runs in any thread: cmocka's checks belong to the main one -------------------------- */

/* Sizes for which the planner chooses different kernels, and so packs different weights. */
static const limn_size sizes[] = {{1, 4, 4}, {1, 24, 20}, {2, 9, 17}, {1, 32, 32}, {3, 8, 8}};
enum { SIZES = sizeof sizes / sizeof *sizes };

static size_t output_bytes(limn_size size)
{
    return (size_t)(size.batch * 3 * 16 * size.height * size.width) * sizeof(float);
}

/* The output for a size, to be freed; NULL when anything failed. */
static float *run_session(limn_session *session, limn_size size)
{
    int64_t inputs = size.batch * 3 * size.height * size.width;
    float *x = malloc((size_t)inputs * sizeof *x), *y = malloc(output_bytes(size));
    random_fill(&(struct random){11}, x, inputs);
    if (limn_session_set_input(session, 0, x, NULL) || limn_session_run(session, NULL) ||
        limn_session_get_output(session, y, NULL)) {
        free(y);
        y = NULL;
    }
    free(x);
    return y;
}

static float *run_model(limn_model *model, limn_size size)
{
    limn_session *session;
    float *y = limn_session_create(model, size, &session, NULL) ? NULL : run_session(session, size);
    limn_session_free(session);
    return y;
}

static float *wanted[SIZES];

/* Whether `y`, which is freed, is what one engine of one thread made of size `s`. */
static bool is_wanted(float *y, int s)
{
    bool same = y && memcmp(y, wanted[s], output_bytes(sizes[s])) == 0;
    free(y);
    return same;
}

static int make_wanted(void **state)
{
    (void)state;
    limn_engine *engine = test_engine(1, LIMN_KERNELS_AUTO);
    limn_model *model;
    for (int s = 0; s < SIZES; s++) { /* a model each, so that nothing is shared */
        assert_ok(limn_model_load(engine, path, &model, error));
        assert_non_null(wanted[s] = run_model(model, sizes[s]));
        limn_model_free(model);
    }
    limn_engine_free(engine);
    return 0;
}

static int free_wanted(void **state)
{
    (void)state;
    for (int s = 0; s < SIZES; s++)
        free(wanted[s]);
    return 0;
}

/* ---- threads ----------------------------------------------------------------------------- */

enum { THREADS = 6 };

struct thread {
    pthread_t id;
    int number;
    limn_model *model;
    pthread_barrier_t *start;
    atomic_bool *stop;
    bool good;
};

/* Runs `main` in THREADS threads that start together; fails unless all of them are good. */
static void in_threads(void *(*thread_main)(void *), limn_model *model, atomic_bool *stop, const char *what)
{
    struct thread threads[THREADS];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        threads[i] = (struct thread){.number = i, .model = model, .start = &start, .stop = stop};
        assert_int_equal(pthread_create(&threads[i].id, NULL, thread_main, &threads[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i].id, NULL);
    for (int i = 0; i < THREADS; i++)
        if (!threads[i].good)
            fail_with("%s: thread %d", what, i);
    pthread_barrier_destroy(&start);
}

static void *use_model(void *argument)
{
    struct thread *self = argument;
    self->good = true;
    pthread_barrier_wait(self->start);
    for (int turn = 0; turn < SIZES; turn++) {
        int s = (self->number + turn) % SIZES;
        self->good = is_wanted(run_model(self->model, sizes[s]), s) && self->good;
    }
    return NULL;
}

/* The first use of the model is a race for packing its weights, for several sizes at once. */
static void test_one_model_many_threads(void **state)
{
    (void)state;
    for (int round = 0; round < (THREAD_SANITIZER ? 3 : 8); round++) {
        limn_engine *engine = test_engine(1 + round % 4, LIMN_KERNELS_AUTO);
        limn_model *model;
        assert_ok(limn_model_load(engine, path, &model, error));
        in_threads(use_model, model, NULL, "sessions of one model");
        limn_model_free(model);
        limn_engine_free(engine);
    }
}

/* ---- looking into a run ------------------------------------------------------------------ */

/* What a thread sees of its own run: a hash of all values, and of the progress. */
struct sight {
    uint64_t hash;
    float values[2 * 3 * 48 * 80];
};

static void add_bytes(struct sight *sight, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        sight->hash = (sight->hash ^ ((const unsigned char *)bytes)[i]) * UINT64_C(1099511628211);
}

static bool see_value(void *context, const limn_value *value)
{
    struct sight *sight = context;
    limn_shape s = value->shape;
    size_t bytes = (size_t)(s.n * s.c * s.h * s.w) * sizeof(float);
    if (bytes > sizeof sight->values)
        return true;
    limn_value_get(value, sight->values);
    add_bytes(sight, value->name, strlen(value->name));
    add_bytes(sight, sight->values, bytes);
    return true;
}

static bool see_progress(void *context, double done)
{
    add_bytes(context, &done, sizeof done);
    return true;
}

/* The hash of a run of size `s`, and of its explanation; 0 when anything failed. */
static uint64_t look_into(limn_model *model, int s)
{
    struct sight *sight = calloc(1, sizeof *sight);
    limn_session *session;
    char *text = NULL;
    uint64_t hash = 0;
    if (limn_session_create(model, sizes[s], &session, NULL) == LIMN_OK &&
        limn_model_explain(model, sizes[s], &text, NULL) == LIMN_OK) {
        limn_session_set_observer(session, &(limn_observer){see_value, sight});
        limn_session_set_watch(session, &(limn_watch){see_progress, sight});
        add_bytes(sight, text, strlen(text));
        if (is_wanted(run_session(session, sizes[s]), s))
            hash = sight->hash;
    }
    limn_text_free(text);
    limn_session_free(session);
    free(sight);
    return hash;
}

static uint64_t wanted_sights[SIZES];

static void *look_into_model(void *argument)
{
    struct thread *self = argument;
    self->good = true;
    pthread_barrier_wait(self->start);
    for (int turn = 0; turn < SIZES; turn++) {
        int s = (self->number + turn) % SIZES;
        self->good = look_into(self->model, s) == wanted_sights[s] && self->good;
    }
    return NULL;
}

static void test_threads_look_into_their_own_runs(void **state)
{
    (void)state;
    limn_engine *engine = test_engine(3, LIMN_KERNELS_AUTO);
    limn_model *model;
    assert_ok(limn_model_load(engine, path, &model, error));
    for (int s = 0; s < SIZES; s++)
        assert_true((wanted_sights[s] = look_into(model, s)) != 0);
    limn_model_free(model);
    assert_ok(limn_model_load(engine, path, &model, error)); /* nothing is packed */
    in_threads(look_into_model, model, NULL, "values and progress");
    limn_model_free(model);
    limn_engine_free(engine);
}

/* ---- engines ----------------------------------------------------------------------------- */

static void *use_own_engine(void *argument)
{
    struct thread *self = argument;
    self->good = true;
    pthread_barrier_wait(self->start);
    for (int turn = 0; turn < 6; turn++) {
        limn_options options = {.threads = 1 + (self->number + turn) % 3};
        limn_engine *engine = NULL;
        limn_model *model = NULL;
        int s = (self->number + turn) % SIZES;
        bool made = !limn_engine_create(&options, &engine, NULL) &&
                    !limn_model_load(engine, path, &model, NULL) &&
                    (turn % 3 == 0 || is_wanted(run_model(model, sizes[s]), s));
        self->good = made && self->good;
        limn_model_free(model);
        limn_engine_free(engine);
    }
    return NULL;
}

static void test_engines_come_and_go_in_threads(void **state)
{
    (void)state;
    size_t before = mem_in_use();
    in_threads(use_own_engine, NULL, NULL, "engines of their own");
    assert_int_equal(mem_in_use(), before);
}

static void test_two_engines_take_turns(void **state)
{
    (void)state;
    limn_engine *engines[2] = {test_engine(2, LIMN_KERNELS_AUTO), test_engine(3, LIMN_KERNELS_AUTO)};
    limn_model *models[2];
    limn_session *sessions[2];
    for (int i = 0; i < 2; i++) {
        assert_ok(limn_model_load(engines[i], path, &models[i], error));
        assert_ok(limn_session_create(models[i], sizes[i], &sessions[i], error));
    }
    for (int turn = 0; turn < 10; turn++)
        assert_true(is_wanted(run_session(sessions[turn % 2], sizes[turn % 2]), turn % 2));
    limn_session_free(sessions[0]);
    limn_model_free(models[0]);
    limn_engine_free(engines[0]);
    assert_true(is_wanted(run_session(sessions[1], sizes[1]), 1)); /* without the first */
    limn_session_free(sessions[1]);
    limn_model_free(models[1]);
    limn_engine_free(engines[1]);
}

/* ---- memory ------------------------------------------------------------------------------ */

/* One thread requests more memory than there is, again and again. The others run their sessions; new sessions
 * may be refused meanwhile, but nothing else may fail. */
static void *use_little(void *argument)
{
    struct thread *self = argument;
    limn_session *session, *other;
    self->good = limn_session_create(self->model, sizes[0], &session, NULL) == LIMN_OK;
    pthread_barrier_wait(self->start);
    if (self->number == 0) {
        for (int turn = 0; turn < 40; turn++) {
            limn_error error;
            limn_status status = limn_session_create(self->model, (limn_size){8, 512, 512}, &other, &error);
            self->good =
                self->good && status == LIMN_E_MEMORY && !other && strstr(error.message, "out of memory");
        }
        atomic_store(self->stop, true);
    }
    while (!atomic_load(self->stop)) {
        limn_status status = limn_session_create(self->model, sizes[0], &other, NULL);
        self->good = self->good && (status == LIMN_OK || status == LIMN_E_MEMORY) &&
                     (status || is_wanted(run_session(other, sizes[0]), 0)) &&
                     is_wanted(run_session(session, sizes[0]), 0);
        limn_session_free(other);
    }
    limn_session_free(session);
    return NULL;
}

static void test_a_limit_that_one_thread_meets(void **state)
{
    (void)state;
    limn_engine *engine = test_engine(2, LIMN_KERNELS_AUTO);
    limn_model *model;
    atomic_bool stop = false;
    assert_ok(limn_model_load(engine, path, &model, error));
    mem_set_limit(mem_in_use() + ((size_t)4 << 20));
    in_threads(use_little, model, &stop, "a memory limit");
    mem_set_limit(0);
    assert_true(is_wanted(run_model(model, sizes[3]), 3));
    limn_model_free(model);
    limn_engine_free(engine);
}

/* ---- fork -------------------------------------------------------------------------------- */

/* Whether `call` is true in a child, which may take its time but not wait for ever. */
static bool true_in_child(bool (*call)(limn_engine *, limn_model *, limn_session *), limn_engine *engine,
                          limn_model *model, limn_session *session)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(100);
        _exit(call(engine, model, session) ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool use_engine_of_child(limn_engine *parents, limn_model *model, limn_session *session)
{
    (void)parents, (void)model, (void)session;
    limn_options options = {.threads = THREAD_SANITIZER ? 1 : 3}; /* which allows no threads after a fork */
    limn_engine *engine;
    bool good = limn_engine_create(&options, &engine, NULL) == LIMN_OK &&
                limn_model_load(engine, path, &model, NULL) == LIMN_OK;
    for (int s = 0; good && s < SIZES; s++)
        good = is_wanted(run_model(model, sizes[s]), s);
    limn_model_free(model);
    limn_engine_free(engine);
    return good;
}

static bool use_engine_of_parent(limn_engine *engine, limn_model *model, limn_session *session)
{
    bool good = is_wanted(run_session(session, sizes[1]), 1); /* a session of the parent's, and new ones */
    for (int s = 0; good && s < SIZES; s++)
        good = is_wanted(run_model(model, sizes[s]), s);
    limn_session_free(session);
    limn_model_free(model);
    limn_engine_free(engine);
    return good;
}

static bool do_both(limn_engine *engine, limn_model *model, limn_session *session)
{
    return use_engine_of_parent(engine, model, session) && use_engine_of_child(NULL, NULL, NULL);
}

static void test_after_fork(void **state)
{
    (void)state;
    if (getenv("LIMN_TEST_QUICK")) /* set under qemu, where a child of a process with threads cannot have its
                                      own */
        skip();
    for (int threads = 1; threads <= 4; threads += 1 + THREAD_SANITIZER) {
        limn_engine *engine = test_engine(threads, LIMN_KERNELS_AUTO);
        limn_model *model;
        limn_session *session;
        assert_ok(limn_model_load(engine, path, &model, error));
        assert_ok(limn_session_create(model, sizes[1], &session, error));
        for (int round = 0; round < (THREAD_SANITIZER ? 2 : 4); round++) {
            if (round % 2)
                usleep(1000); /* the workers sleep, else they still look out for work */
            assert_true(is_wanted(run_session(session, sizes[1]), 1));
            assert_true(true_in_child(use_engine_of_child, engine, model, session));
            assert_true(true_in_child(use_engine_of_parent, engine, model, session));
            assert_true(true_in_child(do_both, engine, model, session));
            assert_true(is_wanted(run_session(session, sizes[1]), 1));
        }
        limn_session_free(session);
        limn_model_free(model);
        limn_engine_free(engine);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_model_many_threads),
        cmocka_unit_test(test_threads_look_into_their_own_runs),
        cmocka_unit_test(test_engines_come_and_go_in_threads),
        cmocka_unit_test(test_two_engines_take_turns),
        cmocka_unit_test(test_a_limit_that_one_thread_meets),
        cmocka_unit_test(test_after_fork),
    };
    return cmocka_run_group_tests(tests, make_wanted, free_wanted);
}
