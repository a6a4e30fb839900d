/* cmd_bench.c - limn bench: chooses the report. */
#include "apps/cli/bench.h"
#include "apps/cli/suggest.h"

#include <string.h>

/* Refuses options that would have no effect. */
static limn_status check_options(const struct options *options, const char *what, limn_error *error)
{
    bool kernels = strcmp(what, "kernels") == 0, machine = strcmp(what, "machine") == 0;
    if (options->json + options->csv + options->markdown > 1)
        return fail(error, LIMN_E_USAGE, "only one of --json, --csv and --md can be used");
    if (!kernels && (options->op || options->shape || options->steps || options->variants.count))
        return fail(error, LIMN_E_USAGE,
                    "--op, --shape, --steps and --variant apply only to limn bench kernels");
    if ((kernels || machine) && options->trace)
        return fail(error, LIMN_E_USAGE, "--trace applies only to limn bench model and layers");
    if ((kernels || machine) && (options->model || options->height || options->batch != 1))
        return fail(error, LIMN_E_USAGE, "-m, --size and --batch apply only to limn bench model and layers");
    if (machine && options->baseline)
        return fail(error, LIMN_E_USAGE, "--baseline applies only to limn bench model, layers and kernels");
    if (options->force && !options->trace)
        return fail(error, LIMN_E_USAGE, "--force applies only to the file of --trace");
    return LIMN_OK;
}

limn_status bench_run(const struct options *options, limn_error *error)
{
    static const char *const names[] = {"model", "layers", "kernels", "machine", NULL};
    static limn_status (*const reports[])(const struct options *options, limn_error *error) = {
        bench_model, bench_layers, bench_kernels, bench_machine};
    const char *what = options->argument_count == 1 ? options->arguments[0] : "";
    int chosen;
    limn_status status = word_choose("bench", what, names, &chosen, error);
    if (status == LIMN_OK)
        status = check_options(options, what, error);
    return status == LIMN_OK ? reports[chosen](options, error) : status;
}
