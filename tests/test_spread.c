/* test_spread.c - spread hints against the equations of spread.h, solved plainly in double precision. */
#include "engine/base/memory.h"
#include "engine/pipelines/spread.h"
#include "tests/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNELS = 5, OTHER = 77 }; /* the network's four, and one that must stay */

static struct tensor make_input(int64_t height, int64_t width)
{
    float *values = calloc((size_t)(height * width), CHANNELS * sizeof *values);
    for (int64_t p = 0; p < height * width; p++)
        values[CHANNELS * p + 4] = OTHER;
    return tensor_view(values, 1, height, width, 4, CHANNELS);
}

static float *pixel_of(const struct tensor *input, int64_t y, int64_t x)
{
    return input->data + (y * input->w + x) * input->stride;
}

static void set_hint(struct tensor *input, int64_t y, int64_t x, float a, float b)
{
    memcpy(pixel_of(input, y, x) + 1, (const float[]){a, b, 1}, 3 * sizeof a);
}

/* ---- reference --------------------------------------------------------------------------- */

static double lightness_at(const struct tensor *input, int64_t y, int64_t x)
{
    y = y < 0 ? 0 : y < input->h ? y : input->h - 1;
    x = x < 0 ? 0 : x < input->w ? x : input->w - 1;
    return (double)pixel_of(input, y, x)[0] / 100;
}

/* The weights of the 3 x 3 pixels around one. */
static void weigh(const struct tensor *input, int64_t y, int64_t x, double weights[3][3])
{
    double mean = 0, variance = 0, total = 0, own = lightness_at(input, y, x);
    for (int i = 0; i < 9; i++)
        mean += lightness_at(input, y + i / 3 - 1, x + i % 3 - 1) / 9;
    for (int i = 0; i < 9; i++)
        variance += pow(lightness_at(input, y + i / 3 - 1, x + i % 3 - 1) - mean, 2) / 9;
    for (int i = 0; i < 9; i++) {
        int64_t ny = y + i / 3 - 1, nx = x + i % 3 - 1;
        bool counts = i != 4 && ny >= 0 && ny < input->h && nx >= 0 && nx < input->w;
        double apart = lightness_at(input, ny, nx) - own;
        double weight = fmax(exp(-apart * apart / fmax(0.6 * variance, 2e-6)), 1e-6);
        weights[i / 3][i % 3] = counts ? weight : 0;
        total += counts ? weight : 0;
    }
    double keep = 1 - fmin(1e-4 * 256 * 256 / (double)(input->h * input->w), 1);
    for (int i = 0; i < 9 && total > 0; i++)
        weights[i / 3][i % 3] *= keep / total;
}

/* One sweep over all pixels without a hint; returns the largest change of a confidence. values: a, b and 1,
 * times the confidence; within a border of zeros. */
static double sweep(const struct tensor *input, double (*weights)[3][3], double (*values)[3])
{
    double change = 0;
    for (int64_t y = 0; y < input->h; y++)
        for (int64_t x = 0; x < input->w; x++) {
            double sums[3] = {0};
            double(*at)[3] = values + (y + 1) * (input->w + 2) + x + 1;
            if (pixel_of(input, y, x)[3] > 0)
                continue;
            for (int i = 0; i < 9; i++)
                for (int v = 0; v < 3; v++)
                    sums[v] += weights[y * input->w + x][i / 3][i % 3] *
                               at[(i / 3 - 1) * (input->w + 2) + i % 3 - 1][v];
            change = fmax(change, fabs(sums[2] - at[0][2]));
            memcpy(at[0], sums, sizeof sums);
        }
    return change;
}

