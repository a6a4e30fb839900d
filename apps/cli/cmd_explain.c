/* cmd_explain.c - limn explain: describes a network as the engine runs it. */
#include "apps/cli/explain.h"
#include "engine/base/files.h"
#include "engine/base/memory.h"

#include <string.h>

static limn_status print_json(const struct explanation *explanation, limn_error *error)
{
    char *text;
    limn_status status = explain_json(explanation, &text, error);
    if (status == LIMN_OK)
        fputs(text, stdout);
    mem_free(text);
    return status;
}

static limn_status report(const struct options *options, const struct explanation *explanation,
                          limn_error *error)
{
    if (options->svg) {
        limn_status status = explain_svg(explanation, options->svg, options->force, error);
        if (status != LIMN_OK || strcmp(options->svg, "-") == 0)
            return status;
    }
    if (options->json)
        return print_json(explanation, error);
    explain_text(explanation);
    return LIMN_OK;
}

limn_status explain_run(const struct options *options, limn_error *error)
{
    limn_model *model;
    struct explanation explanation;
    const char *argument = options->argument_count ? options->arguments[0] : NULL;
    if (options->argument_count + (options->model != NULL) > 1)
        return fail(error, LIMN_E_USAGE, "more than one network given");
    limn_status status = options->svg ? output_check(options->svg, options->force, error) : LIMN_OK;
    if (status == LIMN_OK)
        status = app_model(options, argument, &model, error);
    if (status != LIMN_OK)
        return status;
    if (!options->memory_limit)
        mem_set_limit(0); /* nothing is run, so the machine's memory is no limit */
    status = explain_create(model, (limn_size){options->batch, options->height, options->width}, &explanation,
                            error);
    if (status == LIMN_OK) {
        status = report(options, &explanation, error);
        explain_free(&explanation);
    }
    app_model_free(model);
    return status;
}
