/* bench.h - the parts of limn bench.
 *
 *   cmd_bench.c        chooses the report
 *   bench_model.c      runs a network; the report on whole runs
 *   bench_layers.c     the report on the layers of a network
 *   bench_kernels.c    the report on the variants of a layer, side by side
 *   bench_contest.c    measures those variants
 *   bench_shapes.c     the layers to measure: known ones of the seven networks, or --shape
 *   bench_machine.c    the machine's limits: multiply-adds and memory bandwidth
 *   bench_samples.c    times of several things measured in turn
 *   bench_table.c      prints facts and rows as text, JSON, CSV or Markdown
 *   bench_baseline.c   compares with an earlier report
 *   bench_trace.c      writes which thread ran which task when
 *
 * Times are of whole runs after one warm-up run, or of whole layers inside such runs. Reports give minimum
 * and median: on a shared machine the mean mostly measures other programs. */
#ifndef BENCH_H
#define BENCH_H

#include "apps/cli/app.h"
#include "engine/run/session.h"
#include "engine/run/step.h"

/* ---- bench_samples.c --------------------------------------------------------------------- */

/* Times of `series` things measured in turn, round after round. Starts as {.series = N}. */
struct samples {
    size_t series, rounds, room;
    double *seconds; /* room x series, followed by `room` values of space for sorting */
};

/* Seconds. The spread is the interquartile range; NaN for fewer than three samples. */
struct summary {
    size_t count;
    double least, median, p90, spread;
};

/* Starts a round. *row receives one time per series, at first NaN, which means not measured; it is valid
 * until the next call. LIMN_E_MEMORY. */
limn_status samples_next(struct samples *samples, double **row, limn_error *error);

/* The summary of one series; all 0 without a sample. Quantiles are interpolated linearly. */
struct summary samples_of(struct samples *samples, size_t series);
void samples_free(struct samples *samples);

/* The next value, 0 <= x < 1, of a fixed sequence: inputs are the same in every run. */
double bench_random(uint64_t *state);

/* ---- bench_table.c ----------------------------------------------------------------------- */

enum form { FORM_TEXT, FORM_JSON, FORM_CSV, FORM_MARKDOWN };

struct cell {
    enum { CELL_NONE, CELL_TEXT, CELL_NUMBER, CELL_SIDES } kind; /* none: null, or empty */
    const char *text;                                            /* borrowed until it is printed */
    double number;                                               /* finite */
    double unit;                                                 /* divides the number in text and Markdown */
    int64_t sides[4];                                            /* [1, 2, 3], or 1x2x3 */
    int side_count;
};

struct cell cell_text(const char *text); /* NULL: none */
struct cell cell_number(double number);  /* not finite: none */
struct cell cell_scaled(double number, double unit);
struct cell cell_sides(int count, int64_t a, int64_t b, int64_t c, int64_t d);

/* A fact, or a cell of a table with its column. JSON and CSV print plain values under `key`; text and
 * Markdown print values formatted by `format` under `heading`. A NULL key or heading leaves the field out of
 * those formats. In a table, a width of 0 leaves a column out of text, whose rows fit 120 characters; a
 * column with a width but without a key is for text only. */
struct field {
    const char *key, *heading;
    const char *format; /* of numbers, with the unit: "%.3f ms" */
    int width;          /* minimum width in text; negative: left-aligned; 0 in facts */
    struct cell cell;
};

/* A report printed to standard output: facts, then at most one table, then facts. */
struct report {
    enum form form;
    size_t facts, rows; /* printed so far */
    bool heading_due;
};

/* Begins a report in the format of --json, --csv, --md, or as text. */
void report_begin(struct report *report, const struct options *options);

/* Prints one line per fact: "heading  value", or the value alone if the heading is "". Nothing in CSV. */
void report_facts(struct report *report, const struct field *fields, size_t count);

/* Prints facts in a report without a table: in CSV as a table of one row. */
void report_record(struct report *report, const struct field *fields, size_t count);

