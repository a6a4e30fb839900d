/* simd_winograd.c - Winograd's minimal filtering: convolution with fewer multiplications.
 *
 * Two outputs of a kernel of three taps take six products by the definition. Winograd (1980) takes four:
 *
 *     y0 = d0 g0 + d1 g1 + d2 g2      m0 = (d0 - d2) g0              m1 = (d1 + d2) (g0 + g1 + g2) / 2
 *     y1 = d1 g0 + d2 g1 + d3 g2      m3 = (d1 - d3) g2              m2 = (d2 - d1) (g0 - g1 + g2) / 2
 *                                     y0 = m0 + m1 + m2              y1 = m1 - m2 - m3
 *
 * In general F(m, r), m outputs of r taps, takes n = m + r - 1 products, each a sum of inputs times a sum of
 * taps; in two dimensions, a transform of the rows and one of the columns,
 *
 *     Y = A^T [ (G g G^T) . (B^T d B) ] A          d: n x n inputs, g: r x r taps, Y: m x m outputs
 *
 * and the products are n^2 instead of m^2 r^2 (Lavin and Gray, "Fast Algorithms for Convolutional Neural
 * Networks", 2016). With many channels the dot in the middle becomes, for each of the n^2 positions, a sum
 * over the input channels: a matrix product. Only the transforms are here; conv2d_winograd.c puts them
 * together.
 *
 * The matrices come from evaluating polynomials at n - 1 points and at infinity (Toom and Cook): A^T has a
 * column of powers of each point a, G its powers divided by N(a) = product of (a - b) over the other points
 * b, and the row of B^T holds the coefficients of product of (x - b). Points in pairs +a, -a share their even
 * and odd halves:
 *
 *     n = 5:  +-3/8, +-11/8, infinity       F(3,3)
 *     n = 6:  0, +-5/8, +-3/2, infinity     F(4,3), F(2,5)
 *     n = 8:  0, +-1/2, +-1, +-2, infinity  F(4,5)
 *
 * All of B and A is exact in binary. With these values, found by a search over sixteenths, the rounding error
 * of F(4,3) is about half of what the usual 0, +-1, +-2 give: 0.44 to 0.52 of it in the root mean square, and
 * 0.23 to 0.33 at the worst output, with 16 to 256 input channels. For 8 points the search found the usual
 * ones.
 *
 * Phases. The two phases of a transposed convolution (phases.h) are convolutions of two taps, whose inputs
 * begin one pixel apart. As three taps, g0 g1 0 and 0 g0 g1, they see the same inputs and share V; then the
 * first has a zero at infinity and the second at 0, and each is F(4,2) with five of the six points. */
#include "layers/simd_vector.h"

enum { POINTS_MOST = 8, PAIRS_MOST = 3, OUTPUTS_MOST = 4, TAPS_MOST = 5 };

/* The pairs of points. If the number of points is even, 0 is before them; infinity is the last. */
static const float points_of[POINTS_MOST + 1][PAIRS_MOST] = {
    [5] = {0.375F, 1.375F}, [6] = {0.625F, 1.5F}, [8] = {0.5F, 1, 2}};

enum { NO_PAIR = -1 };

INLINE int count_pairs(int points)
{
    return (points - 1) / 2;
}

INLINE bool has_zero(int points)
{
    return points % 2 == 0;
}

INLINE float power(float base, int exponent)
{
    float product = 1;
    UNROLL for (int i = 0; i < exponent; i++) product *= base;
    return product;
}

/* The sum of the coefficients of the product of x^2 - a^2, over all pairs but `left_out`, times every second
 * vector from d on. */
INLINE vector product_of_pairs(int points, int left_out, const vector *d, int step)
{
    float c[PAIRS_MOST + 1] = {1}; /* the highest power first */
    int degree = 0;
    UNROLL for (int pair = 0; pair < count_pairs(points); pair++)
    {
        if (pair == left_out)
            continue;
        float square = power(points_of[points][pair], 2);
        degree++;
        UNROLL for (int i = PAIRS_MOST; i > 0; i--) c[i] -= square * c[i - 1];
    }
    vector sum = d[2 * degree * step];
    UNROLL for (int i = 1; i <= degree; i++) sum += c[i] * d[2 * (degree - i) * step];
    return sum;
}

/* One line of B^T d, in place: d[0], d[step], ... The product of x - b over the other points is for +-a that
 * of x^2 - b^2 over the other pairs, times x +- a, and times x if 0 is a point. */
