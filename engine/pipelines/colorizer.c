/* colorizer.c - see colorizer.h. */
#include "engine/pipelines/colorizer.h"
#include "engine/base/memory.h"
#include "engine/pictures/alpha.h"
#include "engine/pictures/colour.h"
#include "engine/pictures/opencv.h"
#include "engine/pictures/resample.h"
#include "engine/pipelines/check.h"
#include "engine/pipelines/noise.h"
#include "engine/pipelines/spread.h"
#include "engine/run/session.h"
#include "layers/bilinear.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { SIDE = 256, SIDE_VAE = 64 };                          /* of the networks' input, by default */
enum { SIDE_LEAST = 64, SIDE_MOST = 1024, SIDE_PERIOD = 8 }; /* of the input of eccv16 and siggraph17 */

/* ---- the network's input ----------------------------------------------------------------- */

limn_status colorizer_shrink(const limn_model *model, const struct picture *source, int64_t side,
                             struct picture *small, limn_error *error)
{
    struct picture filled;
    *small = (struct picture){0};
    limn_status status = alpha_fill(source, &filled, error);
    if (filled.pixels)
        source = &filled;
    if (status == LIMN_OK)
        status = colorizer_has_latent(model)
                     ? opencv_resize_linear(source, side, side, small, error)
                     : picture_resample(source, side, side, RESAMPLE_BICUBIC, small, error);
    picture_free(&filled);
    return status;
}

/* [side x side, RGB] => [side x side, L] */
static void set_lightness(const struct picture *small, struct tensor *input)
{
    float lab[3 * SIDE_MOST];
    for (int64_t y = 0; y < input->h; y++) {
        lab_from_rgb(small->pixels + y * input->w * small->channels, small->channels, input->w, lab);
        for (int64_t x = 0; x < input->w; x++)
            input->data[(y * input->w + x) * input->stride] = lab[3 * x];
    }
}

/* [64 x 64, RGB] => [64 x 64, -1..1], step 2 of colorizer.h; a and b too when `ab` is not NULL */
static void set_lab(const struct picture *small, struct tensor *grey, struct tensor *ab)
{
    unsigned char lab[3 * SIDE_VAE * SIDE_VAE];
    opencv_lab(small->pixels, SIDE_VAE * SIDE_VAE, lab);
    for (int64_t p = 0; p < SIDE_VAE * SIDE_VAE; p++) {
        grey->data[p * grey->stride] = 2 * (float)lab[3 * p] / 255 - 1;
        for (int c = 0; ab && c < 2; c++)
            ab->data[p * ab->stride + c] = 2 * (float)lab[3 * p + 1 + c] / 255 - 1;
    }
}

static void fill_from(const limn_model *model, const struct picture *small, struct tensor *input,
                      struct tensor *ab)
{
    if (colorizer_has_latent(model))
        set_lab(small, input, ab);
    else
        set_lightness(small, input);
}

int64_t colorizer_side(const limn_model *model)
{
    return colorizer_has_latent(model) ? SIDE_VAE : SIDE;
}

limn_status colorizer_fill(const limn_model *model, const struct picture *source, struct tensor *input,
                           struct tensor *ab, limn_error *error)
{
    struct picture small;
    limn_status status = colorizer_shrink(model, source, input->w, &small, error);
    if (status == LIMN_OK)
        fill_from(model, &small, input, ab);
    picture_free(&small);
    return status;
}

/* ---- the network ------------------------------------------------------------------------- */

/* LIMN_E_WEIGHTS unless `network` makes channels x side x side values. */
static limn_status check_output(const limn_session *session, const char *network, int64_t channels,
                                int64_t side, limn_error *error)
{
    const struct tensor *made = session_output(session);
    if (made->h == side && made->w == side && made->c == channels)
        return LIMN_OK;
    return fail(error, LIMN_E_WEIGHTS,
                "%s: the %s makes %" PRId64 "x%" PRId64 "x%" PRId64 " values; expected %" PRId64 "x%" PRId64
                "x%" PRId64,
                session->model->graph.path, network, made->c, made->h, made->w, channels, side, side);
}

bool colorizer_takes_hints(const limn_model *model)
{
    return model->kind == &siggraph17;
}

bool colorizer_has_latent(const limn_model *model)
{
    return model->kind == &vae;
}

bool colorizer_takes_sizes(const limn_model *model)
{
    return model->kind == &eccv16 || model->kind == &siggraph17;
}

