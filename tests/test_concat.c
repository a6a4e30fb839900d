/* test_concat.c - values that lie inside others: parts of concats, and of concats in concats, written and
 * read in place. */
#include "engine/run/session.h"
#include "tests/support.h"

enum { C = 2, HEIGHT = 3, WIDTH = 5 };

static bool any_file(const struct graph *g)
{
    (void)g;
    return true;
}

static value_id times(struct graph *g, value_id x, const char *name)
{
    return graph_conv2d(g, x, (struct conv){0}, "%s", name);
}

/* 2x, 3x and 5x side by side, the last two in a concat of their own; 5x is added to 7x besides, from where it
 * lies; and the sum of all is weighed so that each shows in a decimal of its own. */
static void build(struct graph *g)
{
    value_id x = graph_input(g, "x", C);
    value_id two = times(g, x, "two"), three = times(g, x, "three"), five = times(g, x, "five");
    value_id all = graph_concat(g, (value_id[]){two, graph_concat(g, (value_id[]){three, five}, 2)}, 2);
    value_id twelve = graph_add(g, times(g, x, "seven"), five);
    graph_output(g, graph_add(g, times(g, all, "weigh"), twelve));
}

/* C x C weights that multiply by `factor`. */
static const float *factor(float factor)
{
    static float weights[8][C * C];
    static int turn;
    float *w = weights[turn++ % 8];
    w[0] = w[3] = factor;
    return w;
}

static const char *write_weights(void)
{
    static const float zeros[C];
    static const float weigh[C][3 * C] = {{1, 0, 10, 0, 100, 0}, {0, 1, 0, 10, 0, 100}};
    const struct made_tensor tensors[] = {
        {"two.weight", {C, C, 1, 1}, factor(2)},      {"two.bias", {C}, zeros},
        {"three.weight", {C, C, 1, 1}, factor(3)},    {"three.bias", {C}, zeros},
        {"five.weight", {C, C, 1, 1}, factor(5)},     {"five.bias", {C}, zeros},
        {"seven.weight", {C, C, 1, 1}, factor(7)},    {"seven.bias", {C}, zeros},
        {"weigh.weight", {C, 3 * C, 1, 1}, weigh[0]}, {"weigh.bias", {C}, zeros}};
    const char *path = scratch_path("concat.safetensors");
    write_safetensors(path, tensors, sizeof tensors / sizeof *tensors, "");
    return path;
}

static void test_nested_concats(void **state)
{
    static const struct model_kind kind = {"test", "", any_file, build, 0};
    const limn_kernels *kernels = *state;
    limn_engine *engine = test_engine(2, *kernels);
    limn_model *model;
    limn_session *session;
    int inside = 0;
    assert_ok(model_load_as(engine, write_weights(), &kind, &model, error));
    assert_ok(limn_session_create(model, (limn_size){1, HEIGHT, WIDTH}, &session, error));
    for (int i = 0; i < session->graph.count; i++)
        inside += session->plan.placements[i].host != NO_VALUE && !session->plan.placements[i].replaces;
    assert_int_equal(inside, 4); /* three parts and the inner concat */
    struct tensor *x = session_input(session, 0);
    float want[HEIGHT * WIDTH * C];
    for (int i = 0; i < HEIGHT * WIDTH * C; i++) {
        x->data[i] = (float)(i - 7);
        want[i] = 544 * x->data[i]; /* 2 + 30 + 500 + 12 */
    }
    assert_ok(limn_session_run(session, error));
    assert_true(tensors_agree(session_output(session), want, 0, 0, "nested concats"));
    limn_session_free(session);
    limn_model_free(model);
    limn_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KERNELS_TEST(test_nested_concats, AUTO),
        KERNELS_TEST(test_nested_concats, OPENBLAS),
        KERNELS_TEST(test_nested_concats, REFERENCE),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
