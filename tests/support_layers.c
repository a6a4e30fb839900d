/* support_layers.c - see support_layers.h. */
#include "tests/support_layers.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct buffers {
    struct guarded x, y, w, residual, bias, scale, shift;
};

static int64_t in_pixels(const struct layer_dims *d)
{
    return d->n * d->ih * d->iw;
}

static int64_t out_pixels(const struct layer_dims *d)
{
    return d->n * d->oh * d->ow;
}

static const char *describe(const struct trial *t, const char *variant)
{
    static const char *const activations[] = {"", " relu", " leaky_relu", " tanh", " sigmoid"};
    static char text[256];
    const struct layer_dims *d = &t->d;
    snprintf(text, sizeof text,
             "%s %s: n %" PRId64 " in %" PRId64 "x%" PRId64 "x%" PRId64 " out %" PRId64 "x%" PRId64
             "x%" PRId64 " kernel %" PRId64 "x%" PRId64 " stride %" PRId64 " %" PRId64 " pad %" PRId64
             " %" PRId64 " dilation %" PRId64 " %" PRId64 " extra %" PRId64 " %" PRId64 "%s%s%s%s%s",
             isa_name(running_isa), variant, d->n, d->ih, d->iw, d->ic, d->oh, d->ow, d->oc, d->kh, d->kw,
             d->stride_h, d->stride_w, d->pad_h, d->pad_w, d->dilation_h, d->dilation_w, t->x_extra,
             t->y_extra, t->bias ? " bias" : "", t->residual ? " residual" : "", activations[t->activation],
             t->scale ? " scale" : "", t->hwio ? " hwio" : "");
    return text;
}

struct guarded random_block(struct random *random, int64_t count)
{
    struct guarded block = guarded_create(count);
    random_fill(random, block.values, count);
    return block;
}

static bool has_weights(const struct trial *t)
{
    return t->kind == LAYER_CONV2D || t->kind == LAYER_CONV2D_TRANSPOSE;
}

static struct buffers make_buffers(const struct trial *t, struct random *random)
{
    const struct layer_dims *d = &t->d;
    return (struct buffers){
        .x = random_block(random, in_pixels(d) * (d->ic + t->x_extra)),
        .y = guarded_create(out_pixels(d) * (d->oc + t->y_extra)),
        .w = random_block(random, has_weights(t) ? d->oc * d->ic * d->kh * d->kw : 1),
        .residual = random_block(random, out_pixels(d) * (d->oc + 1)),
        .bias = random_block(random, d->oc),
        .scale = random_block(random, d->oc),
        .shift = random_block(random, d->oc),
    };
}

static void free_buffers(struct buffers *b)
{
    guarded_free(&b->x);
    guarded_free(&b->y);
    guarded_free(&b->w);
    guarded_free(&b->residual);
    guarded_free(&b->bias);
    guarded_free(&b->scale);
    guarded_free(&b->shift);
}

static struct layer_weights weights_of(const struct trial *t, const struct buffers *b)
{
    const struct layer_dims *d = &t->d;
    if (t->hwio)
        return (struct layer_weights){b->w.values, 1, d->oc, d->kw * d->ic * d->oc, d->ic * d->oc, NULL};
    return (struct layer_weights){b->w.values, d->ic * d->kh * d->kw, d->kh * d->kw, d->kw,
                                  1,           b->scale.values};
}

static float weight_at(const struct layer_weights *w, int64_t oc, int64_t ic, int64_t kh, int64_t kw)
{
    float weight = w->data[oc * w->stride_o + ic * w->stride_i + kh * w->stride_h + kw * w->stride_w];
    return w->scale ? weight * w->scale[oc] : weight;
}

/* ---- independent truths, in double, straight from the definitions ------------------------ */

static double at(const struct trial *t, const struct buffers *b, int64_t n, int64_t h, int64_t w, int64_t c)
{
    const struct layer_dims *d = &t->d;
    if (h < 0 || h >= d->ih || w < 0 || w >= d->iw)
        return 0;
    return (double)b->x.values[((n * d->ih + h) * d->iw + w) * (d->ic + t->x_extra) + c];
}