limn_status colorizer_check_side(int64_t side, limn_error *error)
{
    if (side >= SIDE_LEAST && side <= SIDE_MOST && side % SIDE_PERIOD == 0)
        return LIMN_OK;
    return fail(error, LIMN_E_USAGE, "network size %" PRId64 ": expected a multiple of %d from %d to %d",
                side, SIDE_PERIOD, SIDE_LEAST, SIDE_MOST);
}

/* Plans and prepares the network's run. */
static limn_status open_session(struct colorizer *colorizer, limn_error *error)
{
    limn_model *model = colorizer->model;
    struct session_request request = {.output = model->graph.output,
                                      .size = {1, colorizer->side, colorizer->side}};
    if (colorizer->side > SIDE)
        request.room = (struct plan_room){0, "a smaller network size", LIMN_REASON_NETWORK_SIZE};
    limn_status status = session_plan(model, &request, &colorizer->session, error);
    if (status == LIMN_OK)
        status = session_prepare(colorizer->session, error);
    return status == LIMN_OK ? check_output(colorizer->session, "network", 2, colorizer->side, error)
                             : status;
}

static limn_status add_encoder(struct colorizer *colorizer, limn_error *error)
{
    limn_model *model = colorizer->model;
    limn_status status = model_load_file(model->engine, file_share(model->weights.file), &vae_colour_encoder,
                                         &colorizer->encoder_model, error);
    if (status == LIMN_OK)
        status = limn_session_create(colorizer->encoder_model, (limn_size){1, SIDE_VAE, SIDE_VAE},
                                     &colorizer->encoder, error);
    if (status == LIMN_OK) /* mean and log-variance */
        status = check_output(colorizer->encoder, "colour encoder", 2 * colorizer->latent, 1, error);
    return status;
}

static limn_status read_spread(struct colorizer *colorizer, limn_error *error)
{
    const char *text = limn_model_metadata(colorizer->model, "limn.spread_hints");
    colorizer->spreads = text && strcmp(text, "true") == 0;
    if (!text || colorizer->spreads || strcmp(text, "false") == 0)
        return LIMN_OK;
    return fail(error, LIMN_E_WEIGHTS, "%s: metadata limn.spread_hints is \"%.40s\"; expected true or false",
                colorizer->model->graph.path, text);
}

static size_t ab_bytes(const struct colorizer *colorizer)
{
    return (size_t)(2 * colorizer->side * colorizer->side) * sizeof *colorizer->ab;
}

limn_status colorizer_create(limn_model *model, int64_t side, bool encode, struct colorizer **colorizer,
                             limn_error *error)
{
    bool is_vae = colorizer_has_latent(model);
    *colorizer = NULL;
    if (model->kind != &eccv16 && model->kind != &siggraph17 && !is_vae)
        return fail_kind(model, "a colorization", "eccv16, siggraph17, vae", error);
    struct colorizer *made = mem_zalloc(1, sizeof *made);
    if (!made)
        return fail_memory(error, "a colorizer", sizeof *made);
    made->model = model;
    made->side = side ? side : colorizer_side(model);
    made->ab = mem_alloc(ab_bytes(made));
    limn_status status = made->ab ? LIMN_OK : fail_memory(error, "the colours", ab_bytes(made));
    if (status == LIMN_OK && colorizer_takes_hints(model))
        status = read_spread(made, error);
    if (status == LIMN_OK)
        status = open_session(made, error);
    if (status == LIMN_OK)
        made->latent = is_vae ? session_input(made->session, 1)->c : 0;
    if (status == LIMN_OK && encode)
        status = add_encoder(made, error);
    if (status != LIMN_OK)
        colorizer_free(made);
    else
        *colorizer = made;
    return status;
}

void colorizer_free(struct colorizer *colorizer)
{
    if (!colorizer)
        return;
    limn_session_free(colorizer->session);
    limn_session_free(colorizer->encoder);
    limn_model_free(colorizer->encoder_model);
    mem_free(colorizer->ab);
    mem_free(colorizer);
}

/* The encoder's input => z, the mean */
static limn_status encode(struct colorizer *colorizer, const char *name, float *z, limn_error *error)
{
    limn_status status = limn_session_run(colorizer->encoder, error);
    if (status != LIMN_OK)
        return status;
    const struct tensor mean =
        tensor_view(session_output(colorizer->encoder)->data, 1, 1, 1, colorizer->latent, colorizer->latent);
    memcpy(z, mean.data, (size_t)mean.c * sizeof *z);
    return model_check_made(colorizer->encoder_model, &mean, name, error);
}

static limn_status set_latent(struct colorizer *colorizer, const char *name, const uint64_t *seed,
                              limn_error *error)
{
    float *z = session_input(colorizer->session, 1)->data;
    if (colorizer->encoder)
        return encode(colorizer, name, z, error);
    if (seed)
        noise_normal(*seed, z, colorizer->latent);
    else
        memset(z, 0, (size_t)colorizer->latent * sizeof *z);
    return LIMN_OK;
}

