/* test_bf16.c - bf16 parts of floats, and their products: bf16.h, simd_split.c, simd_tiles.c, bf16_avx512.c.
 */
#include "layers/bf16.h"
#include "layers/simd.h"
#include "tests/support.h"
#include "tests/support_layers.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static float of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Numbers that splitting treats differently, then random bits. */
static float number(struct random *random, int64_t i)
{
    static const uint32_t special[] = {
        0x00000000, 0x80000000, 0x3F800000, 0x3F7FFFFF, 0x3F808000, 0x3F818000, 0x3F808001, /* ties */
        0x7F7FFFFF, 0xFF7FFFFF, 0x7F7F7FFF, 0x7F7F8000,                                     /* FLT_MAX */
        0x7F800000, 0xFF800000, 0x7F800001, 0xFF80FFFF, 0x7FFFFFFF, 0x7FC00000,             /* inf, NaN */
        0x00000001, 0x007FFFFF, 0x00800000, 0x00FFFFFF, 0x0BFFFFFF, 0x0C000001, /* 2^-126, 2^-103 */
    };
    enum { COUNT = sizeof special / sizeof *special };
    return of_bits(i < COUNT ? special[i] : (uint32_t)random_below(random, INT64_C(1) << 32));
}

static float sum_of(const uint16_t *part, int parts)
{
    float sum = 0;
    for (int i = parts - 1; i >= 0; i--)
        sum += bf16_value(part[i]);
    return sum;
}

static void test_parts(void **state)
{
    (void)state;
    struct random random = {1};
    for (int64_t i = 0; i < 100000; i++) {
        float x = number(&random, i);
        for (int parts = 1; parts <= BF16_PARTS_MOST; parts++) {
            uint16_t part[BF16_PARTS_MOST];
            bf16_split(x, parts, part);
            float sum = sum_of(part, parts), small = fabsf(x) * (parts == 2 ? 0x1p-17F : 0x1p-8F);
            if (!isfinite(x))
                assert_true(isnan(x) ? isnan(sum) : sum == x);
            else if (parts == BF16_PARTS_MOST && fabsf(x) >= 0x1p-103F)
                assert_true(sum == x);
            else if (parts != 2 || fabsf(x) < 0x1.FFFEp127F) /* there the sum of two parts may overflow */
                assert_true(isfinite(sum) && fabsf(sum - x) <= small + FLT_MIN);
        }
    }
}

enum {
    TERMS = 2 * BF16_STEP + 5, /* the last step is incomplete */
    STEPS = 3,
    A_STRIDE = (STEPS * BF16_PARTS_MOST + 1) * BF16_STEP
};

/* Where a part of term `term` of row or column `line` is stored: see bf16.h. */
static int64_t place_in_a(int parts, int part, int64_t line, int64_t term)
{
    return line * A_STRIDE + (term / BF16_STEP * parts + part) * BF16_STEP + term % 16 * 2 + term / 16 % 2;
}

static int64_t place_in_b(int parts, int part, int64_t line, int64_t term)
{
    return (term / BF16_STEP * parts + part) * BF16_PART + line / 16 * BF16_PART / 2 + term % 16 * 32 +
           line % 16 * 2 + term / 16 % 2;
}

/* What products make of a number: those below 2^-126 count as 0. */
static uint16_t counted(uint16_t number)
{
    return number & 0x7F80 ? number : 0;
}

static void check_split(const float *x, const uint16_t *got, int parts, int64_t line,
                        int64_t (*place)(int parts, int part, int64_t line, int64_t term), int64_t stride,
                        int64_t term_stride)
{
    for (int64_t term = 0; term < STEPS * BF16_STEP; term++) {
        uint16_t want[BF16_PARTS_MOST];
        bf16_split(term < TERMS ? x[line * stride + term * term_stride] : 0, parts, want);
        for (int part = 0; part < parts; part++)
            assert_int_equal(counted(got[place(parts, part, line, term)]), counted(want[part]));
    }
}

static void test_vectors_split_alike(void **state)
{
    (void)state;
    struct random random = {2};
    static uint16_t a[BF16_SIDE * A_STRIDE], b[STEPS * BF16_PARTS_MOST * BF16_PART];
    static float rows[BF16_SIDE * TERMS], columns[TERMS * BF16_SIDE];
    for (int64_t i = 0; i < BF16_SIDE * TERMS; i++)
        rows[i] = columns[i] = number(&random, i);
    for (int parts = 1; parts <= BF16_PARTS_MOST; parts++) {
        for (int64_t row = 0; row < BF16_SIDE; row++)
            simd()->split_row(parts, rows + row * TERMS, TERMS, a + row * A_STRIDE);
        simd()->split_weights(parts, columns, TERMS, b);
        for (int64_t line = 0; line < BF16_SIDE; line++) {
            check_split(rows, a, parts, line, place_in_a, TERMS, 1);
            check_split(columns, b, parts, line, place_in_b, 1, BF16_SIDE);
        }
    }
}