INLINE void input_line(int points, vector *d, int step)
{
    vector v[POINTS_MOST];
    const vector *x = has_zero(points) ? d + step : d;
    if (has_zero(points))
        v[0] = product_of_pairs(points, NO_PAIR, d, step);
    UNROLL for (int pair = 0; pair < count_pairs(points); pair++)
    {
        vector high = product_of_pairs(points, pair, x + step, step);
        vector low = points_of[points][pair] * product_of_pairs(points, pair, x, step);
        vector *to = v + has_zero(points) + 2 * pair;
        to[0] = high + low, to[1] = high - low;
    }
    v[points - 1] = product_of_pairs(points, NO_PAIR, x, step);
    UNROLL for (int i = 0; i < points; i++) d[i * step] = v[i];
}

/* Powers `first`, first + 2, ... of a times their taps: half of the polynomial g at a. */
INLINE vector half(int taps, int first, float a, const vector *g, int step)
{
    vector sum = power(a, first) * g[first * step];
    UNROLL for (int i = first + 2; i < taps; i += 2) sum += power(a, i) * g[i * step];
    return sum;
}

/* 1 / N(a) for the point a of a pair, or with NO_PAIR for the point 0. */
INLINE float inverse_of_distances(int points, int pair)
{
    float a = pair == NO_PAIR ? 0 : points_of[points][pair];
    float product = pair == NO_PAIR ? 1 : has_zero(points) ? 2 * a * a : 2 * a;
    UNROLL for (int other = 0; other < count_pairs(points); other++) if (other != pair) product *=
        a * a - power(points_of[points][other], 2);
    return 1 / product;
}

/* One line of G g: taps at g[0], g[g_step], ... => points at u[0], u[step], ... */
INLINE void weights_line(int points, int taps, const vector *g, int g_step, vector *u, int step)
{
    if (has_zero(points))
        u[0] = inverse_of_distances(points, NO_PAIR) * g[0];
    UNROLL for (int pair = 0; pair < count_pairs(points); pair++)
    {
        float a = points_of[points][pair], scale = inverse_of_distances(points, pair);
        float sign = has_zero(points) ? 1 : -1; /* N(-a) = N(a) when 0 is a point, else -N(a) */
        vector even = half(taps, 0, a, g, g_step), odd = half(taps, 1, a, g, g_step);
        vector *to = u + (has_zero(points) + 2 * pair) * step;
        to[0] = scale * (even + odd), to[step] = sign * scale * (even - odd);
    }
    u[(points - 1) * step] = g[(taps - 1) * g_step];
}

/* One line of A^T m: points at m[0], m[m_step], ... => outputs at y[0], y[step], ... Of 6 points, the first
 * (0) is missing if `zero` is false, the last (infinity) if `infinity` is false. */
INLINE void output_line(int points, bool zero, bool infinity, int outputs, const vector *m, int m_step,
                        vector *y, int step)
{
    const vector *x = zero ? m + m_step : m;
    UNROLL for (int j = 0; j < outputs; j++)
    {
        vector sum = {0};
        UNROLL for (int pair = 0; pair < count_pairs(points); pair++)
        {
            vector plus = x[2 * pair * m_step], minus = x[(2 * pair + 1) * m_step];
            vector term = power(points_of[points][pair], j) * (j % 2 ? plus - minus : plus + minus);
            sum = pair ? sum + term : term;
        }
        if (j == 0 && zero)
            sum += m[0];
        y[j * step] = j == outputs - 1 && infinity ? sum + x[2 * count_pairs(points) * m_step] : sum;
    }
}

INLINE void input_tile(int points, const float *const *at, int64_t c, int64_t count, float *v,
                       int64_t v_stride)
{
    vector t[POINTS_MOST * POINTS_MOST];
    UNROLL for (int column = 0; column < points; column++)
    {
        UNROLL for (int row = 0; row < points; row++) t[row * points + column] =
            load_part(at[row * points + column] + c, count);
        input_line(points, t + column, points);
    }
    UNROLL for (int row = 0; row < points; row++)
    {
        input_line(points, t + row * points, 1);
        UNROLL for (int column = 0; column < points; column++)
            store(v + (row * points + column) * v_stride + c, t[row * points + column]);
    }
}

INLINE int count_given(int points, int kept, int taps)
{
    return kept < points ? taps - 1 : taps;
}

/* The columns of G g; g: taps x taps, in a phase (kept < points) 2x2, in the corner that skip_h and skip_w
 * select. */