/* a, b and confidence of every pixel, until nothing changes. */
static double *solve(const struct tensor *input)
{
    size_t pixels = (size_t)(input->h * input->w);
    double(*weights)[3][3] = calloc(pixels, sizeof *weights);
    double(*values)[3] = calloc((size_t)((input->h + 2) * (input->w + 2)), sizeof *values);
    double *found = calloc(pixels, 3 * sizeof *found);
    for (int64_t p = 0; p < (int64_t)pixels; p++) {
        const float *pixel = input->data + p * input->stride;
        weigh(input, p / input->w, p % input->w, weights[p]);
        for (int v = 0; v < 3 && pixel[3] > 0; v++)
            values[(p / input->w + 1) * (input->w + 2) + p % input->w + 1][v] =
                v < 2 ? (double)pixel[1 + v] : 1;
    }
    while (sweep(input, weights, values) > 1e-7)
        ;
    for (int64_t p = 0; p < (int64_t)pixels; p++) {
        const double *from = values[(p / input->w + 1) * (input->w + 2) + p % input->w + 1];
        for (int v = 0; v < 3; v++)
            found[3 * p + v] = v < 2 ? from[v] / fmax(from[2], 1e-9) : from[2];
    }
    free(weights);
    free(values);
    return found;
}

/* Spreads, and compares with the solution: root mean square errors of the colours, weighted by the
 * confidence, and of the confidence. */
static void check_errors(const char *name, struct tensor *input, double most_colour, double most_confidence)
{
    double *want = solve(input), colour = 0, total = 0, confidence = 0;
    assert_ok(spread_hints(input, NULL, error));
    for (int64_t p = 0; p < input->h * input->w; p++) {
        const float *got = input->data + p * input->stride;
        for (int v = 0; v < 2; v++)
            colour += want[3 * p + 2] * pow((double)got[1 + v] - want[3 * p + v], 2) / 2;
        total += want[3 * p + 2];
        confidence += pow((double)got[3] - want[3 * p + 2], 2);
        assert_true(got[4] == OTHER);
    }
    colour = sqrt(colour / total);
    confidence = sqrt(confidence / (double)(input->h * input->w));
    if (!(colour <= most_colour && confidence <= most_confidence))
        fail_with("%s, %d x %d: error of ab %g, of the confidence %g", name, (int)input->h, (int)input->w,
                  colour, confidence);
    free(want);
}

/* ---- tests ------------------------------------------------------------------------------- */

/* Shades with discs of other lightness. */
static struct tensor make_scene(struct random *random, int64_t height, int64_t width, int hints)
{
    struct tensor input = make_input(height, width);
    for (int64_t p = 0; p < height * width; p++)
        input.data[p * CHANNELS] = 30 + 10 * (float)p / (float)(height * width) + random_float(random);
    for (int i = 0; i < 4; i++) {
        int64_t row = random_below(random, height), column = random_below(random, width);
        int64_t radius = 1 + random_below(random, 1 + (height + width) / 4);
        float shade = 20 * random_float(random);
        for (int64_t y = 0; y < height; y++)
            for (int64_t x = 0; x < width; x++)
                if ((y - row) * (y - row) + (x - column) * (x - column) < radius * radius)
                    pixel_of(&input, y, x)[0] += shade;
    }
    for (int i = 0; i < hints; i++) {
        int64_t y = random_below(random, height), x = random_below(random, width);
        set_hint(&input, y, x, 60 * random_float(random), 60 * random_float(random));
    }
    return input;
}

static void test_against_the_equations(void **state)
{
    static const struct {
        int64_t height, width;
        int hints;
        double colour,
            confidence; /* largest errors; the sweeps on several grids stop well before the limit */
    } cases[] = {
        {1, 1, 1, 1e-3, 1e-4}, {2, 3, 1, 1e-3, 1e-4}, {5, 4, 3, 1e-3, 1e-4}, {9, 1, 2, 1e-3, 1e-4},
        {16, 16, 4, 1, 0.02},  {17, 31, 6, 8, 0.2},   {64, 64, 8, 8, 0.2},   {96, 41, 20, 8, 0.2},
    };
    struct random random = {1};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tensor input = make_scene(&random, cases[i].height, cases[i].width, cases[i].hints);
        check_errors("scene", &input, cases[i].colour, cases[i].confidence);
        free(input.data);
    }
}