/* ---- products ---------------------------------------------------------------------------- */

static float flushed(float x)
{
    return fabsf(x) < FLT_MIN ? copysignf(0, x) : x;
}

/* TDPBF16PS for one element: 16 pairs of a row of A and of a column of B. See matrix_tile.h. */
static float tile_element(float c, const uint16_t *a, const uint16_t *b, int64_t column)
{
    float first = 0, second = 0;
    for (int64_t pair = 0; pair < 16; pair++) {
        const uint16_t *of_b = b + pair * 32 + column * 2;
        first = flushed(fmaf(flushed(bf16_value(a[2 * pair])), flushed(bf16_value(of_b[0])), first));
        second = flushed(fmaf(flushed(bf16_value(a[2 * pair + 1])), flushed(bf16_value(of_b[1])), second));
    }
    return flushed(flushed(c) + flushed(first + second));
}

/* An element of C, by products of tiles in the order of simd_tiles.c. */
static float true_element(const struct bf16_block *block, int parts, float c, int64_t row, int64_t column)
{
    for (int64_t step = 0; step < block->steps; step++)
        for (int i = 0; i < parts; i++)
            for (int j = 0; i + j < parts; j++)
                c = tile_element(c, block->a + row * block->a_stride + (step * parts + i) * BF16_STEP,
                                 block->b + (step * parts + j) * BF16_PART + column / 16 * BF16_PART / 2,
                                 column % 16);
    return c;
}

/* A block of random numbers, with exponents `range` wide so that sums underflow or overflow. */
static void fill_block(struct random *random, int range, uint16_t *numbers, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        int exponent = range ? (int)random_below(random, range) - range / 2 : 0;
        bf16_split((float)ldexp(random_float(random), exponent), 1, &numbers[i]);
    }
}

static bool same(float x, float y)
{
    return (isnan(x) && isnan(y)) || memcmp(&x, &y, sizeof x) == 0;
}

/* The tiles, of the processor or in plain C, to the last bit; AVX512-BF16 adds in another order. */
static void test_products(void **state)
{
    (void)state;
    struct random random = {3};
    static uint16_t a[BF16_SIDE * A_STRIDE] __attribute__((aligned(64)));
    static uint16_t b[STEPS * BF16_PARTS_MOST * BF16_PART] __attribute__((aligned(64)));
    static float c[BF16_SIDE * (BF16_SIDE + 3)], before[BF16_SIDE * (BF16_SIDE + 3)];
    static const int ranges[] = {0, 20, 140, 250};
    bool exact = running_isa != ISA_AVX512_BF16;
    for (size_t range = 0; range < sizeof ranges / sizeof *ranges; range++)
        for (int parts = 1; parts <= BF16_PARTS_MOST; parts++)
            for (int add = 0; add < 2; add++) {
                struct bf16_block block = {.a = a, .b = b, .steps = STEPS, .c = c, .add = add};
                block.a_stride = A_STRIDE, block.c_stride = BF16_SIDE + 3;
                fill_block(&random, ranges[range], a, BF16_SIDE * A_STRIDE);
                fill_block(&random, ranges[range], b, STEPS * parts * BF16_PART);
                for (size_t i = 0; i < sizeof c / sizeof *c; i++)
                    c[i] = before[i] = random_float(&random);
                uint64_t denormals = simd()->bf16->start();
                simd()->bf16->multiply[parts](&block);
                simd()->bf16->end(denormals);
                for (int64_t row = 0; row < BF16_SIDE; row++)
                    for (int64_t column = 0; column < BF16_SIDE + 3; column++) {
                        int64_t at = row * (BF16_SIDE + 3) + column;
                        if (column >= BF16_SIDE) {
                            assert_true(c[at] == before[at]);
                            continue;
                        }
                        float want = true_element(&block, parts, add ? before[at] : 0, row, column);
                        if (exact ? !same(c[at], want) : range == 0 && fabsf(c[at] - want) > 1e-4F)
                            fail_with("%s: %d parts, range %d, row %d, column %d: %a instead of %a",
                                      isa_name(running_isa), parts, ranges[range], (int)row, (int)column,
                                      (double)c[at], (double)want);
                    }
            }
}

/* The sets with bf16 add to another set's kernels and replace none of them: tests with these run once. */
static void test_floats_are_those_of_another_set(void **state)
{
    (void)state;
    for (enum isa isa = 0; isa < ISA_COUNT; isa++) {
        const struct simd *set = simd_for(isa), *floats = simd_for(isa_of_floats(isa));
        assert_memory_equal(set, floats, offsetof(struct simd, split_row));
        assert_ptr_equal(set->split_weights, floats->split_weights);
        assert_ptr_equal(set->epilogue, floats->epilogue);
    }
}

