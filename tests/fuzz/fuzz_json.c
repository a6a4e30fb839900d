/* fuzz_json.c - untrusted JSON: the parser itself, and all that use it: names of classes and values of
 * masks in metadata, reports that limn bench compares with. Hints are in fuzz_text.c. */
#include "apps/cli/bench.h"
#include "engine/base/memory.h"
#include "engine/pipelines/labels.h"
#include "tests/fuzz/fuzz.h"
#include "weights/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the parser -------------------------------------------------------------------------- */

enum { DEPTH = 64 }; /* that json_skip goes down to */

/* A decoded string has no zero, has the announced length, and fits exactly. */
static void walk_string(struct json *j)
{
    size_t length = 0, again = 0;
    struct json before = *j;
    if (!json_string(j, NULL, 0, &length))
        return;
    REQUIRE(length <= json_position(j) - json_position(&before));
    char *exact = malloc(length + 1);
    struct json tight = before;
    REQUIRE(json_string(&tight, exact, length + 1, &again) && again == length && strlen(exact) == length);
    REQUIRE(length == 0 || !json_string(&before, exact, length, NULL));
    free(exact);
}

static void walk_number(struct json *j)
{
    double number = 0;
    uint64_t whole;
    struct json before = *j;
    bool is_number = json_number(j, &number);
    REQUIRE(!is_number || isfinite(number));
    if (is_number && json_unsigned(&before, &whole))
        REQUIRE(number == (double)whole && json_position(&before) == json_position(j));
}

/* What json_skip does, by all the other calls. */
static void walk(struct json *j, int depth)
{
    char c = json_peek(j), close = c == '{' ? '}' : ']';
    if (depth == DEPTH) {
        json_fail(j, "nested too deep");
    } else if (c == '{' || c == '[') {
        REQUIRE(json_open(j, c));
        while (json_more(j, close))
            if (c == '[' || json_key(j, NULL, 0, NULL))
                walk(j, depth + 1);
    } else if (c == '"') {
        walk_string(j);
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        walk_number(j);
    } else {
        json_skip(j);
    }
}

static void check_parser(const uint8_t *data, size_t size)
{
    struct json walked = json_text(data, size), skipped = walked;
    walk(&walked, 0);
    json_skip(&skipped);
    bool by_walk = json_end(&walked), by_skip = json_end(&skipped);
    REQUIRE(by_walk == !walked.problem && by_skip == !skipped.problem);
    REQUIRE(json_position(&walked) <= size && json_position(&skipped) <= size);
    /* json_skip takes numbers of any size. */
    REQUIRE(by_skip || !by_walk);
    REQUIRE(by_walk || !by_skip || strstr(walked.problem, "a number"));
}

/* ---- metadata ---------------------------------------------------------------------------- */

static void check_metadata(const char *text, const struct model_kind *kind, int count)
{
    struct metadata_entry entries[] = {{"limn.classes", text}, {"limn.mask_values", text}};
    struct safetensors header = {.metadata = entries, .metadata_count = 2};
    struct node node = {.channels = count};
    limn_model model = {
        .kind = kind, .weights.header = &header, .graph = {.path = "fuzz.json", .nodes = &node, .count = 1}};
    struct labels labels;
    struct mask_values values;
    limn_error error;
    limn_status status = labels_read(&model, count, &labels, &error);
    REQUIRE_STATUS(status, &error, LIMN_E_WEIGHTS, "fuzz.json");
    REQUIRE((labels.block != NULL) == (status == LIMN_OK));
    for (int i = 0; status == LIMN_OK && i < count; i++)
        REQUIRE(strlen(labels.names[i]) <= strlen(text));
    labels_free(&labels);
    status = mask_values_read(&model, count, &values, &error);
    REQUIRE_STATUS(status, &error, LIMN_E_WEIGHTS, "fuzz.json");
    REQUIRE(status != LIMN_OK || values.channels == 3 || values.channels == 4);
}

static void check_all_metadata(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    check_metadata(text, &unet, 2);
    check_metadata(text, &deeplabv3, 3);
    free(text);
}

/* ---- reports ----------------------------------------------------------------------------- */

static void check_report(const char *path, size_t size, const char *kind, const struct bench *bench)
{
    static const limn_engine engine = {.description = "an engine"};
    const struct options options = {.baseline = path, .quiet = true};
    static const char *const name[BASELINE_PARTS] = {"conv2d", "gemm", ""};
    struct summary now = {.count = 3, .least = 1e-3, .median = 2e-3, .p90 = 3e-3, .spread = 1e-4};
    struct baseline baseline;
    struct field fields[BASELINE_FIELDS];
    limn_error error;
    limn_status status = baseline_read(&options, kind, &engine, bench, &baseline, &error);
    REQUIRE_STATUS(status, &error, LIMN_E_INPUT, path);
    if (status == LIMN_OK) {
        REQUIRE(baseline.count > 0 && baseline.count <= baseline.room);
        for (size_t i = 0; i <= baseline.count; i++) /* each row is taken once */
            REQUIRE(baseline_fields(&baseline, name, &now, fields) == BASELINE_FIELDS);
        REQUIRE(strcmp(fields[2].cell.text, "new") == 0);
    }
    baseline_free(&baseline);
    mem_set_limit(mem_in_use() + 2 * size);
    status = baseline_read(&options, kind, &engine, bench, &baseline, &error);
    mem_set_limit(0);
    REQUIRE_STATUS(status, &error, LIMN_E_INPUT, path);
    baseline_free(&baseline);
}

static void check_reports(const uint8_t *data, size_t size)
{
    limn_model model = {.kind = &unet};
    struct bench bench = {.model = &model, .size = {1, 64, 64}};
    const char *path = fuzz_file(data, size);
    check_report(path, size, "model", &bench);
    check_report(path, size, "layers", &bench);
    check_report(path, size, "kernels", NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t held = mem_in_use();
    check_parser(data, size);

    struct json j = json_text(data, size);
    char first = json_peek(&j);
    if (first == '{')
        check_reports(data, size);
    else
        check_all_metadata(data, size);
    REQUIRE(mem_in_use() == held);
    return 0;
}
