/* bench.h - the parts of limn bench.
 *
 *   cmd_bench.c        which report; the form it is printed in
 *   bench_model.c      a network: running it, and the report of the whole
 *   bench_layers.c     the report of its layers
 *   bench_kernels.c    the variants of a layer side by side: the report
 *   bench_contest.c    ... and the measuring
 *   bench_shapes.c     which layers: those of the seven networks, or that of --shape
 *   bench_machine.c    what bounds them: multiply-adds and memory
 *   bench_samples.c    times of several things measured in turn
 *   bench_table.c      facts and rows, printed as text, JSON, CSV or Markdown
 *   bench_baseline.c   an earlier report, and what moved since
 *   bench_trace.c      which thread did which task when
 *
 * Times are of whole runs after one warm-up, or of whole layers inside such runs. Minimum and median, because
 * the mean of a shared machine measures the other users. */
#ifndef BENCH_H
#define BENCH_H

#include "apps/cli/app.h"
#include "engine/run/session.h"
#include "engine/run/step.h"

/* ---- bench_samples.c --------------------------------------------------------------------- */

/* Times of `series` things that were measured in turn, round after round. Starts as {.series = N}. */
struct samples {
    size_t series, rounds, room;
    double *seconds; /* room x series, and behind them room for sorting */
};

/* Seconds. The spread is from the first to the third quartile, half of all samples lie within it; NaN for
 * less than three samples, which have none to speak of. */
struct summary {
    size_t count;
    double least, median, p90, spread;
};

/* Starts a round: `row` is for one time of each, NaN at first, which stands for not measured. Valid until the
 * next call. LIMN_E_MEMORY. */
limn_status samples_next(struct samples *samples, double **row, limn_error *error);

/* All 0 without a sample. Between two samples quantiles are interpolated. */
struct summary samples_of(struct samples *samples, size_t series);
void samples_free(struct samples *samples);

/* ---- bench_machine.c --------------------------------------------------------------------- */

/* What no layer can pass on the threads of an engine, measured with all of them at work. */
struct roofs {
    double flops;     /* a second: multiply-adds in registers, each counted as two */
    double bandwidth; /* bytes a second, read and written, of copying; 0: not measured */
};

/* `bandwidth` false leaves that out: it takes half a gigabyte. Under a memory limit that has no room for that
 * it is left out too. */
struct roofs roofs_measure(limn_engine *engine, bool bandwidth);

/* The processor as it calls itself, into `text`; "unknown" when the system does not tell. */
const char *cpu_text(char text[128]);

/* ---- bench_table.c ----------------------------------------------------------------------- */

enum form { FORM_TEXT, FORM_JSON, FORM_CSV, FORM_MARKDOWN };

/* A fact or a column. JSON and CSV have plain values under `key`; text and Markdown, which are for reading,
 * values as `format` says under `heading`. Where one of the two names is NULL, it is not in those forms. */
struct column {
    const char *key, *heading;
    const char *format; /* of numbers, unit and all: "%.3f ms" */
    double unit;        /* numbers are divided by this before, when it is not 0 */
    int width;          /* in text at least; negative: flush left */
};

struct cell {
    enum { CELL_NONE, CELL_TEXT, CELL_NUMBER, CELL_SIDES } kind; /* none: null, or nothing */
    const char *text;                                            /* borrowed until it is printed */
    double number;                                               /* null where it is not finite */
    int64_t sides[4];                                            /* [1, 2, 3], or 1x2x3 */
    int side_count;
};

struct cell cell_text(const char *text); /* NULL: none */
struct cell cell_number(double number);
struct cell cell_sides(int count, int64_t a, int64_t b, int64_t c, int64_t d);

/* A report on standard output, being printed: facts, then at most one table, then facts. */
struct report {
    enum form form;
    const struct column *columns; /* of the table */
    size_t column_count;
    size_t facts, rows; /* printed so far */
    bool heading_due;
};

void report_begin(struct report *report, enum form form);

/* A line each: "heading  value", a value alone where the heading is "". CSV has none of them. */
void report_facts(struct report *report, const struct column *columns, const struct cell *cells,
                  size_t count);

/* Facts that are all there is to report: in CSV a table of one row. */
void report_record(struct report *report, const struct column *columns, const struct cell *cells,
                   size_t count);

/* A table, in JSON an array of objects under `key`. The columns are borrowed until report_table_end. */
void report_table(struct report *report, const char *key, const struct column *columns, size_t count);

/* A line above the rows that follow, in text and Markdown; repeats the headings below it. */
void report_title(struct report *report, const char *title);
void report_row(struct report *report, const struct cell *cells);
void report_table_end(struct report *report);
void report_end(struct report *report);

/* ---- bench_baseline.c -------------------------------------------------------------------- */

struct bench;

/* The rows of an earlier report in JSON; empty where none is given. */
struct baseline {
    const struct baseline_kind *kind;
    struct baseline_row *rows;
    size_t count, room;
};

/* Reads the report of --baseline, which must be of the same kind: "model", "layers" or "kernels", the first
 * two of the same network at the same size as `bench`, which is NULL for kernels. Another processor or engine
 * is worth a note on stderr. Without that option the baseline is empty. LIMN_E_INPUT, LIMN_E_MEMORY. */
limn_status baseline_read(const struct options *options, const char *kind, const limn_engine *engine,
                          const struct bench *bench, struct baseline *baseline, limn_error *error);
void baseline_free(struct baseline *baseline);