static float mix(float low, float high, float weight)
{
    return (1 - weight) * low + weight * high;
}

/* NHWC output of the network => colorizer->ab */
static void take_ab(struct colorizer *colorizer)
{
    const struct tensor *y = session_output(colorizer->session);
    float scale = colorizer->latent ? 127.5F : 1, shift = colorizer->latent ? -0.5F : 0;
    for (int64_t p = 0; p < colorizer->side * colorizer->side; p++)
        for (int c = 0; c < 2; c++)
            colorizer->ab[2 * p + c] = y->data[p * y->stride + c] * scale + shift;
}

/* The inputs of the network, hints as squares. */
static limn_status fill_inputs(struct colorizer *colorizer, const struct picture *source,
                               const struct colorizer_inputs *inputs, limn_error *error)
{
    limn_status status = LIMN_OK;
    struct tensor *input = session_input(colorizer->session, 0);
    struct tensor *ab = colorizer->encoder ? session_input(colorizer->encoder, 0) : NULL;
    if (colorizer_takes_hints(colorizer->model)) {
        status = hints_check(inputs->hints, source->width, source->height, error);
        if (status == LIMN_OK)
            hints_draw(inputs->hints, source->width, source->height, input);
    }
    if (status == LIMN_OK && inputs->small)
        fill_from(colorizer->model, inputs->small, input, ab);
    else if (status == LIMN_OK)
        status = colorizer_fill(colorizer->model, source, input, ab, error);
    if (status == LIMN_OK && colorizer->latent)
        status = set_latent(colorizer, source->name, inputs->seed, error);
    return status;
}

static limn_status run_network(struct colorizer *colorizer, const char *name, const struct watch *watch,
                               limn_error *error)
{
    session_watch(colorizer->session, watch);
    limn_status status = limn_session_run(colorizer->session, error);
    if (status == LIMN_OK)
        status = model_check_made(colorizer->model, session_output(colorizer->session), name, error);
    if (status == LIMN_OK)
        take_ab(colorizer);
    return status;
}

static size_t spread_copy_bytes(const struct colorizer *colorizer)
{
    return (size_t)(3 * colorizer->side * colorizer->side) * sizeof(float);
}

/* Spreads the hints in the network's input. *spread: a copy of a, b and the confidence, side x side x 3,
 * since the run reuses the input's memory; released by mem_free. */
static limn_status spread_in_input(struct colorizer *colorizer, const struct watch *watch, float **spread,
                                   limn_error *error)
{
    struct tensor *input = session_input(colorizer->session, 0);
    limn_status status = spread_hints(input, watch, error);
    if (status != LIMN_OK)
        return status;
    *spread = mem_alloc(spread_copy_bytes(colorizer));
    if (!*spread)
        return fail_memory(error, "the hints", spread_copy_bytes(colorizer));
    for (int64_t p = 0; p < colorizer->side * colorizer->side; p++)
        memcpy(*spread + 3 * p, input->data + p * input->stride + 1, 3 * sizeof **spread);
    return LIMN_OK;
}

/* Replaces ab by a mixture of it and the spread colours, as colorizer.h says. */
static void mix_spread(struct colorizer *colorizer, const float *spread)
{
    int64_t pixels = colorizer->side * colorizer->side;
    double sum = 0;
    for (int64_t p = 0; p < pixels; p++)
        sum += (double)spread[3 * p + 2];
    float most = (float)(1 - sum / (double)pixels);
    for (int64_t p = 0; p < pixels; p++)
        for (int c = 0; c < 2; c++)
            colorizer->ab[2 * p + c] =
                mix(spread[3 * p + c], colorizer->ab[2 * p + c], most * (1 - spread[3 * p + 2]));
}

limn_status colorizer_run(struct colorizer *colorizer, const struct picture *source,
                          const struct colorizer_inputs *inputs, const struct watch *watch, limn_error *error)
{
    float *spread = NULL;
    limn_status status = fill_inputs(colorizer, source, inputs, error);
    if (status == LIMN_OK && colorizer->spreads && inputs->hints->count)
        status = spread_in_input(colorizer, watch, &spread, error);
    if (status == LIMN_OK)
        status = run_network(colorizer, source->name, watch, error);
    if (status == LIMN_OK && spread)
        mix_spread(colorizer, spread);
    mem_free(spread);
    return status;
}

