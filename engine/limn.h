/* limn.h - published image networks on a CPU: the library's only public header.
 *
 * A complete program (error handling shortened to one line per call), for
 * cc program.c $(pkg-config --cflags --libs limn):
 *
 *     #include <limn.h>
 *     #include <stdio.h>
 *
 *     int main(void)
 *     {
 *         static float x[3 * 64 * 64], y[3 * 256 * 256];           // N C H W
 *         limn_error error;
 *         limn_engine *engine = NULL;
 *         limn_model *model = NULL;
 *         limn_session *session = NULL;
 *         if (limn_engine_create(NULL, &engine, &error) ||
 *             limn_model_load(engine, "enhancenet.safetensors", &model, &error) ||
 *             limn_session_create(model, (limn_size){1, 64, 64}, &session, &error) ||
 *             limn_session_set_input(session, 0, x, &error) ||
 *             limn_session_run(session, &error) ||
 *             limn_session_get_output(session, y, &error))
 *             fprintf(stderr, "%s\n", error.message);
 *         limn_session_free(session), limn_model_free(model), limn_engine_free(engine);
 *         return 0;
 *     }
 *
 * Three lifetimes, each owned by whoever created it and freed in the opposite order:
 *   engine   the thread pool and the choice of instruction set; one is enough for a process.
 *   model    a graph and its weights, read-only after loading: any number of threads share it.
 *   session  one planned run of a model at one input size: its memory, inputs and output.
 *            One thread at a time; sessions of the same model run side by side.
 *
 * Layout: tensors given and taken here are dense NCHW float32. Inside, activations are NHWC.
 *
 * Errors: a call that can fail returns a limn_status and, when the caller passes one, fills a
 * limn_error with a message that names the file, tensor or node, what was found and what was
 * expected. The library never prints, exits or aborts on bad input. On failure an output
 * parameter is set to NULL, and every free function accepts NULL.
 *
 * Results are bit-identical for every number of threads on one instruction set, as long as no memory limit
 * makes a session give up speed: then other kernels may round the last bits differently. The limit of a
 * machine is that of its hardware and settings, not of what happens to be free.
 */
#ifndef LIMN_H
#define LIMN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LIMN_VERSION "0.1.0"

/* The values are also the exit codes of the limn program. */
typedef enum limn_status {
    LIMN_OK = 0,
    LIMN_E_SOME = 1,    /* some of several inputs failed; only the program uses it */
    LIMN_E_USAGE = 2,   /* an argument or option that makes no sense */
    LIMN_E_WEIGHTS = 3, /* a weights file: unreadable, malformed, of another model */
    LIMN_E_INPUT = 4,   /* input data: unreadable, malformed, too large, of the wrong shape */
    LIMN_E_OUTPUT = 5,  /* output could not be written, or stands already */
    LIMN_E_MEMORY = 6,  /* out of memory, or beyond the limit that was set */
} limn_status;

typedef struct limn_error {
    limn_status status;
    char message[1024]; /* one line, no newline at the end */
} limn_error;

typedef struct limn_engine limn_engine;
typedef struct limn_model limn_model;
typedef struct limn_session limn_session;

/* Which family of kernels the planner may choose from. */
typedef enum limn_kernels {
    LIMN_KERNELS_AUTO = 0,  /* the fastest measured for the shape */
    LIMN_KERNELS_OPENBLAS,  /* im2col and OpenBLAS GEMM */
    LIMN_KERNELS_NATIVE,    /* limn's own; OpenBLAS where there is none */
    LIMN_KERNELS_REFERENCE, /* plain loops with a double accumulator; slow, for checking */
} limn_kernels;

typedef struct limn_options {
    int threads;          /* 0: one per physical core */
    const char *isa;      /* NULL or "auto": what the CPU has; else "avx512", "avx2", "neon", "baseline" */
    limn_kernels kernels; /* LIMN_KERNELS_AUTO */
    size_t memory_limit;  /* bytes the whole process may hold through limn. 0: what the machine gives, the
                           * least of physical memory, the control group's limit, RLIMIT_AS and RLIMIT_DATA,
                           * less a margin for others; SIZE_MAX: no limit. Where the fastest kernels do not
                           * fit, sessions get lighter ones; each thread's scratch counts */
} limn_options;

