/* app.h - what the subcommands share: options, messages, the way to a model. */
#ifndef APP_H
#define APP_H

#include "engine/base/status.h"
#include "engine/limn.h"

#include <limits.h>
#include <stdio.h>

enum { TEXTS_MOST = 64 };

/* The values of an option that may be given several times. */
struct texts {
    const char *items[TEXTS_MOST];
    int count;
};

/* Every option of every command, filled by options_parse. */
struct options {
    const char *model, *input, *output;
    int64_t threads, quality, tile, batch, reps;
    const char *isa, *gemm;
    const char *latent;
    struct texts dumps; /* run, and so the next two */
    const char *dump_images;
    int64_t channels;
    int64_t count; /* of pictures; 0: not given */
    int64_t seed;
    const char *walk;
    bool fixed_range;
    int64_t height, width;           /* --size; 0: not given */
    int64_t grid_rows, grid_columns; /* --grid; 0: not given */
    int64_t memory_limit;            /* bytes */
    double seconds;
    const char *hints; /* colorize, and so the next five */
    double saturation, temperature;
    int64_t samples;
    bool compare, encode;
    const char *view, *truth, *probabilities;
    int64_t resize; /* 0: not given, as below */
    double scale, threshold;
    const char *svg;
    const char *op, *shape, *baseline, *trace; /* bench, and the next line */
    bool steps, markdown;
    bool json, csv, masks, quiet, force, recursive, no_orient, help;
    char **arguments; /* what is left: plain arguments */
    int argument_count;
};

/* One bit each, for the option table to say which commands an option belongs to. */
enum command_bit {
    SEGMENT = 1,
    COLORIZE = 2,
    UPSCALE = 4,
    GENERATE = 8,
    COMPARE = 16,
    PIXELS = 32,
    RUN = 64,
    INSPECT = 128,
    VERIFY = 256,
    BENCH = 512,
    EXPLAIN = 1024,
    ALL = 2047,
};

struct command {
    enum command_bit bit;
    const char *name, *summary;
    const char *synopsis; /* behind "limn NAME " */
    const char *example;  /* a whole command line */
    const char *details;  /* a paragraph or "" */
    limn_status (*run)(const struct options *options, limn_error *error);
};

/* Ends with a NULL name. */
extern const struct command commands[];

/* Parses argv[1..] by the option table for `command`. LIMN_E_USAGE. */
limn_status options_parse(const struct command *command, int argc, char **argv, struct options *options,
                          limn_error *error);

/* Writes the help of a command to stdout: example, options. */
void options_help(const struct command *command);

/* Engine from the common options. */
limn_status app_engine(const struct options *options, limn_engine **engine, limn_error *error);

/* weights_path, for -m NAME|FILE: the message for an unknown name also suggests the nearest name and says how
 * to get weights. */
limn_status app_weights_path(const char *name, char path[PATH_MAX], limn_error *error);

/* Engine and model at once. On failure both are NULL. */
limn_status app_model(const struct options *options, const char *fallback, limn_engine **engine,
                      limn_model **model, limn_error *error);

/* The input: -i or the plain argument `index`. LIMN_E_USAGE when there is none, or both. */
limn_status app_input(const struct options *options, const char **input, limn_error *error);

/* Prints the model's warning where the command succeeded, or in part: elsewhere its message says enough. */
void app_model_warn(const limn_model *model, limn_status status);

/* The same, and the end of what app_model began. */
void app_model_end(limn_engine *engine, limn_model *model, limn_status status);

/* A line on stderr about results that may be wrong, which --quiet does not keep back. */
void app_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line on stderr, unless --quiet. */
void app_note(const struct options *options, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A character of a JSON string, ended by a zero byte. */
const char *json_escape(char character, char out[8]);

/* Text as a JSON string, quotes included. */
void print_json_string(FILE *file, const char *text);

/* Text as a field of CSV (RFC 4180): one with a comma, quote or line break is quoted, its quotes doubled. */
void print_csv_string(FILE *file, const char *text);

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
