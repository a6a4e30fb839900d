/* fuzz_options.c - command lines: a line of the input is an argument. They are parsed by the options of all
 * commands, and every operator reads the first few as the --shape of a layer. */
#include "apps/cli/options.h"
#include "apps/cli/bench.h"
#include "engine/base/memory.h"
#include "tests/fuzz/fuzz.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARGUMENTS_MOST = 256, SHAPES_MOST = 8 };

static void check_values(const struct options *o)
{
    REQUIRE(o->quality >= 1 && o->quality <= 100);
    REQUIRE(o->tile >= -1 && o->batch >= 1 && o->threads >= 0 && o->reps >= 0 && o->channels >= 0);
    REQUIRE(o->seed >= 0 && o->count >= 0 && o->samples >= 0 && o->resize >= -1 && o->memory_limit >= 0);
    REQUIRE((o->height > 0) == (o->width > 0) && (o->grid_rows > 0) == (o->grid_columns > 0));
    REQUIRE(o->dumps.count >= 0 && o->dumps.count <= TEXTS_MOST);
    for (int i = 0; i < o->dumps.count; i++)
        REQUIRE(o->dumps.items[i]);
    REQUIRE(o->seconds >= 0 && o->scale >= 0 && o->threshold >= 0 && o->threshold <= 1);
    REQUIRE(o->saturation >= 0 && o->saturation <= 10 && fabs(o->temperature) <= 100);
}

static void check_command(unsigned bit, int argc, char *const *argv)
{
    const struct command command = {.bit = (enum command_bit)bit, .name = "command"};
    char *own[ARGUMENTS_MOST + 2]; /* which getopt sorts */
    struct options options;
    limn_error error;
    memcpy(own, argv, (size_t)(argc + 1) * sizeof *own);
    optind = 0; /* starts getopt anew */
    limn_status status = options_parse(&command, argc, own, &options, &error);
    REQUIRE_STATUS(status, &error, LIMN_E_USAGE, "");
    if (status != LIMN_OK)
        return;
    check_values(&options);
    REQUIRE(options.argument_count >= 0 && options.argument_count < argc);
    REQUIRE(options.arguments + options.argument_count == own + argc && !own[argc]);
}

static void check_shape(enum layer_kind kind, const char *text)
{
    struct shape shape;
    limn_error error;
    size_t bytes;
    limn_status status = shape_parse(kind, text, &shape, &error);
    REQUIRE_STATUS(status, &error, LIMN_E_USAGE, "--shape ");
    if (status != LIMN_OK)
        return;
    const struct layer_dims *d = &shape.d;
    REQUIRE(operator_named(layer_operators[kind].name) == kind && operator_named(text) == LAYER_COUNT);
    REQUIRE(shape.kind == kind && shape.activation <= ACTIVATION_SIGMOID);
    REQUIRE(tensor_bytes(d->n, d->ih, d->iw, d->ic, &bytes) &&
            tensor_bytes(d->n, d->oh, d->ow, d->oc, &bytes));
    REQUIRE(d->kh > 0 && d->kw > 0 && d->stride_h > 0 && d->stride_w > 0 && d->dilation_h > 0);
    for (const struct layer_variant *const *v = layer_operators[kind].variants; *v; v++)
        if ((*v)->applies(d))
            (*v)->needs(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t held = mem_in_use();
    char name[] = "limn", *argv[ARGUMENTS_MOST + 2] = {name}, *text = strndup((const char *)data, size),
         *rest = text;
    int argc = 1;
    while (argc <= ARGUMENTS_MOST && rest && *rest)
        argv[argc++] = strsep(&rest, "\n");
    check_command(ALL & ~PIXELS, argc, argv); /* all but the other --size */
    check_command(PIXELS, argc, argv);
    for (int i = 1; i < argc && i <= SHAPES_MOST; i++)
        for (int kind = 0; kind < LAYER_COUNT && *argv[i] <= '9'; kind++)
            check_shape((enum layer_kind)kind, argv[i]);
    free(text);
    REQUIRE(mem_in_use() == held);
    return 0;
}