/* What all input channels of a pixel add to an output channel through one tap; 0 outside the picture. */
static double true_tap(const struct trial *t, const struct buffers *b, int64_t n, int64_t ih, int64_t iw,
                       int64_t oc, int64_t kh, int64_t kw)
{
    const struct layer_dims *d = &t->d;
    if (ih < 0 || ih >= d->ih || iw < 0 || iw >= d->iw)
        return 0;
    struct layer_weights w = weights_of(t, b);
    const float *x = b->x.values + ((n * d->ih + ih) * d->iw + iw) * (d->ic + t->x_extra);
    double sum = 0;
    for (int64_t ic = 0; ic < d->ic; ic++)
        sum += (double)x[ic] * (double)weight_at(&w, oc, ic, kh, kw);
    return sum;
}

static double true_conv2d(const struct trial *t, const struct buffers *b, int64_t n, int64_t oh, int64_t ow,
                          int64_t oc)
{
    const struct layer_dims *d = &t->d;
    double sum = 0;
    for (int64_t kh = 0; kh < d->kh; kh++)
        for (int64_t kw = 0; kw < d->kw; kw++)
            sum += true_tap(t, b, n, oh * d->stride_h - d->pad_h + kh * d->dilation_h,
                            ow * d->stride_w - d->pad_w + kw * d->dilation_w, oc, kh, kw);
    return sum;
}

/* Keys' cubic with A = -0.75 and legacy coordinates, one tap after the other. */
static double cubic(double x)
{
    const double a = -0.75;
    x = fabs(x);
    if (x <= 1)
        return (a + 2) * x * x * x - (a + 3) * x * x + 1;
    return x < 2 ? a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a : 0;
}

static int64_t clamp(int64_t i, int64_t size)
{
    return i < 0 ? 0 : i >= size ? size - 1 : i;
}

static double true_bicubic(const struct trial *t, const struct buffers *b, int64_t n, int64_t oh, int64_t ow,
                           int64_t c)
{
    const struct layer_dims *d = &t->d;
    double y = (double)oh * (double)d->ih / (double)d->oh, x = (double)ow * (double)d->iw / (double)d->ow,
           sum = 0;
    for (int64_t i = (int64_t)y - 1; i <= (int64_t)y + 2; i++)
        for (int64_t j = (int64_t)x - 1; j <= (int64_t)x + 2; j++)
            sum += cubic(y - (double)i) * cubic(x - (double)j) *
                   at(t, b, n, clamp(i, d->ih), clamp(j, d->iw), c);
    return sum;
}

/* Every input paints its kernel: those that reach (oh, ow) are found by trying all that are near. */
static double true_transpose(const struct trial *t, const struct buffers *b, int64_t n, int64_t oh,
                             int64_t ow, int64_t oc)
{
    const struct layer_dims *d = &t->d;
    double sum = 0;
    int64_t top = clamp((oh + d->pad_h - d->kh) / d->stride_h, d->ih);
    int64_t left = clamp((ow + d->pad_w - d->kw) / d->stride_w, d->iw);
    for (int64_t ih = top; ih < d->ih && ih <= top + d->kh; ih++)
        for (int64_t iw = left; iw < d->iw && iw <= left + d->kw; iw++) {
            int64_t kh = oh - ih * d->stride_h + d->pad_h, kw = ow - iw * d->stride_w + d->pad_w;
            if (kh >= 0 && kh < d->kh && kw >= 0 && kw < d->kw)
                sum += true_tap(t, b, n, ih, iw, oc, kh, kw);
        }
    return sum;
}

static double true_max(const struct trial *t, const struct buffers *b, int64_t n, int64_t oh, int64_t ow,
                       int64_t c)
{
    const struct layer_dims *d = &t->d;
    double largest = -INFINITY;
    for (int64_t kh = 0; kh < d->kh; kh++)
        for (int64_t kw = 0; kw < d->kw; kw++) {
            int64_t ih = oh * d->stride_h - d->pad_h + kh, iw = ow * d->stride_w - d->pad_w + kw;
            if (ih >= 0 && ih < d->ih && iw >= 0 && iw < d->iw)
                largest = fmax(largest, at(t, b, n, ih, iw, c));
        }
    return largest;
}

static double true_average(const struct trial *t, const struct buffers *b, int64_t n, int64_t c)
{
    double sum = 0;
    for (int64_t h = 0; h < t->d.ih; h++)
        for (int64_t w = 0; w < t->d.iw; w++)
            sum += at(t, b, n, h, w, c);
    return sum / (double)(t->d.ih * t->d.iw);
}