INLINE void weights_columns(int points, int kept, int skip_h, int skip_w, int taps, const float *w,
                            int64_t columns, vector *t)
{
    vector g[TAPS_MOST * TAPS_MOST];
    int given = count_given(points, kept, taps);
    UNROLL for (int tap = 0; tap < taps * taps; tap++)
    {
        int row = tap / taps - skip_h, column = tap % taps - skip_w;
        bool there = row >= 0 && row < given && column >= 0 && column < given;
        g[tap] = there ? load(w + (row * given + column) * columns) : (vector){0};
    }
    UNROLL for (int column = 0; column < taps; column++)
        weights_line(points, taps, g + column, taps, t + column, taps);
}

INLINE void weights_tile(int points, int kept, int skip_h, int skip_w, int taps, const float *w,
                         int64_t columns, int64_t c, float *u, int64_t u_stride)
{
    vector t[POINTS_MOST * TAPS_MOST], line[POINTS_MOST];
    weights_columns(points, kept, skip_h, skip_w, taps, w + c, columns, t);
    UNROLL for (int row = 0; row < kept; row++)
    {
        weights_line(points, taps, t + (row + skip_h) * taps, 1, line, 1);
        UNROLL for (int column = 0; column < kept; column++)
            store(u + (row * kept + column) * u_stride + c, line[column + skip_w]);
    }
}

/* Of the columns of G g, the compiler leaves only what `row` needs. */
INLINE void weights_row(int points, int kept, int skip_h, int skip_w, int taps, int row, const float *w,
                        int64_t channels, int64_t columns, float *u, int64_t u_stride)
{
    int64_t given = count_given(points, kept, taps);
    for (int64_t i = 0; i < channels; i++, w += given * given * columns, u += columns)
        for (int64_t c = 0; c < columns; c += VECTOR_FLOATS) {
            vector t[POINTS_MOST * TAPS_MOST], line[POINTS_MOST];
            weights_columns(points, kept, skip_h, skip_w, taps, w + c, columns, t);
            weights_line(points, taps, t + (row + skip_h) * taps, 1, line, 1);
            UNROLL for (int column = 0; column < kept; column++)
                store(u + column * u_stride + c, line[column + skip_w]);
        }
}

INLINE void output_tile(int points, int kept, int skip_h, int skip_w, int outputs, const float *m,
                        int64_t m_stride, int64_t c, int64_t count, const struct simd_outputs *to)
{
    vector in[POINTS_MOST], t[OUTPUTS_MOST * POINTS_MOST], line[OUTPUTS_MOST];
    const float *residuals[OUTPUTS_MOST];
    const struct epilogue e = *to->epilogue; /* a copy, because stores to y might change the original */
    bool phase = kept < points;
    UNROLL for (int column = 0; column < kept; column++)
    {
        UNROLL for (int row = 0; row < kept; row++) in[row] = load(m + (row * kept + column) * m_stride + c);
        output_line(points, has_zero(points) && !skip_h, !phase || skip_h, outputs, in, 1, t + column, kept);
    }
    UNROLL for (int row = 0; row < outputs; row++)
    {
        const int64_t *pixels = to->pixels + row * outputs;
        output_line(points, has_zero(points) && !skip_w, !phase || skip_w, outputs, t + row * kept, 1, line,
                    1);
        UNROLL for (int i = 0; i < outputs; i++) residuals[i] =
            e.residual && pixels[i] >= 0 ? e.residual + pixels[i] * e.residual_stride : NULL;
        epilogue_vectors(&e, residuals, c, count, outputs, line);
        UNROLL for (int i = 0; i < outputs; i++) if (pixels[i] >= 0)
            store_part(to->y + pixels[i] * to->y_stride + c, line[i], count);
    }
}

/* The part of the epilogue that output_tile leaves out, for all outputs of a tile. */
static void apply_tanh_or_sigmoid_tile(int outputs, int64_t channels, const struct simd_outputs *to)
{
    for (int i = 0; i < outputs * outputs; i++)
        if (to->pixels[i] >= 0)
            SIMD(apply_tanh_or_sigmoid)(to->epilogue, channels, to->y + to->pixels[i] * to->y_stride);
}

#define WINOGRAD_INPUT(name, points)                                                                         \
    static void name(const float *const *at, int64_t channels, float *v, int64_t v_stride)                   \
    {                                                                                                        \
        int64_t c = 0;                                                                                       \
        for (; c + VECTOR_FLOATS <= channels; c += VECTOR_FLOATS)                                            \
            input_tile(points, at, c, VECTOR_FLOATS, v, v_stride);                                           \
        if (c < channels)                                                                                    \
            input_tile(points, at, c, channels - c, v, v_stride);                                            \
    }

