/* user_program.c - a program of a user's own, in C or C++: the four pipelines on pictures that it reads and
 * writes by itself, each cancelled once with weights from a file and then followed to its end with the same
 * weights from memory. test_install.py builds it against what
 * is installed, and compares its pictures with those of the limn program.
 *
 *     user_program segment|colorize|upscale WEIGHTS IN.ppm OUT.ppm
 *     user_program generate WEIGHTS OUT.ppm                             a sheet of three */
#include <limn.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- pictures ---------------------------------------------------------------------------- */

/* Black, to be freed; or the program ends. */
static limn_picture make_picture(int64_t width, int64_t height, int channels)
{
    limn_picture picture = {NULL, width, height, channels, 0};
    picture.pixels = (unsigned char *)calloc((size_t)(width * height), (size_t)channels);
    if (!picture.pixels) {
        fprintf(stderr, "no memory\n");
        exit(1);
    }
    return picture;
}

static limn_picture read_picture(const char *path)
{
    FILE *file = fopen(path, "rb");
    int width, height;
    if (!file || fscanf(file, "P6 %d %d 255", &width, &height) != 2 || fgetc(file) == EOF) {
        fprintf(stderr, "%s: no picture\n", path);
        exit(1);
    }
    limn_picture picture = make_picture(width, height, 3);
    if (fread(picture.pixels, (size_t)width * 3, (size_t)height, file) != (size_t)height) {
        fprintf(stderr, "%s: too short\n", path);
        exit(1);
    }
    fclose(file);
    return picture;
}

static void write_picture(const char *path, const limn_picture *picture)
{
    FILE *file = fopen(path, "wb");
    size_t row = (size_t)picture->width * 3, height = (size_t)picture->height;
    if (!file || fprintf(file, "P6\n%d %d\n255\n", (int)picture->width, (int)picture->height) < 0 ||
        fwrite(picture->pixels, row, height, file) != height || fclose(file) != 0) {
        fprintf(stderr, "%s: not written\n", path);
        exit(1);
    }
}

/* ---- weights ----------------------------------------------------------------------------- */

/* The bytes of a file, to be freed; or the program ends. */
static unsigned char *read_bytes(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    long end = file && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    unsigned char *bytes = end > 0 ? (unsigned char *)malloc((size_t)end) : NULL;
    if (bytes)
        rewind(file);
    if (!bytes || fread(bytes, 1, (size_t)end, file) != (size_t)end) {
        fprintf(stderr, "%s: not read\n", path);
        exit(1);
    }
    fclose(file);
    *size = (size_t)end;
    return bytes;
}

/* ---- progress ---------------------------------------------------------------------------- */

/* A bar, and a button that is pressed at some call. */
struct dialog {
    int calls, pressed_at;
    double done;
};

static bool show(void *context, double done)
{
    struct dialog *dialog = (struct dialog *)context;
    if (done < dialog->done)
        fprintf(stderr, "the bar fell from %g to %g\n", dialog->done, done);
    dialog->done = done;
    return ++dialog->calls != dialog->pressed_at;
}

/* ---- pipelines --------------------------------------------------------------------------- */

enum { PICTURES = 3, AROUND = 2 }; /* generated ones, and the black pixels around each */

static limn_status segment(limn_model *model, const limn_picture *source, const limn_watch *watch,
                           limn_picture *made, limn_error *error)
{
    static limn_class classes[LIMN_CLASSES_MOST];
    int count;
    limn_picture found = make_picture(source->width, source->height, 1);
    *made = make_picture(source->width, source->height, 3);
    limn_status status = limn_segment_classes(model, classes, &count, error);
    if (status == LIMN_OK)
        status = limn_segment(model, source, &found, NULL, watch, error);
    for (int i = 0; status == LIMN_OK && i < count; i++)
        printf("%s%s", i ? ", " : "", classes[i].name);
    for (int64_t p = 0; status == LIMN_OK && p < source->width * source->height; p++) {
        const limn_class *found_class = &classes[found.pixels[p]];
        made->pixels[3 * p] = found_class->red;
        made->pixels[3 * p + 1] = found_class->green;
        made->pixels[3 * p + 2] = found_class->blue;
    }
    free(found.pixels);
    return status;
}

