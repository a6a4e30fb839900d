/* module.c - see module.h: pipelines and pictures, with arguments that JavaScript can pass. */
#include "apps/wasm/module.h"
#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/pictures/picture_copy.h"
#include "engine/pictures/resample.h"
#include "engine/pipelines/check.h"
#include "engine/pipelines/colorize.h"
#include "layers/sizes.h"

#include <string.h>

struct limn_image {
    struct picture picture;
    uint64_t number; /* of images in the order they were made, from 1 */
    char name[];
};

struct limn_colorizer {
    struct colorize how;  /* one network, open */
    struct picture small; /* the source of the last run as the network sees it */
    uint64_t source;      /* the number of that image; 0: none */
    bool has_colours;
};

__attribute__((import_module("limn"), import_name("progress"))) int import_progress(double done);

static bool show(void *context, double done)
{
    (void)context;
    return import_progress(done) != 0;
}

static const limn_watch watch = {.progress = show};
static limn_error failure;
static size_t encoded_size;

/* ---- bytes, failures --------------------------------------------------------------------- */

void *limn_bytes_create(size_t size)
{
    void *bytes = mem_alloc(size);
    if (!bytes)
        fail_memory(&failure, "bytes", size);
    return bytes;
}

void limn_bytes_free(void *bytes)
{
    mem_free(bytes);
}

int limn_failure_status(void)
{
    return (int)failure.status;
}

int limn_failure_reason(void)
{
    return (int)failure.reason;
}

const char *limn_failure_message(void)
{
    return failure.message;
}

/* ---- models ------------------------------------------------------------------------------ */

limn_model *limn_model_open(const void *bytes, size_t size, const char *name)
{
    static limn_engine *engine; /* lives as long as the module */
    limn_model *model = NULL;
    if (engine || limn_engine_create(NULL, &engine, &failure) == LIMN_OK)
        (void)limn_model_load_bytes(engine, bytes, size, name, &model, &failure);
    return model;
}

/* The class of this index; an empty one if there is none. */
static const limn_class *class_of(const limn_model *model, int index)
{
    static limn_class classes[LIMN_CLASSES_MOST], none;
    int count;
    bool found =
        limn_segment_classes(model, classes, &count, &failure) == LIMN_OK && index >= 0 && index < count;
    return found ? &classes[index] : &none;
}

int limn_classes_count(const limn_model *model)
{
    int count;
    return limn_segment_classes(model, NULL, &count, &failure) == LIMN_OK ? count : 0;
}

const char *limn_class_name(const limn_model *model, int index)
{
    return class_of(model, index)->name;
}

int limn_class_colour(const limn_model *model, int index)
{
    const limn_class *class = class_of(model, index);
    return class->red << 16 | class->green << 8 | class->blue;
}

/* ---- images ------------------------------------------------------------------------------ */

/* A new, empty image with this name. */
static limn_image *image_create(const char *name)
{
    static uint64_t count;
    size_t length = strlen(name) + 1;
    limn_image *image = mem_zalloc(1, sizeof *image + length);
    if (!image) {
        fail_memory(&failure, name, sizeof *image + length);
        return NULL;
    }
    image->number = ++count;
    memcpy(image->name, name, length);
    return image;
}

/* The image, whose picture now has its name; NULL, and it is freed, if making the picture failed. */
static limn_image *image_if(limn_status status, limn_image *image)
{
    image->picture.name = image->name;
    if (status == LIMN_OK)
        return image;
    limn_image_free(image);
    return NULL;
}

/* An image of any size, for results. */
static limn_image *result_create(int64_t width, int64_t height, int channels)
{
    limn_image *image = image_create("the picture");
    return image ? image_if(picture_create(width, height, channels, &image->picture, &failure), image) : NULL;
}

static limn_status check_image(const limn_image *image)
{
    return image ? LIMN_OK : fail(&failure, LIMN_E_USAGE, "there is no image");
}

/* A result `factor` times as large as the source. */
static limn_image *result_of(const limn_image *source, int factor, int channels)
{
    if (check_image(source) != LIMN_OK)
        return NULL;
    if (factor >= 1)
        return result_create(source->picture.width * factor, source->picture.height * factor,
                             channels ? channels : source->picture.channels);
    fail(&failure, LIMN_E_USAGE, "the factor is %d, at least 1 expected", factor);
    return NULL;
}

