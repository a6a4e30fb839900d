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
 *     n = 6:  0, +-5/8, +-3/2, infinity       n = 5:  +-3/8, +-11/8, infinity
 *
 * All of B and A is exact in binary. With these values, found by a search over sixteenths, the rounding error
 * of F(4,3) is about half of what the usual 0, +-1, +-2 give: 0.44 to 0.52 of it in the root mean square, and
 * 0.23 to 0.33 at the worst output, with 16 to 256 input channels. Forms with the same n share B: F(4,3) and
 * F(2,5) have n = 6, F(3,3) has 5.
 *
 * Phases. The two phases of a transposed convolution (phases.h) are convolutions of two taps, whose inputs
 * begin one pixel apart. As three taps, g0 g1 0 and 0 g0 g1, they see the same inputs and share V; then the
 * first has a zero at infinity and the second at 0, and each is F(4,2) with five of the six points. */
#include "layers/simd_vector.h"

enum { POINTS_MOST = 6 };

/* The pairs of points; 6 points begin with 0. */
#define NEAR(points) ((points) == 6 ? 0.625F : 0.375F)
#define FAR(points) ((points) == 6 ? 1.5F : 1.375F)

INLINE float power(float base, int exponent)
{
    float product = 1;
    UNROLL for (int i = 0; i < exponent; i++) product *= base;
    return product;
}

/* One line of B^T d, in place: d[0], d[step], ... */
INLINE void input_line(int points, vector *d, int step)
{
    const float p = NEAR(points), q = FAR(points), pp = p * p, qq = q * q;
    vector *x = points == 6 ? d + step : d; /* after the point 0: the pairs, and infinity */
    vector d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step];
    if (points == 6) {
        vector d5 = d[5 * step];
        d[0] = d4 - (pp + qq) * d2 + pp * qq * d0;
        vector even_p = d4 - qq * d2, odd_p = p * (d3 - qq * d1);
        vector even_q = d4 - pp * d2, odd_q = q * (d3 - pp * d1);
        x[0] = even_p + odd_p, x[step] = even_p - odd_p;
        x[2 * step] = even_q + odd_q, x[3 * step] = even_q - odd_q;
        x[4 * step] = d5 - (pp + qq) * d3 + pp * qq * d1;
    } else {
        vector odd_p = d3 - qq * d1, even_p = p * (d2 - qq * d0);
        vector odd_q = d3 - pp * d1, even_q = q * (d2 - pp * d0);
        x[0] = odd_p + even_p, x[step] = odd_p - even_p;
        x[2 * step] = odd_q + even_q, x[3 * step] = odd_q - even_q;
        x[4 * step] = d4 - (pp + qq) * d2 + pp * qq * d0;
    }
}

/* Powers `first`, first + 2, ... of a times their taps: half of the polynomial g at a. */
INLINE vector half(int taps, int first, float a, const vector *g, int step)
{
    vector sum = power(a, first) * g[first * step];
    UNROLL for (int i = first + 2; i < taps; i += 2) sum += power(a, i) * g[i * step];
    return sum;
}

/* One line of G g: taps at g[0], g[g_step], ... => points at u[0], u[step], ... */
INLINE void weights_line(int points, int taps, const vector *g, int g_step, vector *u, int step)
{
    const float p = NEAR(points), q = FAR(points), pp = p * p, qq = q * q;
    /* 1 / N: N(+-p) = +-2p (pp - qq), times pp from the pair's distance to 0 twice over 2 for 6 points. */
    const float np = points == 6 ? 1 / (2 * pp * (pp - qq)) : 1 / (2 * p * (pp - qq));
    const float nq = points == 6 ? 1 / (2 * qq * (qq - pp)) : 1 / (2 * q * (qq - pp));
    const float sign = points == 6 ? 1 : -1; /* N(-a) = N(a) when 0 is a point, else -N(a) */
    vector even_p = half(taps, 0, p, g, g_step), odd_p = half(taps, 1, p, g, g_step);
    vector even_q = half(taps, 0, q, g, g_step), odd_q = half(taps, 1, q, g, g_step);
    if (points == 6)
        u[0] = 1 / (pp * qq) * g[0];
    vector *x = points == 6 ? u + step : u;
    x[0] = np * (even_p + odd_p), x[step] = sign * np * (even_p - odd_p);
    x[2 * step] = nq * (even_q + odd_q), x[3 * step] = sign * nq * (even_q - odd_q);
    x[4 * step] = g[(taps - 1) * g_step];
}

/* One line of A^T m: points at m[0], m[m_step], ... => outputs at y[0], y[step], ... Of 6 points, the first
 * (0) is missing if `zero` is false, the last (infinity) if `infinity` is false. */
