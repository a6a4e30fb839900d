/* app.h - what the commands share: options, messages, loading a model. */
#ifndef APP_H
#define APP_H

#include "engine/base/quote.h"
#include "engine/base/status.h"
#include "engine/base/system.h"
#include "engine/limn.h"
#include "engine/pictures/picture.h"

#include <stdio.h>

enum { TEXTS_MOST = 64, OPTION_CHOICES = 512 };

/* The values of an option that may be given several times. */
struct texts {
    const char *items[TEXTS_MOST];
    int count;
};

/* Every option of every command, set by options_parse. Numbers are 0 and texts NULL when not given, except
 * where a default is noted. */
struct options {
    const char *model, *input, *output;
    int64_t threads, reps;
    int64_t quality, batch; /* default 92, 1 */
    int64_t tile;           /* default -1: chosen by memory */
    int64_t enlargement;    /* upscale's --scale */
    const char *isa, *kernels;
    int precision; /* 1 + limn_precision, default 1 */
    const char *latent;
    struct texts dumps; /* run, and so the next two */
    const char *dump_images;
    int64_t channels;
    int64_t count; /* generate, and so the next three */
    int64_t seed;  /* colorize too */
    const char *walk;
    bool fixed_range;
    int64_t height, width;           /* --size */
    int64_t grid_rows, grid_columns; /* --grid */
    int64_t memory_limit;            /* bytes */
    double seconds;
    const char *hints; /* colorize, and so the next six */
    double saturation; /* default 1 */
    double temperature;
    int64_t samples, network_size;
    int spread; /* enum limn_spread */
    bool compare, encode;
    const char *view, *truth, *probabilities; /* segment, and the next two lines */
    int64_t resize; /* default -1: as the network's weights say; 0: the picture's own size */
    double scale, threshold;
    const char *svg;
    const char *op, *shape, *baseline, *trace; /* bench, and the next two lines */
    struct texts variants;
    bool steps, markdown;
    int format; /* enum picture_format, from --format */
    bool json, csv, masks, binary, quiet, force, skip_existing, recursive, no_orient, strip, help;
    char choices[OPTION_CHOICES]; /* see options_parse */
    char **arguments;             /* plain arguments */
    int argument_count;
};

/* Creates an engine from --threads, --isa, --kernels, --precision and --memory-limit. LIMN_E_USAGE for an
 * unknown word. */
limn_status app_engine(const struct options *options, limn_engine **engine, limn_error *error);

/* weights_path, for -m NAME|FILE: the message for an unknown name also suggests the nearest name and says how
 * to get weights. */
limn_status app_weights_path(const char *name, char path[SYSTEM_PATH_MAX], limn_error *error);

/* The text of -m; without -m, limn_default_weights of the task, with a note on weights that serve few kinds
 * of pictures. */
const char *app_weights(const struct options *options, limn_task task);

/* Creates an engine and loads with it the model of -m, or `fallback` (NULL: none) without -m. NULL on
 * failure. */
limn_status app_model(const struct options *options, const char *fallback, limn_model **model,
                      limn_error *error);

/* The single input: -i or the plain argument. LIMN_E_USAGE if there is none, or more than one. */
limn_status app_input(const struct options *options, const char **input, limn_error *error);

/* The picture file at `path`, written as the options ask. --format wins over the extension, except that pnm
 * leaves one of PGM alone. */
struct picture_target app_target(const struct options *options, const char *path);

/* Prints the model's warning if `status` is LIMN_OK or LIMN_E_SOME; otherwise the error is enough. */
void app_model_warn(const limn_model *model, limn_status status);

/* Frees a model of app_model and its engine. app_model_end calls app_model_warn first. NULL is allowed in all
 * three. */
void app_model_free(limn_model *model);
void app_model_end(limn_model *model, limn_status status);

/* Prints "limn: " and a line on stderr. app_note prints nothing with --quiet. Use app_warn for results that
 * may be wrong. */
void app_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void app_note(const struct options *options, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends to the message what a user of the program can do about error->reason, in terms of its options, if
 * something is known. A second call does nothing. */
void app_remedy(limn_error *error);

/* The rest print to standard output; quote.h says what becomes of bytes that are not text. */

/* Returns the number of characters of the text. */
int quote_print(enum document document, const char *text);

/* A JSON string, quotes included, after `before`, such as its key. */
void print_json_string(const char *before, const char *text);

/* A JSON member after `before`; null for infinity and NaN, which JSON lacks. */
void print_json_number(const char *before, const char *key, double number);

/* A CSV field (RFC 4180): quoted if it contains a comma, quote or line break, its quotes doubled. */
void print_csv_string(const char *text);

/* The commands, a file each: cmd_NAME.c (verify: cmd_inspect.c). */
limn_status segment_run(const struct options *options, limn_error *error);
limn_status colorize_run(const struct options *options, limn_error *error);
limn_status upscale_run(const struct options *options, limn_error *error);
limn_status generate_run(const struct options *options, limn_error *error);
limn_status compare_run(const struct options *options, limn_error *error);
limn_status pixels_run(const struct options *options, limn_error *error);
limn_status run_run(const struct options *options, limn_error *error);
limn_status inspect_run(const struct options *options, limn_error *error);
limn_status verify_run(const struct options *options, limn_error *error);
limn_status explain_run(const struct options *options, limn_error *error);
limn_status bench_run(const struct options *options, limn_error *error);

#endif