static limn_picture view_of(const limn_image *image)
{
    const struct picture *picture = &image->picture;
    return (limn_picture){picture->pixels, picture->width, picture->height, picture->channels, 0};
}

limn_image *limn_image_create(int width, int height, int channels)
{
    if (picture_check_size("the image", width, height, &failure) != LIMN_OK)
        return NULL;
    if (channels == 3 || channels == 4)
        return result_create(width, height, channels);
    fail(&failure, LIMN_E_USAGE, "the image has %d channels, 3 (RGB) or 4 (RGBA) expected", channels);
    return NULL;
}

limn_image *limn_image_decode(const void *file, size_t size, const char *name)
{
    limn_image *image = image_create(name);
    if (!image)
        return NULL;
    return image_if(picture_decode(file, size, image->name, true, &image->picture, &failure), image);
}

void *limn_image_encode(const limn_image *image, const char *name, int quality, const limn_image *source,
                        const char *software)
{
    unsigned char *bytes = NULL;
    const struct picture_target target = {.path = name,
                                          .quality = quality,
                                          .bytes = &bytes,
                                          .size = &encoded_size,
                                          .metadata = source ? source->picture.metadata : NULL,
                                          .software = software};
    if (check_image(image) == LIMN_OK)
        (void)picture_write(&target, &image->picture, &failure);
    return bytes;
}

size_t limn_encoded_size(void)
{
    return encoded_size;
}

int limn_image_width(const limn_image *image)
{
    return image ? (int)image->picture.width : 0;
}

int limn_image_height(const limn_image *image)
{
    return image ? (int)image->picture.height : 0;
}

int limn_image_channels(const limn_image *image)
{
    return image ? image->picture.channels : 0;
}

unsigned char *limn_image_pixels(const limn_image *image)
{
    return image ? image->picture.pixels : NULL;
}

const char *limn_image_warning(const limn_image *image)
{
    return image ? image->picture.warning : "";
}

void limn_image_free(limn_image *image)
{
    if (image)
        picture_free(&image->picture);
    mem_free(image);
}

/* ---- images from images ------------------------------------------------------------------ */

/* A new, empty image with the name of another. */
static limn_image *image_create_like(const limn_image *image)
{
    return check_image(image) == LIMN_OK ? image_create(image->name) : NULL;
}

limn_image *limn_image_rotate(const limn_image *image, int quarter_turns)
{
    static const int orientations[] = {1, 6, 3, 8}; /* that need so many turns */
    int orientation = orientations[(unsigned)quarter_turns % 4];
    limn_image *made = image_create_like(image);
    return made ? image_if(picture_turn(&image->picture, orientation, &made->picture, &failure), made) : NULL;
}

limn_image *limn_image_crop(const limn_image *image, int x, int y, int width, int height)
{
    limn_image *made = image_create_like(image);
    if (!made)
        return NULL;
    return image_if(picture_crop(&image->picture, x, y, width, height, &made->picture, &failure), made);
}

limn_image *limn_image_reduce(const limn_image *image, int longest)
{
    limn_image *made = image_create_like(image);
    if (!made)
        return NULL;
    int64_t width = image->picture.width, height = image->picture.height, longer = larger(width, height);
    limn_status status = check_range("longest", longest, 1, INT32_MAX, &failure);
    if (status == LIMN_OK)
        status = picture_resample(&image->picture, resample_side(width, longest, longer),
                                  resample_side(height, longest, longer), RESAMPLE_BICUBIC, &made->picture,
                                  &failure);
    return image_if(status, made);
}

/* ---- colorizers -------------------------------------------------------------------------- */

limn_colorizer *limn_colorizer_create(limn_model *model, int network_size)
{
    if (check_pointer(model, "no model", &failure) != LIMN_OK)
        return NULL;
    limn_colorizer *colorizer = mem_zalloc(1, sizeof *colorizer);
    if (!colorizer) {
        fail_memory(&failure, "a colorizer", sizeof *colorizer);
        return NULL;
    }
    colorizer->how = (struct colorize){.models = {model}, .count = 1, .network_size = network_size};
    if (colorize_open(&colorizer->how, &failure) == LIMN_OK)
        return colorizer;
    mem_free(colorizer);
    return NULL;
}

void limn_colorizer_free(limn_colorizer *colorizer)
{
    if (!colorizer)
        return;
    colorize_close(&colorizer->how);
    picture_free(&colorizer->small);
    mem_free(colorizer);
}