size_t colorizer_run_bytes(const struct colorizer *colorizer, const struct picture *source)
{
    enum { SMALL = 3 * SIDE_VAE * SIDE_VAE + 1024 };
    size_t filling = alpha_fill_bytes(source);
    if (colorizer->latent)
        return filling + SMALL;
    filling += picture_resample_bytes(source, colorizer->side, colorizer->side, RESAMPLE_BICUBIC);
    size_t spreading = spread_bytes(colorizer->side, colorizer->side) + spread_copy_bytes(colorizer);
    return colorizer->spreads && spreading > filling ? spreading : filling;
}

size_t colorizer_bytes(const struct colorizer *colorizer)
{
    const limn_session *encoder = colorizer->encoder;
    return plan_bytes(&colorizer->session->plan) + (encoder ? plan_bytes(&encoder->plan) : 0) +
           ab_bytes(colorizer);
}

static double network_flops(const struct colorizer *colorizer)
{
    return plan_flops(&colorizer->session->graph, &colorizer->session->plan);
}

double colorizer_flops(const struct colorizer *colorizer, const struct picture *source)
{
    enum { PIXEL = 12000 }; /* operations of the network that take as long as painting a pixel */
    return network_flops(colorizer) + PIXEL * (double)(source->width * source->height);
}

double colorizer_run_share(const struct colorizer *colorizer, const struct picture *source)
{
    return network_flops(colorizer) / colorizer_flops(colorizer, source);
}

/* ---- the picture ------------------------------------------------------------------------- */

struct paint {
    const float *ab; /* side x side x 2 */
    int64_t side;
    float saturation, temperature; /* the factor of a and b; what is added to b */
    int64_t width, height, x, y;   /* of the whole picture; where the part is in it */
    struct picture *part;
};

/* a and b at a column of the whole picture, between two rows of the small ones. */
static void colour_at(const struct paint *paint, const float *upper, const float *lower, float weight,
                      int64_t x, float *a, float *b)
{
    struct bilinear_sample across = bilinear_sample(x, paint->side, paint->width, false);
    float ab[2];
    for (int c = 0; c < 2; c++)
        ab[c] = mix(mix(upper[2 * across.low + c], upper[2 * across.high + c], across.weight),
                    mix(lower[2 * across.low + c], lower[2 * across.high + c], across.weight), weight);
    *a = paint->saturation * ab[0] + paint->temperature / 3;
    *b = paint->saturation * ab[1] + paint->temperature;
}

/* One row of the part, in pieces that fit the stack. */
static void paint_row(void *context, int64_t y, int worker)
{
    enum { PIECE = 2048 };
    const struct paint *paint = context;
    struct picture *part = paint->part;
    struct bilinear_sample down = bilinear_sample(paint->y + y, paint->side, paint->height, false);
    const float *upper = paint->ab + 2 * paint->side * down.low;
    const float *lower = paint->ab + 2 * paint->side * down.high;
    (void)worker;
    for (int64_t first = 0; first < part->width; first += PIECE) {
        float lab[3 * PIECE];
        int64_t count = part->width - first < PIECE ? part->width - first : PIECE;
        unsigned char *pixels = part->pixels + (y * part->width + first) * part->channels;
        lab_from_rgb(pixels, part->channels, count, lab);
        for (int64_t i = 0; i < count; i++)
            colour_at(paint, upper, lower, down.weight, paint->x + first + i, &lab[3 * i + 1],
                      &lab[3 * i + 2]);
        rgb_from_lab(lab, count, pixels, part->channels);
    }
}

limn_status colorizer_paint_part(const struct colorizer *colorizer, struct tint tint,
                                 const struct picture *whole, int64_t x, int64_t y, const struct watch *watch,
                                 struct picture *part, limn_error *error)
{
    struct paint paint = {.ab = colorizer->ab,
                          .side = colorizer->side,
                          .saturation = (float)(1 + tint.saturation),
                          .temperature = (float)tint.temperature,
                          .width = whole->width,
                          .height = whole->height,
                          .x = x,
                          .y = y,
                          .part = part};
    return watch_tasks(watch, colorizer->model->engine->pool, part->height, paint_row, &paint, error);
}

limn_status colorizer_paint(const struct colorizer *colorizer, struct tint tint, const struct watch *watch,
                            struct picture *picture, limn_error *error)
{
    return colorizer_paint_part(colorizer, tint, picture, 0, 0, watch, picture, error);
}

void colorize_grey(limn_engine *engine, struct picture *picture)
{
    static const float none[2] = {0, 0};
    struct paint paint = {
        .ab = none, .side = 1, .width = picture->width, .height = picture->height, .part = picture};
    pool_run(engine->pool, picture->height, paint_row, &paint);
}
