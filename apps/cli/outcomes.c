/* outcomes.c - see outcomes.h. */
#include "apps/cli/outcomes.h"
#include "engine/base/system.h"

#include <inttypes.h>
#include <string.h>

limn_status outcomes_check(const struct options *options, limn_error *error)
{
    if (options->json && options->output && strcmp(options->output, "-") == 0)
        return fail(error, LIMN_E_USAGE, "--json and -o - would both write to standard output");
    return LIMN_OK;
}

struct outcomes outcomes_begin(const struct options *options)
{
    double now = system_seconds();
    return (struct outcomes){.json = options->json, .begun = now, .since = now};
}

/* Opens an object and prints the members that all pictures have. key: NULL for none. */
static void open_picture(struct outcomes *outcomes, const char *input, const char *key, const char *text)
{
    double now = system_seconds();
    if (outcomes->json) {
        print_json_string(outcomes->count ? ",\n  {\"input\": " : "{\"pictures\": [\n  {\"input\": ", input);
        if (key)
            outcomes_text(outcomes, key, text);
        printf(", \"seconds\": %.6f", now - outcomes->since);
    }
    outcomes->count++;
    outcomes->since = now;
}

void outcomes_picture(struct outcomes *outcomes, const char *input, const char *output)
{
    open_picture(outcomes, input, output ? "output" : NULL, output);
}

void outcomes_picture_end(const struct outcomes *outcomes)
{
    if (outcomes->json)
        printf("}");
}

void outcomes_failure(struct outcomes *outcomes, const char *input, const char *message)
{
    open_picture(outcomes, input, "error", message);
    outcomes_picture_end(outcomes);
    outcomes->failed++;
}

void outcomes_skipped(struct outcomes *outcomes)
{
    if (outcomes->json)
        printf(", \"skipped\": true");
    outcomes->skipped++;
}

void outcomes_summary(const struct outcomes *outcomes)
{
    if (outcomes->json)
        printf("],\n \"failed\": %zu, \"seconds\": %.6f", outcomes->failed,
               system_seconds() - outcomes->begun);
}

void outcomes_end(const struct outcomes *outcomes)
{
    if (outcomes->json)
        printf("}\n");
}

void outcomes_text(const struct outcomes *outcomes, const char *key, const char *text)
{
    if (!outcomes->json)
        return;
    printf(", \"%s\": ", key);
    print_json_string("", text);
}

void outcomes_whole(const struct outcomes *outcomes, const char *key, int64_t number)
{
    if (outcomes->json)
        printf(", \"%s\": %" PRId64, key, number);
}
