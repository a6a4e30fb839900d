/* user_tensors.c - a program of a user's own, in C or C++, that looks into a run of a network of one input.
 * test_install.py builds it against what is installed, and compares what it writes with the limn program.
 *
 *     user_tensors WEIGHTS HEIGHT WIDTH NODE IN VALUE OUT
 *
 * IN, VALUE and OUT are files of floats: the input, the value of NODE, and the output. Prints the explanation
 * as JSON, then a line for each step: its node and its kernel. */
#include <limn.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t floats(limn_shape shape)
{
    return (size_t)(shape.n * shape.c * shape.h * shape.w);
}

/* `count` floats, to be freed; or the program ends. */
static float *new_floats(size_t count)
{
    float *values = (float *)calloc(count, sizeof *values);
    if (!values) {
        fprintf(stderr, "no memory\n");
        exit(1);
    }
    return values;
}

/* Closes the file; the program ends unless all went well. */
static void finish(FILE *file, bool done, const char *path)
{
    if (!file || fclose(file) != 0 || !done) {
        fprintf(stderr, "%s: not transferred\n", path);
        exit(1);
    }
}

static void read_floats(const char *path, float *values, size_t count)
{
    FILE *file = fopen(path, "rb");
    finish(file, file && fread(values, sizeof *values, count, file) == count, path);
}

static void write_floats(const char *path, const float *values, size_t count)
{
    FILE *file = fopen(path, "wb");
    finish(file, file && fwrite(values, sizeof *values, count, file) == count, path);
}

struct wanted {
    const char *node, *path;
};

static bool write_value(void *context, const limn_value *value)
{
    const struct wanted *wanted = (const struct wanted *)context;
    if (strcmp(value->node, wanted->node) == 0) {
        float *values = new_floats(floats(value->shape));
        limn_value_get(value, values);
        write_floats(wanted->path, values, floats(value->shape));
        free(values);
    }
    return true;
}

static bool never_decreases(void *context, double done)
{
    double *last = (double *)context;
    bool good = done >= *last;
    *last = done;
    return good;
}

static limn_status run(limn_session *session, char **arguments, limn_error *error)
{
    struct wanted wanted = {arguments[4], arguments[6]};
    double done = 0;
    const limn_observer observer = {write_value, &wanted};
    const limn_watch watch = {never_decreases, &done};
    size_t inputs = floats(limn_session_input_shape(session, 0));
    size_t outputs = floats(limn_session_output_shape(session));
    float *x = new_floats(inputs), *y = new_floats(outputs);
    read_floats(arguments[5], x, inputs);
    limn_session_set_observer(session, &observer);
    limn_session_set_watch(session, &watch);
    limn_status status = limn_session_set_input(session, 0, x, error);
    if (status == LIMN_OK)
        status = limn_session_run(session, error);
    if (status == LIMN_OK)
        status = limn_session_get_output(session, y, error);
    if (status == LIMN_OK)
        write_floats(arguments[7], y, outputs);
    const limn_step *step;
    for (int i = 0; (step = limn_session_step(session, i)) != NULL; i++)
        printf("%s %s\n", step->node, step->kernel);
    free(x);
    free(y);
    return done == 1 ? status : LIMN_E_SOME;
}

int main(int count, char **arguments)
{
    limn_engine *engine = NULL;
    limn_model *model = NULL;
    limn_session *session = NULL;
    char *json = NULL;
    limn_error error = {LIMN_E_SOME, LIMN_REASON_NONE, "progress up to 1 expected"};
    if (count != 8)
        return 2;
    limn_size size = {1, atoi(arguments[2]), atoi(arguments[3])};
    bool failed =
        limn_engine_create(NULL, &engine, &error) || limn_model_load(engine, arguments[1], &model, &error) ||
        limn_model_explain(model, size, &json, &error) || limn_session_create(model, size, &session, &error);
    if (!failed) {
        fputs(json, stdout);
        failed = run(session, arguments, &error) != LIMN_OK;
    }
    if (failed)
        fprintf(stderr, "%s\n", error.message);
    limn_text_free(json);
    limn_session_free(session);
    limn_model_free(model);
    limn_engine_free(engine);
    return failed;
}