int limn_colorizer_takes_hints(const limn_colorizer *colorizer)
{
    return colorizer && colorizer_takes_hints(colorizer->how.models[0]);
}

/* Both exist, and the picture is one that a network can see. */
static limn_status check_colorizer(const limn_colorizer *colorizer, const limn_image *image)
{
    limn_status status = check_pointer(colorizer, "no colorizer", &failure);
    if (status == LIMN_OK)
        status = check_image(image);
    if (status == LIMN_OK && image->picture.channels < 3)
        status = fail(&failure, LIMN_E_USAGE, "the image has %d channels, 3 (RGB) or 4 (RGBA) expected",
                      image->picture.channels);
    return status;
}

/* A seed of JavaScript; one below 0, if `least` allows it, becomes 0. */
static limn_status read_seed(double seed, double least, uint64_t *number)
{
    const double most = 9007199254740991; /* 2^53 - 1 */
    limn_status status = check_range("seed", seed, least, most, &failure);
    *number = status == LIMN_OK && seed > 0 ? (uint64_t)seed : 0;
    return status;
}

/* Release with hints_free, also after a failure. */
static limn_status read_hints(const int32_t *numbers, int count, struct hints *hints)
{
    limn_status status = check_range("hint_count", count, 0, INT32_MAX, &failure);
    if (status == LIMN_OK && count)
        status = check_pointer(numbers, "hints", &failure);
    if (status != LIMN_OK)
        return status;
    hints->items = mem_zalloc((size_t)count, sizeof *hints->items);
    if (!hints->items)
        return fail_memory(&failure, "the hints", size_product(count, sizeof *hints->items));
    hints->count = (size_t)count;
    for (int i = 0; i < count; i++, numbers += 6) {
        const unsigned char rgb[] = {(unsigned char)numbers[3], (unsigned char)numbers[4],
                                     (unsigned char)numbers[5]};
        if (numbers[3] != rgb[0] || numbers[4] != rgb[1] || numbers[5] != rgb[2])
            return fail(&failure, LIMN_E_USAGE, "hint %d: the colour %d, %d, %d: expected 0 to 255", i,
                        (int)numbers[3], (int)numbers[4], (int)numbers[5]);
        hints->items[i] = (struct hint){.x = numbers[0], .y = numbers[1], .radius = numbers[2]};
        hint_colour(&hints->items[i], rgb);
    }
    return LIMN_OK;
}

/* Makes colorizer->small unless it is that of this source already. */
static limn_status see(limn_colorizer *colorizer, const limn_image *source)
{
    if (colorizer->source == source->number)
        return LIMN_OK;
    struct picture small;
    limn_status status = colorizer_shrink(colorizer->how.models[0], &source->picture,
                                          colorizer->how.colorizers[0]->side, &small, &failure);
    if (status != LIMN_OK)
        return status;
    picture_free(&colorizer->small);
    colorizer->small = small;
    colorizer->source = source->number;
    return LIMN_OK;
}

static limn_status run(limn_colorizer *colorizer, const limn_image *source, const int32_t *hints,
                       int hint_count, double seed, const struct watch *seen)
{
    uint64_t number;
    limn_status status = check_colorizer(colorizer, source);
    if (status == LIMN_OK)
        status = read_seed(seed, -1, &number);
    if (status != LIMN_OK)
        return status;
    struct colorize how = colorizer->how;
    how.seed = seed >= 0 ? &number : NULL;
    status = read_hints(hints, hint_count, &how.hints);
    if (status == LIMN_OK)
        status = colorize_check(&how, &failure);
    if (status == LIMN_OK)
        status = watch_show(seen, 0, &failure);
    if (status == LIMN_OK)
        status = see(colorizer, source);
    if (status == LIMN_OK) {
        const struct colorizer_inputs inputs = {
            .small = &colorizer->small, .hints = &how.hints, .seed = how.seed};
        status = colorizer_run(how.colorizers[0], &source->picture, &inputs, seen, &failure);
    }
    colorizer->has_colours = colorizer->has_colours || status == LIMN_OK;
    hints_free(&how.hints);
    return status;
}

int limn_colorizer_run(limn_colorizer *colorizer, const limn_image *source, const int32_t *hints,
                       int hint_count, double seed)
{
    const struct watch seen = watch_of(&watch);
    if (run(colorizer, source, hints, hint_count, seed, &seen) != LIMN_OK)
        return 0;
    (void)watch_show(&seen, 1, NULL); /* too late to cancel */
    return 1;
}