#define WINOGRAD_FORM(form, points, kept, skip_h, skip_w, taps, outputs)                                     \
    static void weights_##form(const float *w, int64_t columns, float *u, int64_t u_stride)                  \
    {                                                                                                        \
        for (int64_t c = 0; c < columns; c += VECTOR_FLOATS)                                                 \
            weights_tile(points, kept, skip_h, skip_w, taps, w, columns, c, u, u_stride);                    \
    }                                                                                                        \
    static void output_##form(const float *m, int64_t m_stride, int64_t channels,                            \
                              const struct simd_outputs *to)                                                 \
    {                                                                                                        \
        int64_t c = 0;                                                                                       \
        for (; c + VECTOR_FLOATS <= channels; c += VECTOR_FLOATS)                                            \
            output_tile(points, kept, skip_h, skip_w, outputs, m, m_stride, c, VECTOR_FLOATS, to);           \
        if (c < channels)                                                                                    \
            output_tile(points, kept, skip_h, skip_w, outputs, m, m_stride, c, channels - c, to);            \
        if (is_tanh_or_sigmoid(to->epilogue))                                                                \
            apply_tanh_or_sigmoid_tile(outputs, channels, to);                                               \
    }

#define WINOGRAD_ROW(form, points, kept, skip_h, skip_w, taps)                                               \
    static void weights_row_##form(int row, const float *w, int64_t channels, int64_t columns, float *u,     \
                                   int64_t u_stride)                                                         \
    {                                                                                                        \
        UNROLL for (int r = 0; r < (kept); r++) if (r == row)                                                \
            weights_row(points, kept, skip_h, skip_w, taps, r, w, channels, columns, u, u_stride);           \
    }

WINOGRAD_INPUT(input_8, 8)
WINOGRAD_INPUT(input_6, 6)
WINOGRAD_INPUT(input_5, 5)
WINOGRAD_FORM(4_3, 6, 6, 0, 0, 3, 4)
WINOGRAD_FORM(4_5, 8, 8, 0, 0, 5, 4)
WINOGRAD_FORM(2_5, 6, 6, 0, 0, 5, 2)
WINOGRAD_FORM(3_3, 5, 5, 0, 0, 3, 3)
WINOGRAD_FORM(phase_00, 6, 5, 0, 0, 3, 4)
WINOGRAD_FORM(phase_01, 6, 5, 0, 1, 3, 4)
WINOGRAD_FORM(phase_10, 6, 5, 1, 0, 3, 4)
WINOGRAD_FORM(phase_11, 6, 5, 1, 1, 3, 4)
WINOGRAD_ROW(4_3, 6, 6, 0, 0, 3)
WINOGRAD_ROW(phase_00, 6, 5, 0, 0, 3)
WINOGRAD_ROW(phase_01, 6, 5, 0, 1, 3)
WINOGRAD_ROW(phase_10, 6, 5, 1, 0, 3)
WINOGRAD_ROW(phase_11, 6, 5, 1, 1, 3)

/* 8 points enlarge the rounding errors of the sums on the way back four times as much as 6: so sums are
 * shorter. */
enum { CHAIN = 256, CHAIN_8 = 64 };

/* For panels of 64 columns; those of 16 have all rows of U in the cache at a time. */
#define WIDE(weights_row) (VECTOR_FLOATS == 16 ? (weights_row) : NULL)

const struct winograd_kernels SIMD(winograd)[WINOGRAD_FORMS] = {
    [WINOGRAD_4_3] = {6, 6, 0, 0, 3, 4, CHAIN, input_6, weights_4_3, output_4_3, WIDE(weights_row_4_3)},
    [WINOGRAD_4_5] = {8, 8, 0, 0, 5, 4, CHAIN_8, input_8, weights_4_5, output_4_5, NULL},
    [WINOGRAD_2_5] = {6, 6, 0, 0, 5, 2, CHAIN, input_6, weights_2_5, output_2_5, NULL},
    [WINOGRAD_3_3] = {5, 5, 0, 0, 3, 3, CHAIN, input_5, weights_3_3, output_3_3, NULL},
    [WINOGRAD_PHASES + 0] = {6, 5, 0, 0, 2, 4, CHAIN, input_6, weights_phase_00, output_phase_00,
                             WIDE(weights_row_phase_00)},
    [WINOGRAD_PHASES + 1] = {6, 5, 0, 1, 2, 4, CHAIN, input_6, weights_phase_01, output_phase_01,
                             WIDE(weights_row_phase_01)},
    [WINOGRAD_PHASES + 2] = {6, 5, 1, 0, 2, 4, CHAIN, input_6, weights_phase_10, output_phase_10,
                             WIDE(weights_row_phase_10)},
    [WINOGRAD_PHASES + 3] = {6, 5, 1, 1, 2, 4, CHAIN, input_6, weights_phase_11, output_phase_11,
                             WIDE(weights_row_phase_11)},
};