static double true_softmax(const struct trial *t, const struct buffers *b, int64_t n, int64_t h, int64_t w,
                           int64_t c)
{
    double sum = 0;
    for (int64_t k = 0; k < t->d.ic; k++)
        sum += exp(at(t, b, n, h, w, k));
    return exp(at(t, b, n, h, w, c)) / sum;
}

/* Triangle weights around the source coordinate. */
static double triangle(double distance)
{
    return fabs(distance) < 1 ? 1 - fabs(distance) : 0;
}

static double source_of(int64_t out, int64_t in_size, int64_t out_size, bool align)
{
    double source = align ? (out_size > 1 ? (double)(out * (in_size - 1)) / (double)(out_size - 1) : 0)
                          : ((double)out + 0.5) * (double)in_size / (double)out_size - 0.5;
    return fmin(fmax(source, 0), (double)(in_size - 1));
}

static double true_bilinear(const struct trial *t, const struct buffers *b, int64_t n, int64_t oh, int64_t ow,
                            int64_t c)
{
    const struct layer_dims *d = &t->d;
    double y = source_of(oh, d->ih, d->oh, d->align_corners),
           x = source_of(ow, d->iw, d->ow, d->align_corners), sum = 0;
    for (int64_t h = (int64_t)y; h < d->ih && (double)h < y + 1; h++)
        for (int64_t w = (int64_t)x; w < d->iw && (double)w < x + 1; w++)
            sum += triangle(y - (double)h) * triangle(x - (double)w) * at(t, b, n, h, w, c);
    return sum;
}

static double true_activation(const struct trial *t, double v)
{
    switch (t->activation) {
    case ACTIVATION_RELU:
        return fmax(v, 0);
    case ACTIVATION_LEAKY_RELU:
        return v < 0 ? (double)TRIAL_SLOPE * v : v;
    case ACTIVATION_TANH:
        return tanh(v);
    case ACTIVATION_SIGMOID:
        return 1 / (1 + exp(-v));
    default:
        return v;
    }
}

static double true_value(const struct trial *t, const struct buffers *b, int64_t n, int64_t oh, int64_t ow,
                         int64_t oc)
{
    const struct layer_dims *d = &t->d;
    switch (t->kind) {
    case LAYER_CONV2D:
        return true_conv2d(t, b, n, oh, ow, oc);
    case LAYER_BICUBIC:
        return true_bicubic(t, b, n, oh, ow, oc);
    case LAYER_CONV2D_TRANSPOSE:
        return true_transpose(t, b, n, oh, ow, oc);
    case LAYER_MAX_POOL:
        return true_max(t, b, n, oh, ow, oc);
    case LAYER_AVERAGE_POOL:
        return true_average(t, b, n, oc);
    case LAYER_SOFTMAX:
        return true_softmax(t, b, n, oh, ow, oc);
    case LAYER_BILINEAR:
        return true_bilinear(t, b, n, oh, ow, oc);
    case LAYER_PAD:
        return at(t, b, n, oh - d->pad_h, ow - d->pad_w, oc);
    case LAYER_UPSAMPLE:
        return at(t, b, n, oh * d->ih / d->oh, ow * d->iw / d->ow, oc);
    default:
        return at(t, b, n, oh, ow, oc);
    }
}

static float residual_at(const struct buffers *b, const struct layer_dims *d, int64_t pixel, int64_t oc)
{
    return b->residual.values[pixel * (d->oc + 1) + oc];
}

static bool is_compared(const struct trial *t, int64_t pixel)
{
    return t->compared == 0 || pixel % t->compared == 0;
}

static float *true_output(const struct trial *t, const struct buffers *b)
{
    const struct layer_dims *d = &t->d;
    float *want = malloc((size_t)(out_pixels(d) * d->oc) * sizeof *want);
    assert_non_null(want);
    for (int64_t p = 0; p < out_pixels(d); p++)
        for (int64_t oc = 0; is_compared(t, p) && oc < d->oc; oc++) {
            double v = true_value(t, b, p / (d->oh * d->ow), p / d->ow % d->oh, p % d->ow, oc);
            v += t->bias ? (double)b->bias.values[oc] : 0;
            v += t->residual ? (double)residual_at(b, d, p, oc) : 0;
            v = true_activation(t, v);
            if (t->scale)
                v = v * (double)b->scale.values[oc] + (double)b->shift.values[oc];
            want[p * d->oc + oc] = (float)v;
        }
    return want;
}

/* ---- running a variant ------------------------------------------------------------------- */

