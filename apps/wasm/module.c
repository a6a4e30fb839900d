/* module.c - see module.h: limn.h and the pictures' files, with arguments that JavaScript can pass. */
#include "apps/wasm/module.h"
#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/pictures/picture.h"
#include "layers/sizes.h"

#include <string.h>

struct limn_image {
    struct picture picture;
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

/* A new, empty image with room for its name. */
static limn_image *image_create(const char *name)
{
    size_t length = strlen(name) + 1;
    limn_image *image = mem_zalloc(1, sizeof *image + length);
    if (!image)
        fail_memory(&failure, name, sizeof *image + length);
    else
        image->picture.name = memcpy(image + 1, name, length);
    return image;
}

/* The image, or NULL, freed, if making it failed. */
static limn_image *image_if(limn_status status, limn_image *image)
{
    if (status == LIMN_OK)
        return image;
    limn_image_free(image);
    return NULL;
}

/* An image of any size, for results. */
static limn_image *result_create(int64_t width, int64_t height, int channels)
{
    limn_image *image = image_create("");
    return image ? image_if(picture_create(width, height, channels, &image->picture, &failure), image) : NULL;
}

/* A result `factor` times as large as the source. */
static limn_image *result_of(const limn_image *source, int factor, int channels)
{
    if (!source)
        fail(&failure, LIMN_E_USAGE, "there is no image");
    else if (factor < 1)
        fail(&failure, LIMN_E_USAGE, "the factor is %d, at least 1 expected", factor);
    else
        return result_create(source->picture.width * factor, source->picture.height * factor,
                             channels ? channels : source->picture.channels);
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
    return image_if(picture_decode(file, size, image->picture.name, true, &image->picture, &failure), image);
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
    if (!image)
        fail(&failure, LIMN_E_USAGE, "there is no image");
    else
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

/* ---- pipelines --------------------------------------------------------------------------- */

limn_image *limn_image_colorize(limn_model *model, const limn_image *source, const int32_t *hints,
                                int hint_count, double seed, double saturation, double temperature,
                                int network_size)
{
    limn_image *image = result_of(source, 1, 0);
    size_t count = hint_count > 0 ? (size_t)hint_count : 0;
    limn_hint *copies = image ? mem_zalloc(count, sizeof *copies) : NULL;
    if (image && !copies)
        return image_if(fail_memory(&failure, "hints", size_product(hint_count, sizeof *copies)), image);
    if (!image)
        return NULL;
    for (size_t i = 0; i < count; i++, hints += 6)
        copies[i] = (limn_hint){.x = hints[0],
                                .y = hints[1],
                                .radius = hints[2],
                                .red = (unsigned char)hints[3],
                                .green = (unsigned char)hints[4],
                                .blue = (unsigned char)hints[5]};
    const uint64_t number = seed >= 0 ? (uint64_t)seed : 0;
    const limn_colorize_options options = {.hints = copies,
                                           .hint_count = count,
                                           .seed = seed >= 0 ? &number : NULL,
                                           .saturation = saturation,
                                           .temperature = temperature,
                                           .network_size = network_size};
    const limn_picture from = view_of(source), to = view_of(image);
    limn_status status = limn_colorize(model, &from, &to, &options, &watch, &failure);
    mem_free(copies);
    return image_if(status, image);
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
    if (limn_generate_side(model, &side, &failure) != LIMN_OK)
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
    const limn_generate_options options = {.seed = (uint64_t)seed, .fixed_range = fixed_range};
    limn_status status = limn_generate(model, parts, count, &options, &watch, &failure);
    mem_free(parts);
    return image_if(status, image);
}