/* The columns that it adds to a table, and how many: none where it is empty. */
enum { BASELINE_COLUMNS = 3, BASELINE_PARTS = 3 };
size_t baseline_columns(const struct baseline *baseline, struct column columns[BASELINE_COLUMNS]);

/* Their cells for the row of this name, which is that of the members of the row in JSON: layers "name" and
 * "op"; kernels "op", "variant" and "shape"; "" for the rest. They are the median before in milliseconds, the
 * change in percent, and "slower", "faster", "same", "new" or, where one of the spreads is unknown, nothing.
 * A row has moved when its minimum and its median both moved the same way by more than 5%, and the median by
 * more than the spreads of both runs together. Rows of one name are taken in their order. */
void baseline_cells(struct baseline *baseline, const char *const name[BASELINE_PARTS],
                    const struct summary *now, struct cell cells[BASELINE_COLUMNS]);

/* ---- bench_trace.c ----------------------------------------------------------------------- */

/* Runs the session once more and writes when each task ran on which thread to the file of --trace, as Chrome
 * trace events, which Perfetto and chrome://tracing show: a track a thread, an event a task. LIMN_E_OUTPUT,
 * LIMN_E_MEMORY. */
limn_status trace_write(const struct options *options, limn_session *session, limn_error *error);

/* ---- bench_model.c ----------------------------------------------------------------------- */

/* A network that was run again and again. */
struct bench {
    limn_engine *engine;
    limn_model *model;
    limn_session *session;
    limn_size size;
    double load_seconds;
    struct baseline baseline;
    struct samples samples; /* the whole run, then each step of the plan */
    size_t peak_resident;   /* bytes, of the process when it was measured */
};

/* Loads the network of the options, reads the baseline, measures, and writes the trace. To be closed in any
 * case. */
limn_status bench_open(const struct options *options, const char *kind, struct bench *bench,
                       limn_error *error);
void bench_close(struct bench *bench);

/* The facts at the top of every report. */
void bench_head(struct report *report, const char *kind, const limn_engine *engine,
                const struct roofs *roofs);

/* The facts of a network's runs. */
enum { RUN_FACTS = 12 };
extern const struct column bench_run_columns[RUN_FACTS];
void bench_run_cells(struct bench *bench, const struct roofs *roofs, struct cell cells[RUN_FACTS]);

/* The reports. Those of machine and layers are in files of their own. */
limn_status bench_model(const struct options *options, enum form form, limn_error *error);
limn_status bench_layers(const struct options *options, enum form form, limn_error *error);
limn_status bench_machine(const struct options *options, enum form form, limn_error *error);

/* ---- bench_shapes.c ---------------------------------------------------------------------- */

/* One layer. */
struct shape {
    const char *text; /* that it was read from, borrowed */
    enum layer_kind kind;
    struct layer_dims d;
    enum activation activation;
    bool add; /* of a residual */
};

/* A layer of one of the seven networks, at the size that the README measures it at. */
struct known_shape {
    const char *where; /* "unet inc.0" */
    enum layer_kind kind;
    const char *text; /* as shape_parse takes it */
};

/* Ends with a NULL. */
extern const struct known_shape known_shapes[];

/* The operator of this name; LAYER_COUNT when there is none. */
enum layer_kind operator_named(const char *name);

/* Reads "1x128x128x64,oc=64,k=3,p=1": the input, N H W C, then what differs from the defaults.
 *   oc=N          channels of the output; those of the input
 *   k= s= p= d=   kernel, stride, padding, dilation, N or HxW; 1, 1, 0, 1
 *   f=N           factor of an enlargement
 *   out=HxW       size of the output, of pad and bilinear
 *   align=1       align_corners of bilinear
 *   act=NAME      relu, leaky_relu, tanh or sigmoid on the way out; none
 *   add=1         adds a residual on the way out
 * LIMN_E_USAGE for what the operator does not take, and for a layer without an output or too large. */
limn_status shape_parse(enum layer_kind kind, const char *text, struct shape *shape, limn_error *error);

/* ---- bench_contest.c --------------------------------------------------------------------- */

enum { VARIANTS_MOST = 16 };

/* One variant of a layer, with all it needs to run. */
struct contestant {
    struct step step;
    double error; /* largest difference from the reference, as a part of its largest value; NaN: unknown */
    bool once;    /* too slow to be measured again and again */
};

/* All variants that apply to a layer, the reference first, on the same random input. */
struct contest {
    const struct shape *shape;
    float *x, *w, *residual, *y;
    float *expected;        /* by the reference, as far as it was run; NULL: there is none */
    int64_t expected_tasks; /* how many of its tasks, spread evenly */
    struct contestant contestants[VARIANTS_MOST];
    size_t count;
    struct samples samples; /* a series a contestant */
};

/* LIMN_E_MEMORY. To be freed in any case. */
limn_status contest_create(const struct shape *shape, int threads, struct contest *contest,
                           limn_error *error);
void contest_free(struct contest *contest);

/* A warm-up round, in which errors are measured, and rounds that count: `reps`, or, if that is 0, as many as
 * `seconds` allow. The variants of a round run in turn, so that whatever else the machine does meets all of
 * them. The reference is far too slow for that: it runs some of its tasks once, and its time is scaled to all
 * of them. LIMN_E_MEMORY. */
limn_status contest_run(struct contest *contest, struct pool *pool, int64_t reps, double seconds,
                        limn_error *error);

/* ---- bench_kernels.c --------------------------------------------------------------------- */

limn_status bench_kernels(const struct options *options, enum form form, limn_error *error);

#endif