INLINE void output_line(int points, bool zero, bool infinity, int outputs, const vector *m, int m_step,
                        vector *y, int step)
{
    const float p = NEAR(points), q = FAR(points);
    const vector *x = zero ? m + m_step : m;
    vector sum_p = x[0] + x[m_step], difference_p = x[0] - x[m_step];
    vector sum_q = x[2 * m_step] + x[3 * m_step], difference_q = x[2 * m_step] - x[3 * m_step];
    UNROLL for (int j = 0; j < outputs; j++)
    {
        vector of_p = j % 2 ? difference_p : sum_p, of_q = j % 2 ? difference_q : sum_q;
        vector sum = j ? power(p, j) * of_p + power(q, j) * of_q : of_p + of_q;
        if (j == 0 && zero)
            sum += m[0];
        y[j * step] = j == outputs - 1 && infinity ? sum + x[4 * m_step] : sum;
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

/* taps x taps; in a phase (kept < points) 2x2, in the corner that skip_h and skip_w select. */
INLINE void weights_tile(int points, int kept, int skip_h, int skip_w, int taps, const float *w,
                         int64_t columns, int64_t c, float *u, int64_t u_stride)
{
    vector g[5 * 5], t[POINTS_MOST * 5], line[POINTS_MOST];
    int given = kept < points ? taps - 1 : taps;
    UNROLL for (int tap = 0; tap < taps * taps; tap++)
    {
        int row = tap / taps - skip_h, column = tap % taps - skip_w;
        bool there = row >= 0 && row < given && column >= 0 && column < given;
        g[tap] = there ? load(w + (row * given + column) * columns + c) : (vector){0};
    }
    UNROLL for (int column = 0; column < taps; column++)
        weights_line(points, taps, g + column, taps, t + column, taps);
    UNROLL for (int row = 0; row < kept; row++)
    {
        weights_line(points, taps, t + (row + skip_h) * taps, 1, line, 1);
        UNROLL for (int column = 0; column < kept; column++)
            store(u + (row * kept + column) * u_stride + c, line[column + skip_w]);
    }
}

INLINE void output_tile(int points, int kept, int skip_h, int skip_w, int outputs, const float *m,
                        int64_t m_stride, int64_t c, int64_t count, const struct simd_outputs *to)
{
    vector in[POINTS_MOST], t[4 * POINTS_MOST], line[4];
    const float *residuals[4];
    const struct epilogue e = *to->epilogue; /* a copy, because stores to y might change the original */
    bool phase = kept < points, six = points == 6;
    UNROLL for (int column = 0; column < kept; column++)
    {
        UNROLL for (int row = 0; row < kept; row++) in[row] = load(m + (row * kept + column) * m_stride + c);
        output_line(points, six && !skip_h, !phase || skip_h, outputs, in, 1, t + column, kept);
    }
    UNROLL for (int row = 0; row < outputs; row++)
    {
        const int64_t *pixels = to->pixels + row * outputs;
        output_line(points, six && !skip_w, !phase || skip_w, outputs, t + row * kept, 1, line, 1);
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

WINOGRAD_INPUT(input_6, 6)
WINOGRAD_INPUT(input_5, 5)
WINOGRAD_FORM(4_3, 6, 6, 0, 0, 3, 4)
WINOGRAD_FORM(2_5, 6, 6, 0, 0, 5, 2)
WINOGRAD_FORM(3_3, 5, 5, 0, 0, 3, 3)
WINOGRAD_FORM(phase_00, 6, 5, 0, 0, 3, 4)
WINOGRAD_FORM(phase_01, 6, 5, 0, 1, 3, 4)
WINOGRAD_FORM(phase_10, 6, 5, 1, 0, 3, 4)
WINOGRAD_FORM(phase_11, 6, 5, 1, 1, 3, 4)

const struct winograd_kernels SIMD(winograd)[WINOGRAD_FORMS] = {
    [WINOGRAD_4_3] = {6, 6, 0, 0, 3, 4, input_6, weights_4_3, output_4_3},
    [WINOGRAD_2_5] = {6, 6, 0, 0, 5, 2, input_6, weights_2_5, output_2_5},
    [WINOGRAD_3_3] = {5, 5, 0, 0, 3, 3, input_5, weights_3_3, output_3_3},
    [WINOGRAD_PHASES + 0] = {6, 5, 0, 0, 2, 4, input_6, weights_phase_00, output_phase_00},
    [WINOGRAD_PHASES + 1] = {6, 5, 0, 1, 2, 4, input_6, weights_phase_01, output_phase_01},
    [WINOGRAD_PHASES + 2] = {6, 5, 1, 0, 2, 4, input_6, weights_phase_10, output_phase_10},
    [WINOGRAD_PHASES + 3] = {6, 5, 1, 1, 2, 4, input_6, weights_phase_11, output_phase_11},
};