/* The weights of a span's channels: `of` => `to`. */
static void copy_span(const struct layer_span *span, int64_t stride, int64_t channels,
                      const struct guarded *of, const struct guarded *to)
{
    for (int64_t i = span->first * stride; i < of->count; i += channels * stride)
        memcpy(to->values + i, of->values + i, (size_t)(span->count * stride) * sizeof *to->values);
}

/* Packs as the engine does: a task with a span sees only its channels, here the others are NaN. Backwards,
 * because the order must not matter. */
static void pack_variant(const struct trial *t, const struct buffers *b, const struct layer_variant *variant,
                         float *packed)
{
    const struct layer_dims *d = &t->d;
    struct guarded seen = guarded_create(b->w.count), none = guarded_create(b->w.count);
    for (int64_t task = variant->needs(d).pack_tasks; task-- > 0;) {
        struct layer_weights weights = weights_of(t, b);
        struct layer_span span = {AXIS_OUTPUT, 0, d->oc};
        if (variant->pack_span)
            span = variant->pack_span(d, task);
        bool output = span.axis == AXIS_OUTPUT;
        int64_t stride = output ? weights.stride_o : weights.stride_i, channels = output ? d->oc : d->ic;
        copy_span(&span, stride, channels, &b->w, &seen);
        weights.data = seen.values + span.first * stride;
        variant->pack_task(d, &weights, packed, task);
        copy_span(&span, stride, channels, &none, &seen);
    }
    guarded_free(&seen);
    guarded_free(&none);
}

/* in_place: y is the residual's memory, and holds it. */
static void run_variant(const struct trial *t, const struct buffers *b, const struct layer_variant *variant,
                        bool in_place)
{
    const struct layer_dims *d = &t->d;
    struct layer_needs needs = variant->needs(d);
    struct guarded packed = guarded_create((int64_t)(needs.packed_bytes / sizeof(float)));
    struct guarded workspace = guarded_create((int64_t)(needs.workspace_bytes / sizeof(float)));
    struct guarded shared = guarded_create((int64_t)(needs.shared_bytes / sizeof(float)));
    if (variant->pack_task)
        pack_variant(t, b, variant, packed.values);
    struct layer_args args = {.d = *d,
                              .x = b->x.values,
                              .x_stride = d->ic + t->x_extra,
                              .y = b->y.values,
                              .y_stride = d->oc + t->y_extra,
                              .packed = packed.values,
                              .shared = shared.values};
    args.epilogue.bias = t->bias ? b->bias.values : NULL;
    args.epilogue.residual = t->residual ? b->residual.values : NULL;
    args.epilogue.residual_stride = d->oc + 1;
    if (in_place)
        args.epilogue.residual = args.y, args.epilogue.residual_stride = args.y_stride;
    args.epilogue.activation = t->activation;
    args.epilogue.slope = TRIAL_SLOPE;
    args.epilogue.scale = t->scale ? b->scale.values : NULL;
    args.epilogue.shift = t->scale ? b->shift.values : NULL;
    /* Backwards: the order of tasks must not matter. */
    for (int64_t task = needs.prepare_tasks; task-- > 0;)
        variant->prepare_task(&args, task, workspace.values);
    for (int64_t task = needs.run_tasks; task-- > 0;)
        variant->run_task(&args, task, workspace.values);
    bool intact = guarded_intact(&packed, describe(t, variant->name)) &&
                  guarded_intact(&workspace, describe(t, variant->name)) &&
                  guarded_intact(&shared, describe(t, variant->name)) &&
                  guarded_intact(&b->y, describe(t, variant->name));
    guarded_free(&packed);
    guarded_free(&workspace);
    guarded_free(&shared);
    assert_true(intact);
}

/* Floats between the pixels of a strided output belong to someone else. */
static void check_gaps(const struct trial *t, const struct buffers *b, const char *what)
{
    int64_t stride = t->d.oc + t->y_extra;
    for (int64_t i = 0; i < b->y.count; i++)
        if (i % stride >= t->d.oc && !isnan(b->y.values[i]))
            fail_with("%s: wrote after the channels of pixel %" PRId64, what, i / stride);
}

enum { VARIANTS_MOST = 16 };

static bool tried[ISA_COUNT][LAYER_COUNT][VARIANTS_MOST];

bool multiplies_parts(const struct layer_variant *variant)
{
    return strstr(variant->name, "bf16");
}

