/* bench_baseline.c - compares with an earlier report: see bench.h. */
#include "apps/cli/bench.h"
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/run/instruction_set.h"
#include "weights/json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { NAME_ROOM = 384, FACT_ROOM = 320 };

/* The JSON members that hold the names and times of rows. A report of a model is itself the only row. */
struct baseline_kind {
    const char *name; /* of the report, and of the array of its rows */
    const char *parts[BASELINE_PARTS];
    const char *least, *median;
};

static const struct baseline_kind kinds[] = {
    {"model", {NULL}, "min_ms", "median_ms"},
    {"layers", {"name", "op"}, "min_ms", "ms"},
    {"kernels", {"op", "variant", "shape"}, "ms", "median_ms"},
};

/* Milliseconds. */
struct baseline_row {
    char name[NAME_ROOM];
    double least, median, spread;
    bool taken;
};

/* The other members of the report. */
struct facts {
    char bench[FACT_ROOM], cpu[FACT_ROOM], engine[FACT_ROOM], model[FACT_ROOM], isa[FACT_ROOM],
        precision[FACT_ROOM];
    uint64_t size[3];
};

static void join_name(const char *const parts[BASELINE_PARTS], char name[NAME_ROOM])
{
    snprintf(name, NAME_ROOM, "%s\n%s\n%s", parts[0], parts[1], parts[2]);
}

/* ---- reading ----------------------------------------------------------------------------- */

static limn_status add_row(struct baseline *baseline, const struct baseline_row *row, limn_error *error)
{
    if (baseline->count == baseline->room) {
        size_t room = baseline->room ? 2 * baseline->room : 64;
        struct baseline_row *grown = mem_resize(baseline->rows, room * sizeof *grown);
        if (!grown)
            return fail_memory(error, "the baseline", room * sizeof *grown);
        baseline->rows = grown;
        baseline->room = room;
    }
    baseline->rows[baseline->count++] = *row;
    return LIMN_OK;
}

/* A row without times. */
static struct baseline_row empty_row(void)
{
    return (struct baseline_row){.name = "\n\n", .least = -1, .median = -1, .spread = -1};
}

/* Reads the value of `key` if it is one of the row's times. A spread may be null. */
static bool read_time(struct json *j, const struct baseline_kind *kind, const char *key,
                      struct baseline_row *row)
{
    double *times[] = {&row->least, &row->median, &row->spread};
    const char *names[] = {kind->least, kind->median, "spread_ms"};
    for (int i = 0; i < 3; i++)
        if (strcmp(key, names[i]) == 0) {
            *times[i] = NAN;
            if (json_peek(j) == 'n')
                json_skip(j);
            else
                json_number(j, times[i]);
            return true;
        }
    return false;
}

static bool is_complete(const struct baseline_row *row)
{
    return row->least > 0 && row->median > 0 && !(row->spread < 0);
}

static void read_row(struct json *j, const struct baseline_kind *kind, struct baseline_row *row)
{
    char parts[BASELINE_PARTS][NAME_ROOM / BASELINE_PARTS] = {"", "", ""}, key[FACT_ROOM];
    *row = empty_row();
    json_open(j, '{');
    while (json_more(j, '}')) {
        bool known = json_key(j, key, sizeof key, NULL) && read_time(j, kind, key, row);
        for (int i = 0; !known && i < BASELINE_PARTS && kind->parts[i]; i++)
            if (strcmp(key, kind->parts[i]) == 0) {
                json_string(j, parts[i], sizeof parts[i], NULL);
                known = true;
            }
        if (!known)
            json_skip(j);
    }
    if (!is_complete(row))
        json_fail(j, "a row without times");
    join_name((const char *[BASELINE_PARTS]){parts[0], parts[1], parts[2]}, row->name);
}

static limn_status read_rows(struct json *j, struct baseline *baseline, limn_error *error)
{
    limn_status status = LIMN_OK;
    json_open(j, '[');
    while (status == LIMN_OK && json_more(j, ']')) {
        struct baseline_row row;
        read_row(j, baseline->kind, &row);
        status = add_row(baseline, &row, error);
    }
    return status;
}

static void read_size(struct json *j, struct facts *facts)
{
    json_open(j, '[');
    for (int i = 0; json_more(j, ']'); i++)
        json_unsigned(j, i < 3 ? &facts->size[i] : &(uint64_t){0});
}

static void read_fact(struct json *j, const char *key, struct facts *facts)
{
    const struct {
        const char *key;
        char *text;
    } texts[] = {{"bench", facts->bench}, {"cpu", facts->cpu}, {"engine", facts->engine},
                 {"model", facts->model}, {"isa", facts->isa}, {"precision", facts->precision}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(key, texts[i].key) == 0) {
            json_string(j, texts[i].text, FACT_ROOM, NULL);
            return;
        }
    if (strcmp(key, "size") == 0)
        read_size(j, facts);
    else
        json_skip(j);
}

static limn_status read_report(struct json *j, struct baseline *baseline, struct facts *facts,
                               limn_error *error)
{
    struct baseline_row whole = empty_row();
    bool is_row = !baseline->kind->parts[0];
    char key[FACT_ROOM];
    limn_status status = LIMN_OK;
    json_open(j, '{');
    while (status == LIMN_OK && json_more(j, '}')) {
        if (!json_key(j, key, sizeof key, NULL))
            break;
        if (strcmp(key, baseline->kind->name) == 0 && !is_row)
            status = read_rows(j, baseline, error);
        else if (!is_row || !read_time(j, baseline->kind, key, &whole))
            read_fact(j, key, facts);
    }
    if (status == LIMN_OK && is_row && is_complete(&whole))
        status = add_row(baseline, &whole, error);
    return status;
}