/* ---- layers ------------------------------------------------------------------------------ */

static const struct layer_dims layer_3x3 = {.n = 1,
                                            .ih = 10,
                                            .iw = 11,
                                            .ic = 40,
                                            .oh = 10,
                                            .ow = 11,
                                            .oc = 45,
                                            .kh = 3,
                                            .kw = 3,
                                            .stride_h = 1,
                                            .stride_w = 1,
                                            .pad_h = 1,
                                            .pad_w = 1,
                                            .dilation_h = 1,
                                            .dilation_w = 1};

enum { X_COUNT = 10 * 11 * 40, W_COUNT = 3 * 3 * 40 * 45, Y_COUNT = 10 * 11 * 45 };

/* layer_3x3 with a bf16 form, whether it applies or not. */
static void run_layer(const struct layer_variant *variant, const float *x, const float *w, float *y)
{
    struct layer_needs needs = variant->needs(&layer_3x3);
    struct guarded packed = guarded_create((int64_t)(needs.packed_bytes / sizeof(float)));
    struct guarded workspace = guarded_create((int64_t)(needs.workspace_bytes / sizeof(float)));
    struct layer_args args = {
        .d = layer_3x3, .x = x, .x_stride = 40, .y_stride = 45, .packed = packed.values};
    args.y = y;
    for (int64_t task = 0; task < needs.pack_tasks; task++) {
        struct layer_weights weights = {
            .stride_o = 1, .stride_i = 45, .stride_h = 3 * 1800, .stride_w = 1800};
        weights.data = w + variant->pack_span(&layer_3x3, task).first;
        variant->pack_task(&layer_3x3, &weights, packed.values, task);
    }
    for (int64_t task = 0; task < needs.run_tasks; task++)
        variant->run_task(&args, task, workspace.values);
    guarded_free(&packed);
    guarded_free(&workspace);
}

static void test_lean_weights_give_the_same(void **state)
{
    (void)state;
    struct random random = {4};
    static float x[X_COUNT], w[W_COUNT], y[Y_COUNT], lean[Y_COUNT];
    random_fill(&random, x, X_COUNT);
    random_fill(&random, w, W_COUNT);
    run_layer(&conv2d_bf16x3, x, w, y);
    run_layer(&conv2d_bf16x3_lean, x, w, lean);
    assert_memory_equal(y, lean, sizeof y);
}

/* Outputs that see a NaN are NaN; those that see infinity are NaN or infinite; FLT_MAX gives no NaN; no other
 * output changes. */
static void test_nonfinite_inputs(void **state)
{
    (void)state;
    enum { FORMS = 3 };
    static const struct layer_variant *const forms[FORMS] = {&conv2d_bf16x3, &conv2d_bf16x2, &conv2d_bf16};
    static const float values[] = {NAN, INFINITY, -INFINITY, FLT_MAX};
    struct random random = {5};
    static float x[X_COUNT], w[W_COUNT], y[Y_COUNT], got[Y_COUNT];
    random_fill(&random, w, W_COUNT);
    for (size_t i = 0; i < (size_t)FORMS * 4; i++) {
        float value = values[i % 4];
        random_fill(&random, x, X_COUNT);
        run_layer(forms[i / 4], x, w, y);
        x[(5 * 11 + 6) * 40 + 39] = value;
        run_layer(forms[i / 4], x, w, got);
        for (int64_t pixel = 0; pixel < 10 * 11; pixel++)
            for (int64_t oc = 0; oc < 45; oc++) {
                bool near = llabs(pixel / 11 - 5) <= 1 && llabs(pixel % 11 - 6) <= 1;
                float a = y[pixel * 45 + oc], b = got[pixel * 45 + oc];
                if (!near ? !same(a, b) : isnan(value) ? !isnan(b) : isinf(value) ? isfinite(b) : isnan(b))
                    fail_with("%s: %a at pixel %d gives %a", forms[i / 4]->name, (double)value, (int)pixel,
                              (double)b);
            }
    }
}

int main(void)
{
    const struct CMUnitTest once[] = {cmocka_unit_test(test_parts),
                                      cmocka_unit_test(test_floats_are_those_of_another_set)};
    const struct CMUnitTest on_every_isa[] = {
        cmocka_unit_test(test_vectors_split_alike), cmocka_unit_test(test_products),
        cmocka_unit_test(test_lean_weights_give_the_same), cmocka_unit_test(test_nonfinite_inputs)};
    return cmocka_run_group_tests(once, NULL, NULL) +
           run_on_every_isa(on_every_isa, sizeof on_every_isa / sizeof *on_every_isa);
}