/* The set whose kernels the variant calls, which run_on_every_isa runs as well. */
static enum isa isa_of(const struct layer_variant *variant)
{
    return multiplies_parts(variant) ? running_isa : isa_of_floats(running_isa);
}

bool variant_was_tried(enum layer_kind kind, int index)
{
    return tried[isa_of(layer_operators[kind].variants[index])][kind][index];
}

/* The error that a variant may have. Sums of K products of values in -1..1, in float and in another order:
 * partial sums grow with sqrt(K), and chains stay short enough that their roundings add up to a few times
 * 6e-8 of that. Winograd's chains are of all input channels, up to 256 together, and what they round is made
 * larger on the way back, so their length shows: roundings grow by its root faster than the sum does. With 8
 * points, chains are of up to 64 to prevent that. At lower precision each product has its own error, of one
 * distribution, so that errors grow as the sum does. */
static double bound_of(const struct trial *t, const struct layer_variant *variant)
{
    const struct layer_dims *d = &t->d;
    double terms = has_weights(t) ? (double)(d->ic * d->kh * d->kw) : 16;
    double bound = 4e-7 * sqrt(terms) + 4e-7;
    if (variant->error > 0)
        bound *= variant->error;
    if (variant->error > 0 && variant->precision == PRECISION_FP32 && variant != &conv2d_winograd_large)
        bound *= fmax(1, sqrt(fmin((double)d->ic, 256) / 64));
    return bound;
}

static bool is_run(const struct trial *t, const struct layer_variant *variant)
{
    return variant->applies(&t->d) && isa_of(variant) == running_isa &&
           (!t->only || strstr(variant->name, t->only));
}

static bool is_any_run(const struct trial *t)
{
    for (const struct layer_variant *const *v = layer_operators[t->kind].variants; *v; v++)
        if (is_run(t, *v))
            return true;
    return false;
}

/* Of pixels that are not compared, all is right but NaN. */
static void accept_others(const struct trial *t, const struct buffers *b, float *want)
{
    for (int64_t p = 0; p < out_pixels(&t->d); p++)
        if (!is_compared(t, p))
            memcpy(want + p * t->d.oc, b->y.values + p * (t->d.oc + t->y_extra),
                   (size_t)t->d.oc * sizeof *want);
}

static void try_variant(const struct trial *t, const struct buffers *b, const struct layer_variant *variant,
                        bool in_place, float *want)
{
    const struct layer_dims *d = &t->d;
    const char *what = describe(t, variant->name);
    int64_t stride = d->oc + t->y_extra;
    for (int64_t i = 0; i < b->y.count; i++)
        b->y.values[i] = in_place && i % stride < d->oc ? residual_at(b, d, i / stride, i % stride) : NAN;
    run_variant(t, b, variant, in_place);
    accept_others(t, b, want);
    struct tensor got = tensor_view(b->y.values, d->n, d->oh, d->ow, d->oc, stride);
    assert_true(tensors_agree(&got, want, bound_of(t, variant), 1e-6, what));
    check_gaps(t, b, what);
}

void try_all_variants(const struct trial *t, struct random *random)
{
    const struct layer_variant *const *variants = layer_operators[t->kind].variants;
    if (!is_any_run(t))
        return;
    struct buffers b = make_buffers(t, random);
    float *want = true_output(t, &b);
    for (int v = 0; variants[v]; v++) {
        if (!is_run(t, variants[v]))
            continue;
        try_variant(t, &b, variants[v], false, want);
        if (t->residual && variants[v]->in_place)
            try_variant(t, &b, variants[v], true, want);
        assert_true(v < VARIANTS_MOST);
        tried[running_isa][t->kind][v] = true;
    }
    free(want);
    free_buffers(&b);
}

/* ---- tensors larger than memory ---------------------------------------------------------- */