/* Spatial size of a run. Channels are the model's own. */
typedef struct limn_size {
    int64_t batch, height, width;
} limn_size;

typedef struct limn_shape {
    int64_t n, c, h, w;
} limn_shape;

/* ---- engine ------------------------------------------------------------------------------ */

/* Starts the worker threads and settles the instruction set. `options` may be NULL.
 * The instruction set and the memory limit belong to the process: the first engine fixes the
 * former, the latest one sets the latter.
 * Errors: LIMN_E_USAGE for an instruction set this CPU lacks or one other than the process already runs
 * with, LIMN_E_MEMORY.
 *
 * Threads: engines may be created, used and freed by any threads at once, each by one; so may sessions, also
 * those of one model. After fork() a child should create an engine of its own, which is as good as the
 * parent's. Its copies of what the parent had go on working on the child's one thread, and can be freed, if
 * no other thread of the parent was inside limn at the time of the fork; else they may wait for ever. */
limn_status limn_engine_create(const limn_options *options, limn_engine **engine, limn_error *error);
void limn_engine_free(limn_engine *engine);
int limn_engine_threads(const limn_engine *engine);

/* One line: version, instruction set and OpenBLAS core in use. Static storage; needs an engine. */
const char *limn_engine_describe(const limn_engine *engine);

/* ---- model ------------------------------------------------------------------------------- */

/* Opens a safetensors file, recognises its graph (by the metadata key limn.model, else by its
 * tensor names), checks every tensor's name, type and shape, and builds the graph. The large
 * weights are read when a session first needs them, packed for the kernels chosen there, and
 * kept for the sessions that follow; the file stays open until the model is freed. Writing to it meanwhile
 * makes the sessions that still need it fail; removing it, or renaming another over it, does no harm.
 * Errors: LIMN_E_WEIGHTS, LIMN_E_MEMORY. */
limn_status limn_model_load(limn_engine *engine, const char *path, limn_model **model, limn_error *error);
void limn_model_free(limn_model *model);

/* "enhancenet", ... Lives as long as the model. */
const char *limn_model_name(const limn_model *model);

/* The value of a metadata key of the weights file, or NULL. Lives as long as the model. */
const char *limn_model_metadata(const limn_model *model, const char *key);

/* NULL, or one line about weights that are NaN or infinite: the file, the first tensor found with such
 * values, how many it holds and where the first stands. Weights are looked at as they are read, so this is
 * settled for all that a session needs when limn_session_create returns. Such a model runs: what becomes of
 * the values is up to the network. Lives as long as the model and never changes once it is there.
 * Thread-safe. */
const char *limn_model_warning(const limn_model *model);

int limn_model_inputs(const limn_model *model);

/* ---- session ----------------------------------------------------------------------------- */

/* Plans a run at `size`: infers every shape, chooses a kernel for every node, lays all
 * activations out in one block of memory, and packs the weights not packed yet. Under a memory
 * limit, kernels that need less memory are chosen as far as necessary.
 * Errors: LIMN_E_INPUT for a size the graph cannot take, LIMN_E_WEIGHTS, LIMN_E_MEMORY. */
limn_status limn_session_create(limn_model *model, limn_size size, limn_session **session, limn_error *error);
void limn_session_free(limn_session *session);

limn_shape limn_session_input_shape(const limn_session *session, int index);
limn_shape limn_session_output_shape(const limn_session *session);

/* Copies input `index`, dense NCHW, into the session. */
limn_status limn_session_set_input(limn_session *session, int index, const float *nchw, limn_error *error);

/* Runs the graph. Allocates nothing. Denormal numbers are flushed to zero meanwhile. */
limn_status limn_session_run(limn_session *session, limn_error *error);

/* Copies the result of the last run out, dense NCHW: as the network made it, NaN and infinity included. */
limn_status limn_session_get_output(const limn_session *session, float *nchw, limn_error *error);

#ifdef __cplusplus
}
#endif
#endif