/* Starts a table, in JSON an array of objects under `key`. All its rows have the same columns. */
void report_table(struct report *report, const char *key);

/* Prints a line above the rows that follow, in text and Markdown, and repeats the headings below it. */
void report_title(struct report *report, const char *title);
void report_row(struct report *report, const struct field *fields, size_t count);
void report_table_end(struct report *report);
void report_end(struct report *report);

/* ---- bench_machine.c --------------------------------------------------------------------- */

/* Upper limits of any layer on an engine's threads, measured with all of them at work. */
struct roofs {
    double flops;     /* FLOP/s: multiply-adds in registers, each counted as two */
    double bandwidth; /* bytes/s of copying, read and written; 0: not measured */
};

/* The multiply-adds of all threads at work for `seconds`, in FLOP/s. */
double peak_of_all(struct pool *pool, double seconds);

/* Measures the limits. `bandwidth` false skips the bandwidth, which takes half a gigabyte of memory; it is
 * also skipped if the memory limit is too low for that. */
struct roofs roofs_measure(limn_engine *engine, bool bandwidth);

/* Which limit takes longer, for a layer of so many operations and bytes: "compute" or "memory"; NULL if the
 * bandwidth was not measured. */
const char *bound_by(const struct roofs *roofs, double flops, double bytes);

/* The rate of that layer as a share of its limit, as "55.8% memory"; of compute if the bandwidth was not
 * measured. Returns `text`. */
enum { LIMIT_TEXT = 32 };
const char *limit_text(const struct roofs *roofs, double flops, double bytes, double seconds,
                       char text[LIMIT_TEXT]);

/* Copies the processor's name into `text` and returns it; "unknown" if the system does not tell. */
const char *cpu_text(char text[128]);

/* Begins a report and prints the facts at the top of every report. */
void bench_begin(struct report *report, const struct options *options, const char *kind,
                 const limn_engine *engine, const struct roofs *roofs);

/* ---- bench_baseline.c -------------------------------------------------------------------- */

struct bench;

/* The rows of an earlier report in JSON; empty without --baseline. */
struct baseline {
    const struct baseline_kind *kind;
    struct baseline_row *rows;
    size_t count, room;
};

/* Reads the report of --baseline. `kind` is "model", "layers" or "kernels"; the report must be of that kind
 * and, unless `bench` is NULL (kernels), of the same network at the same size. A different processor or
 * engine is noted on stderr, another instruction set or precision with --quiet too. LIMN_E_INPUT,
 * LIMN_E_MEMORY. */
limn_status baseline_read(const struct options *options, const char *kind, const limn_engine *engine,
                          const struct bench *bench, struct baseline *baseline, limn_error *error);
void baseline_free(struct baseline *baseline);

/* Fills the fields that the baseline adds to the row named `name`; returns how many: 0 if it is empty. For
 * layers `name` is the JSON members "name" and "op", for kernels "op", "variant" and "shape", "" for the
 * rest. The fields are the median before in milliseconds, the change in percent, and "slower", "faster",
 * "same", "new", or nothing if one of the spreads is unknown. A row has moved if its minimum and its median
 * both moved the same way by more than 5%, and the median by more than the spreads of both runs together.
 * Rows of equal name are matched in their order. */
enum { BASELINE_FIELDS = 3, BASELINE_PARTS = 3 };
size_t baseline_fields(struct baseline *baseline, const char *const name[BASELINE_PARTS],
                       const struct summary *now, struct field fields[BASELINE_FIELDS]);

/* ---- bench_trace.c ----------------------------------------------------------------------- */

/* Runs the session once more and writes to the file of --trace which thread ran each task and when, as Chrome
 * trace events, which Perfetto and chrome://tracing show: a track per thread, an event per task.
 * LIMN_E_OUTPUT, LIMN_E_MEMORY. */
limn_status trace_write(const struct options *options, limn_session *session, limn_error *error);

/* ---- bench_model.c ----------------------------------------------------------------------- */