/* Paints `part`, a copy of what is at x, y of `whole`. */
static limn_status paint(const limn_colorizer *colorizer, const limn_image *whole, int x, int y,
                         struct tint tint, const struct watch *seen, limn_image *part)
{
    limn_status status = colorizer_paint_part(colorizer->how.colorizers[0], tint, &whole->picture, x, y, seen,
                                              &part->picture, &failure);
    return status == LIMN_OK ? watch_show(seen, 1, &failure) : status;
}

limn_image *limn_colorizer_paint(const limn_colorizer *colorizer, const limn_image *picture, int x, int y,
                                 int width, int height, double saturation, double temperature)
{
    const struct watch seen = watch_of(&watch);
    if (check_colorizer(colorizer, picture) != LIMN_OK)
        return NULL;
    struct colorize how = colorizer->how;
    how.tint = (struct tint){saturation, temperature};
    limn_status status = colorize_check(&how, &failure);
    if (status == LIMN_OK && !colorizer->has_colours)
        status = fail(&failure, LIMN_E_USAGE, "the colorizer has no colours yet: run it first");
    limn_image *part = status == LIMN_OK ? limn_image_crop(picture, x, y, width, height) : NULL;
    return part ? image_if(paint(colorizer, picture, x, y, how.tint, &seen, part), part) : NULL;
}

/* ---- pipelines --------------------------------------------------------------------------- */

/* The result exists before the work starts, so that a lack of memory is found then. */
limn_image *limn_image_colorize(limn_model *model, const limn_image *source, const int32_t *hints,
                                int hint_count, double seed, double saturation, double temperature,
                                int network_size)
{
    struct watch seen = watch_of(&watch);
    const struct tint tint = {saturation, temperature};
    limn_image *image = limn_image_crop(source, 0, 0, limn_image_width(source), limn_image_height(source));
    limn_colorizer *colorizer = image ? limn_colorizer_create(model, network_size) : NULL;
    limn_status status = colorizer ? LIMN_OK : failure.status;
    if (status == LIMN_OK) {
        double share = colorizer_run_share(colorizer->how.colorizers[0], &source->picture);
        colorizer->how.tint = tint;
        watch_part(&seen, 0, share);
        status = run(colorizer, source, hints, hint_count, seed, &seen);
        watch_part(&seen, share, 1);
    }
    if (status == LIMN_OK)
        status = paint(colorizer, source, 0, 0, tint, &seen, image);
    limn_colorizer_free(colorizer);
    return image ? image_if(status, image) : NULL;
}

limn_image *limn_image_upscale(limn_model *model, const limn_image *source, int factor)
{
    limn_image *image = result_of(source, factor, 0);
    if (!image)
        return NULL;
    const limn_picture from = view_of(source), to = view_of(image);
    return image_if(limn_upscale(model, &from, &to, &watch, &failure), image);
}

limn_image *limn_image_segment(limn_model *model, const limn_image *source, int resize, double scale,
                               double threshold)
{
    limn_image *image = result_of(source, 1, 1);
    if (!image)
        return NULL;
    const limn_picture from = view_of(source), to = view_of(image);
    const limn_segment_options options = {.resize = resize, .scale = scale, .threshold = threshold};
    return image_if(limn_segment(model, &from, &to, &options, &watch, &failure), image);
}

limn_image *limn_image_generate(limn_model *model, int count, double seed, bool fixed_range)
{
    int side = 0;
    uint64_t number;
    if (limn_generate_side(model, &side, &failure) != LIMN_OK || read_seed(seed, 0, &number) != LIMN_OK ||
        check_range("count", count, 1, INT32_MAX, &failure) != LIMN_OK)
        return NULL;
    limn_image *image = result_create(side, (int64_t)side * count, 3);
    limn_picture *parts = image ? mem_zalloc((size_t)count, sizeof *parts) : NULL;
    if (image && !parts)
        return image_if(fail_memory(&failure, "pictures", size_product(count, sizeof *parts)), image);
    if (!image)
        return NULL;
    for (int i = 0; i < count; i++)
        parts[i] = (limn_picture){image->picture.pixels + (size_t)i * (size_t)side * (size_t)side * 3, side,
                                  side, 3, 0};
    const limn_generate_options options = {.seed = number, .fixed_range = fixed_range};
    limn_status status = limn_generate(model, parts, count, &options, &watch, &failure);
    mem_free(parts);
    return image_if(status, image);
}