/* Two halves of other lightness, a hint in each: all pixels have a colour nearer to that of their own. */
static void test_edges_stop_colours(void **state)
{
    static const int64_t sizes[][2] = {{256, 256}, {64, 64}, {511, 300}, {40, 1024}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t height = sizes[i][0], width = sizes[i][1];
        struct tensor input = make_input(height, width);
        for (int64_t p = 0; p < height * width; p++)
            input.data[p * CHANNELS] = p % width < width / 2 ? 30 : 60;
        set_hint(&input, height / 2, width / 4, 50, -20);
        set_hint(&input, height / 3, 3 * width / 4, -10, 70);
        assert_ok(spread_hints(&input, NULL, error));
        for (int64_t y = 0; y < height; y++)
            for (int64_t x = 0; x < width; x++) {
                const float *pixel = pixel_of(&input, y, x);
                bool left = x < width / 2;
                if ((pixel[1] > 20) != left || (pixel[2] < 25) != left)
                    fail_with("%d x %d: %d, %d has %g, %g", (int)height, (int)width, (int)y, (int)x,
                              (double)pixel[1], (double)pixel[2]);
            }
        free(input.data);
    }
}

/* Colours stay between those of the hints, confidences between 0 and 1; hints keep theirs. */
static void check_range(const struct tensor *before, const struct tensor *after)
{
    float least[2] = {INFINITY, INFINITY}, most[2] = {-INFINITY, -INFINITY};
    for (int64_t p = 0; p < before->h * before->w; p++) {
        const float *pixel = before->data + p * CHANNELS;
        for (int v = 0; v < 2 && pixel[3] > 0; v++) {
            least[v] = fminf(least[v], pixel[1 + v]);
            most[v] = fmaxf(most[v], pixel[1 + v]);
        }
    }
    for (int64_t p = 0; p < before->h * before->w; p++) {
        const float *old = before->data + p * CHANNELS, *new = after->data + p *CHANNELS;
        if (old[3] > 0)
            assert_memory_equal(new, old, CHANNELS * sizeof *new);
        assert_true(new[0] == old[0] && new[4] == OTHER &&new[3] >= 0 && new[3] <= 1);
        for (int v = 0; v < 2; v++)
            assert_true(new[3] < 1e-6F || (new[1 + v] >= least[v] - 0.01F && new[1 + v] <= most[v] + 0.01F));
    }
}

static void test_any_size(void **state)
{
    static const int64_t sizes[][2] = {{1, 1},   {1, 2},    {1, 17},    {300, 1}, {3, 2},   {16, 17},
                                       {33, 15}, {1000, 3}, {127, 129}, {72, 72}, {2, 4099}};
    struct random random = {2};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int hints = 0; hints < 4; hints++) {
            struct tensor input = make_scene(&random, sizes[i][0], sizes[i][1], hints);
            struct tensor before = make_input(sizes[i][0], sizes[i][1]);
            size_t bytes = (size_t)(input.h * input.w) * CHANNELS * sizeof(float);
            memcpy(before.data, input.data, bytes);
            assert_ok(spread_hints(&input, NULL, error));
            if (hints)
                check_range(&before, &input);
            else
                assert_memory_equal(before.data, input.data, bytes);
            free(before.data);
            free(input.data);
        }
}

static bool cancel(void *context, double done)
{
    int *left = context;
    (void)done;
    return --*left > 0;
}

static void test_cancelled(void **state)
{
    struct random random = {3};
    (void)state;
    for (int calls = 1; calls < 80; calls += 13) {
        struct tensor input = make_scene(&random, 64, 80, 3), before = make_input(64, 80);
        int left = calls;
        const limn_watch user = {cancel, &left};
        struct watch watch = watch_of(&user);
        size_t bytes = 64 * 80 * CHANNELS * sizeof(float), held = mem_in_use();
        memcpy(before.data, input.data, bytes);
        assert_fails(spread_hints(&input, &watch, error), LIMN_E_CANCELLED, "cancelled, 0 %");
        assert_memory_equal(before.data, input.data, bytes);
        assert_int_equal(mem_in_use(), held);
        free(before.data);
        free(input.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_the_equations),
        cmocka_unit_test(test_edges_stop_colours),
        cmocka_unit_test(test_any_size),
        cmocka_unit_test(test_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