/* ---- checking ---------------------------------------------------------------------------- */

/* Other kernels are another thing that is measured, not only another speed. Earlier versions did not name
 * them in the report. */
static void warn_of_kernels(const limn_engine *engine, const struct facts *facts, const char *path)
{
    const char *isa = isa_name(isa_in_use().isa), *precision = precision_name(engine->rule.precision);
    bool known = *facts->isa && *facts->precision;
    if (known && (strcmp(facts->isa, isa) != 0 || strcmp(facts->precision, precision) != 0))
        app_warn("%s: measured with %s kernels at %s; these are %s at %s", path, facts->isa, facts->precision,
                 isa, precision);
}

static limn_status check_facts(const struct options *options, const char *kind, const limn_engine *engine,
                               const struct bench *bench, const struct facts *facts, limn_error *error)
{
    const char *path = options->baseline, *described = limn_engine_describe(engine);
    char cpu[128];
    if (strcmp(facts->bench, kind) != 0)
        return fail(error, LIMN_E_INPUT, "%s: a report of limn bench %s; one of %s expected", path,
                    facts->bench, kind);
    if (bench) {
        const char *model = limn_model_name(bench->model);
        const limn_size *size = &bench->size;
        const uint64_t sides[3] = {(uint64_t)size->batch, (uint64_t)size->height, (uint64_t)size->width};
        if (strcmp(facts->model, model) != 0 || memcmp(facts->size, sides, sizeof sides) != 0)
            return fail(error, LIMN_E_INPUT,
                        "%s: of %s at %" PRIu64 "x%" PRIu64 "x%" PRIu64 "; %s at %" PRIu64 "x%" PRIu64
                        "x%" PRIu64 " expected",
                        path, facts->model, facts->size[0], facts->size[1], facts->size[2], model, sides[0],
                        sides[1], sides[2]);
    }
    if (strcmp(facts->cpu, cpu_text(cpu)) != 0)
        app_note(options, "%s: measured on another processor, %s", path, facts->cpu);
    if (strcmp(facts->engine, described) != 0)
        app_note(options, "%s: measured with %s", path, facts->engine);
    warn_of_kernels(engine, facts, path);
    return LIMN_OK;
}

limn_status baseline_read(const struct options *options, const char *kind, const limn_engine *engine,
                          const struct bench *bench, struct baseline *baseline, limn_error *error)
{
    const size_t most = (size_t)64 << 20;
    unsigned char *bytes;
    size_t size;
    struct facts facts = {.bench = ""};
    *baseline = (struct baseline){.kind = kinds};
    while (strcmp(baseline->kind->name, kind) != 0)
        baseline->kind++;
    if (!options->baseline)
        return LIMN_OK;
    limn_status status = file_read_all(options->baseline, most, LIMN_E_INPUT, &bytes, &size, error);
    if (status != LIMN_OK)
        return status;
    struct json j = json_text(bytes, size);
    status = read_report(&j, baseline, &facts, error);
    if (status == LIMN_OK && !json_end(&j))
        status = fail(error, LIMN_E_INPUT, "%s: byte %zu: %s (the output of limn bench %s --json expected)",
                      options->baseline, json_position(&j), j.problem, kind);
    else if (status == LIMN_OK && !*facts.bench)
        status = fail(error, LIMN_E_INPUT, "%s: not a report of limn bench --json", options->baseline);
    if (status == LIMN_OK)
        status = check_facts(options, kind, engine, bench, &facts, error);
    if (status == LIMN_OK && !baseline->count)
        status = fail(error, LIMN_E_INPUT, "%s: contains no measurements", options->baseline);
    mem_free(bytes);
    return status;
}

void baseline_free(struct baseline *baseline)
{
    mem_free(baseline->rows);
    *baseline = (struct baseline){.rows = NULL};
}

/* ---- comparing --------------------------------------------------------------------------- */

/* The spread measures the noise of the median. The minimum has far less: other programs only slow a run down.
 */
static const char *moved(const struct baseline_row *before, double least, double median, double spread)
{
    const double part = 0.05;
    double by_least = least - before->least, by_median = median - before->median;
    if (isnan(spread) || isnan(before->spread))
        return NULL;
    bool beyond = fabs(by_median) > fmax(spread + before->spread, part * before->median) &&
                  fabs(by_least) > part * before->least;
    if (!beyond || (by_least > 0) != (by_median > 0))
        return "same";
    return by_median > 0 ? "slower" : "faster";
}

size_t baseline_fields(struct baseline *baseline, const char *const name[BASELINE_PARTS],
                       const struct summary *now, struct field fields[BASELINE_FIELDS])
{
    char joined[NAME_ROOM];
    struct baseline_row *row = baseline->rows, *end = row + baseline->count;
    struct cell before = cell_text(NULL), change = before, verdict = cell_text("new");
    join_name(name, joined);
    while (row < end && (row->taken || strcmp(row->name, joined) != 0))
        row++;
    if (row < end) {
        row->taken = true;
        before = cell_number(row->median);
        change = cell_number(100 * (now->median * 1e3 / row->median - 1));
        verdict = cell_text(moved(row, now->least * 1e3, now->median * 1e3, now->spread * 1e3));
    }
    fields[0] = (struct field){"baseline_ms", "before", "%.3f ms", 12, before};
    fields[1] = (struct field){"change_percent", "change", "%+.1f%%", 8, change};
    fields[2] = (struct field){"moved", "moved", NULL, -6, verdict};
    return baseline->count ? BASELINE_FIELDS : 0;
}