/* Pages appear when they are written; those only read are all one page of zeros. */
static float *map_floats(int64_t count)
{
    void *block = mmap(NULL, (size_t)count * sizeof(float), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return block == MAP_FAILED ? NULL : block;
}

/* Random numbers in the rows of the input that row `oh` of the output can be made of. */
static void fill_near(const struct trial *t, struct buffers *b, int64_t oh, struct random *random)
{
    enum { AROUND = 4 };
    const struct layer_dims *d = &t->d;
    int64_t middle = t->kind == LAYER_PAD ? oh - d->pad_h : oh * d->ih / d->oh, row = d->iw * d->ic;
    for (int64_t ih = clamp(middle - AROUND, d->ih); ih <= middle + AROUND && ih < d->ih; ih++)
        random_fill(random, b->x.values + ih * row, row);
}

/* The tasks that make row `oh`, and some more: they are in the order of pixels, those of a transposed
 * convolution by what all of its phases make of a row of the input. */
static void run_near(const struct layer_args *args, const struct layer_variant *variant, enum layer_kind kind,
                     int64_t oh, void *workspace)
{
    enum { MORE = 3 };
    const struct layer_dims *d = &args->d;
    int64_t rows = kind == LAYER_CONV2D_TRANSPOSE ? d->stride_h : 1, tasks = variant->needs(d).run_tasks;
    int64_t first = clamp(tasks * (oh - rows) / d->oh - MORE, tasks);
    int64_t last = clamp(tasks * (oh + rows) / d->oh + MORE, tasks);
    for (int64_t task = first; task <= last; task++)
        variant->run_task(args, task, workspace);
}

static void check_row(const struct trial *t, const struct buffers *b, const struct layer_variant *variant,
                      int64_t oh)
{
    enum { COLUMNS = 97 };
    const struct layer_dims *d = &t->d;
    for (int64_t i = 0; i <= COLUMNS; i++)
        for (int64_t oc = 0; oc < d->oc; oc++) {
            int64_t ow = i * (d->ow - 1) / COLUMNS;
            double want = true_value(t, b, 0, oh, ow, oc), got = b->y.values[(oh * d->ow + ow) * d->oc + oc];
            if (!(fabs(got - want) <= 1e-4 + 1e-4 * fabs(want)))
                fail_with("%s: [%" PRId64 ",%" PRId64 ",%" PRId64 "] want %g, got %g",
                          describe(t, variant->name), oh, ow, oc, want, got);
        }
}

static void try_row(const struct trial *t, struct buffers *b, const struct layer_variant *variant, int64_t oh)
{
    const struct layer_dims *d = &t->d;
    struct layer_needs needs = variant->needs(d);
    struct guarded packed = guarded_create((int64_t)(needs.packed_bytes / sizeof(float)));
    struct guarded workspace = guarded_create((int64_t)(needs.workspace_bytes / sizeof(float)));
    if (variant->pack_task)
        pack_variant(t, b, variant, packed.values);
    const struct layer_args args = {.d = *d,
                                    .x = b->x.values,
                                    .x_stride = d->ic,
                                    .y = b->y.values,
                                    .y_stride = d->oc,
                                    .packed = packed.values};
    for (int64_t i = 0; i < d->ow * d->oc; i++)
        b->y.values[oh * d->ow * d->oc + i] = NAN;
    run_near(&args, variant, t->kind, oh, workspace.values);
    check_row(t, b, variant, oh);
    guarded_free(&packed);
    guarded_free(&workspace);
}

/* A first stage, or large tasks, would go through gigabytes. */
static bool is_cut_fine(const struct layer_variant *variant, const struct layer_dims *d)
{
    struct layer_needs needs = variant->needs(d);
    return !needs.prepare_tasks && needs.run_tasks >= d->oh / 64;
}

bool try_large(const struct trial *t, struct random *random)
{
    const struct layer_dims *d = &t->d;
    int64_t ins = d->ih * d->iw * d->ic, outs = d->oh * d->ow * d->oc;
    struct buffers b = {.x = {map_floats(ins), ins}, .y = {map_floats(outs), outs}};
    b.w = random_block(random, has_weights(t) ? d->oc * d->ic * d->kh * d->kw : 1);
    b.scale = random_block(random, d->oc);
    bool mapped = b.x.values && b.y.values;
    static const int hundredths[] = {0, 26, 51, 100}; /* the first, after 2^31 and 2^32 bytes, the last */
    for (size_t i = 0; mapped && i < sizeof hundredths / sizeof *hundredths; i++) {
        int64_t oh = hundredths[i] * (d->oh - 1) / 100;
        fill_near(t, &b, oh, random);
        const struct layer_variant *const *v = layer_operators[t->kind].variants;
        for (; *v; v++)
            if ((*v)->applies(d) && is_cut_fine(*v, d))
                try_row(t, &b, *v, oh);
    }
    if (b.x.values)
        munmap(b.x.values, (size_t)ins * sizeof(float));
    if (b.y.values)
        munmap(b.y.values, (size_t)outs * sizeof(float));
    guarded_free(&b.w);
    guarded_free(&b.scale);
    return mapped;
}