/* A network and its measured runs. */
struct bench {
    limn_model *model;
    limn_session *session;
    limn_size size;
    double load_seconds;
    struct baseline baseline;
    struct samples samples; /* the whole run, then each step of the plan */
    size_t peak_resident;   /* bytes, of the process while it measured */
    struct roofs roofs;
};

/* Loads the network of the options, reads the baseline, measures, writes the trace, and prints the report
 * with `print`. bandwidth: whether the report needs that of the memory. */
limn_status bench_network(const struct options *options, const char *kind, bool bandwidth,
                          void (*print)(struct report *report, struct bench *bench), limn_error *error);

/* Fills the facts of a network's runs. */
enum { RUN_FACTS = 12 };
void bench_run_facts(struct bench *bench, struct field facts[RUN_FACTS]);

/* The reports; those on layers and on the machine are in bench_layers.c and bench_machine.c. */
limn_status bench_model(const struct options *options, limn_error *error);
limn_status bench_layers(const struct options *options, limn_error *error);
limn_status bench_machine(const struct options *options, limn_error *error);

/* ---- bench_shapes.c ---------------------------------------------------------------------- */

/* One layer. */
struct shape {
    const char *text; /* as it was given, borrowed */
    enum layer_kind kind;
    struct layer_dims d;
    enum activation activation;
    bool add; /* of a residual */
};

/* A layer of one of the seven networks, at the size at which the README measures it. */
struct known_shape {
    const char *where; /* "unet inc.0" */
    enum layer_kind kind;
    const char *text; /* as shape_parse takes it */
};

/* Ends with a NULL. */
extern const struct known_shape known_shapes[];

/* The operator of this name, or LAYER_COUNT. */
enum layer_kind operator_named(const char *name);

/* Parses "1x128x128x64,oc=64,k=3,p=1": the input N H W C, then options; defaults are listed last.
 *   oc=N          output channels; those of the input
 *   k= s= p= d=   kernel, stride, padding, dilation, N or HxW; 1, 1, 0, 1
 *   f=N           factor of an enlargement
 *   out=HxW       output size of pad and bilinear
 *   align=1       align_corners of bilinear
 *   act=NAME      relu, leaky_relu, tanh or sigmoid; none
 *   add=1         adds a residual
 * LIMN_E_USAGE: an option that the operator does not take, an empty output, a layer too large. */
limn_status shape_parse(enum layer_kind kind, const char *text, struct shape *shape, limn_error *error);

/* ---- bench_contest.c --------------------------------------------------------------------- */

enum { VARIANTS_MOST = 16 };

/* One variant of a layer, ready to run. */
struct contestant {
    struct step step;
    double error; /* largest difference from the reference, relative to its largest value; NaN: unknown */
    bool once;    /* too slow to be measured more than once */
};

/* All variants that apply to a layer, or those of --variant, the reference first, on the same random input.
 */
struct contest {
    const struct shape *shape;
    const struct texts *variants; /* the names of --variant; none: all */
    float *x, *w, *residual, *y;
    float *expected;        /* the rows that the reference computed; NULL: no reference */
    int64_t expected_tasks; /* how many of its tasks were run, evenly spaced */
    struct contestant contestants[VARIANTS_MOST];
    size_t count;
    struct samples samples; /* one series per contestant */
};

/* LIMN_E_MEMORY. Call contest_free also after a failure. */
limn_status contest_create(const struct shape *shape, const struct texts *variants, int threads,
                           struct contest *contest, limn_error *error);
void contest_free(struct contest *contest);

/* Runs a warm-up round, which measures errors, then `reps` rounds, or, if `reps` is 0, as many as `seconds`
 * allow. The variants of a round run in turn, so that other load on the machine affects all of them alike.
 * The reference is far too slow for that: it runs some of its tasks once, and its time is scaled to all of
 * them. LIMN_E_MEMORY. */
limn_status contest_run(struct contest *contest, struct pool *pool, int64_t reps, double seconds,
                        limn_error *error);

/* ---- bench_kernels.c --------------------------------------------------------------------- */

limn_status bench_kernels(const struct options *options, limn_error *error);

#endif