/* In place. */
static limn_status colorize(limn_model *model, const limn_picture *source, const limn_watch *watch,
                            limn_picture *made, limn_error *error)
{
    limn_colorize_options options;
    limn_hint hint = {12, 9, 3, 200, 50, 50};
    memset(&options, 0, sizeof options);
    if (strcmp(limn_model_name(model), "siggraph17") == 0) {
        options.hints = &hint;
        options.hint_count = 1;
    }
    *made = make_picture(source->width, source->height, 3);
    memcpy(made->pixels, source->pixels, (size_t)(source->width * source->height * 3));
    return limn_colorize(model, made, made, &options, watch, error);
}

static limn_status upscale(limn_model *model, const limn_picture *source, const limn_watch *watch,
                           limn_picture *made, limn_error *error)
{
    int factor;
    limn_status status = limn_upscale_factor(model, &factor, error);
    if (status != LIMN_OK)
        return status;
    *made = make_picture(factor * source->width, factor * source->height, 3);
    return limn_upscale(model, source, made, watch, error);
}

static limn_status generate(limn_model *model, const limn_picture *source, const limn_watch *watch,
                            limn_picture *made, limn_error *error)
{
    int side, i;
    limn_generate_options options = {7, false};
    limn_picture pictures[PICTURES];
    limn_status status = limn_generate_side(model, &side, error);
    (void)source;
    if (status != LIMN_OK)
        return status;
    *made = make_picture(PICTURES * (side + AROUND) + AROUND, side + 2 * AROUND, 3);
    for (i = 0; i < PICTURES; i++) {
        int64_t x = AROUND + i * (side + AROUND), y = AROUND;
        limn_picture place = {made->pixels + 3 * (y * made->width + x), side, side, 3, 3 * made->width};
        pictures[i] = place;
    }
    return limn_generate(model, pictures, PICTURES, &options, watch, error);
}

/* ---- the program ------------------------------------------------------------------------- */

typedef limn_status (*pipeline)(limn_model *model, const limn_picture *source, const limn_watch *watch,
                                limn_picture *made, limn_error *error);

static pipeline find(const char *name)
{
    if (strcmp(name, "segment") == 0)
        return segment;
    if (strcmp(name, "colorize") == 0)
        return colorize;
    return strcmp(name, "upscale") == 0 ? upscale : generate;
}

/* Runs a pipeline for a dialog whose button is pressed at a call, or never. */
static limn_status run(pipeline call, limn_model *model, const limn_picture *source, int pressed_at,
                       limn_picture *made, limn_error *error)
{
    struct dialog dialog = {0, 0, 0};
    limn_watch watch;
    dialog.pressed_at = pressed_at;
    watch.progress = show;
    watch.context = &dialog;
    limn_status status = call(model, source, &watch, made, error);
    if (status == LIMN_OK && dialog.done < 1)
        fprintf(stderr, "the bar ends at %g\n", dialog.done);
    return status;
}

int main(int argc, char **argv)
{
    enum { FOURTH = 4 };
    limn_error error;
    limn_engine *engine = NULL;
    limn_model *model = NULL;
    limn_picture source = {NULL, 0, 0, 0, 0}, made = {NULL, 0, 0, 0, 0};
    unsigned char *weights = NULL;
    size_t size;
    if (argc < 4)
        return 2;
    pipeline call = find(argv[1]);
    if (call != generate)
        source = read_picture(argv[3]);
    limn_status status = limn_engine_create(NULL, &engine, &error);
    if (status == LIMN_OK)
        status = limn_model_load(engine, argv[2], &model, &error);
    if (status == LIMN_OK) {
        status = run(call, model, &source, FOURTH, &made, &error);
        printf("%s; ", error.message);
        free(made.pixels);
        made.pixels = NULL;
    }
    if (status == LIMN_E_CANCELLED) {
        limn_model_free(model);
        weights = read_bytes(argv[2], &size);
        status = limn_model_load_bytes(engine, weights, size, "weights", &model, &error);
        if (status == LIMN_OK)
            status = run(call, model, &source, 0, &made, &error);
    }
    if (status == LIMN_OK)
        write_picture(argv[argc - 1], &made);
    else
        fprintf(stderr, "%s\n", error.message);
    printf("\n");
    free(source.pixels);
    free(made.pixels);
    limn_model_free(model);
    limn_engine_free(engine);
    free(weights); /* borrowed by the model */
    return (int)status;
}
