/* limn.h - published image networks on a CPU: the library's only public header.
 *
 * A complete program: a picture in memory, made four times as large. Like the other one below it shortens
 * error handling to one line per call, and is compiled with cc program.c $(pkg-config --cflags --libs limn).
 *
 *     #include <limn.h>
 *     #include <stdio.h>
 *
 *     static bool show(void *file, double done)
 *     {
 *         return fprintf(file, "\r%3.0f %%", 100 * done) > 0;        // false would cancel
 *     }
 *
 *     int main(void)
 *     {
 *         static unsigned char small[64 * 64 * 3], large[256 * 256 * 3];   // rows of R G B
 *         limn_picture source = {small, 64, 64, 3, 0}, result = {large, 256, 256, 3, 0};
 *         limn_watch watch = {show, stderr};
 *         limn_error error;
 *         limn_engine *engine = NULL;
 *         limn_model *model = NULL;
 *         if (limn_engine_create(NULL, &engine, &error) ||
 *             limn_model_load(engine, "enhancenet.safetensors", &model, &error) ||
 *             limn_upscale(model, &source, &result, &watch, &error))
 *             fprintf(stderr, "%s\n", error.message);
 *         limn_model_free(model), limn_engine_free(engine);
 *         return 0;
 *     }
 *
 * The bare network, on tensors:
 *
 *     #include <limn.h>
 *     #include <stdio.h>
 *
 *     int main(void)
 *     {
 *         static float x[3 * 64 * 64], y[3 * 256 * 256];                   // N C H W
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
 * The pipelines, from picture to picture, need a model only.
 *
 * Layout: pictures are rows of 8-bit RGB, see limn_picture; tensors given and taken here are dense NCHW
 * float32. Inside, activations are NHWC.
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
    LIMN_E_SOME = 1,      /* some of several inputs failed; only the program uses it */
    LIMN_E_USAGE = 2,     /* an argument or option that makes no sense */
    LIMN_E_WEIGHTS = 3,   /* a weights file: unreadable, malformed, of another model */
    LIMN_E_INPUT = 4,     /* input data: unreadable, malformed, too large, of the wrong shape */
    LIMN_E_OUTPUT = 5,    /* output could not be written, or stands already */
    LIMN_E_MEMORY = 6,    /* out of memory, or beyond the limit that was set */
    LIMN_E_CANCELLED = 7, /* a limn_watch said so; only the library uses it */
} limn_status;

/* What a caller may do about a failure, where the message does not say it all. */
typedef enum limn_reason {
    LIMN_REASON_NONE = 0,
    LIMN_REASON_EXISTS,       /* the output file already exists */
    LIMN_REASON_CHECKPOINT,   /* the weights file is a checkpoint that must be converted first */
    LIMN_REASON_UNKNOWN_NAME, /* no weights of this name were found */
    LIMN_REASON_PIECES,       /* a sheet does not divide into equal pieces */
    LIMN_REASON_BANDS,        /* memory: running in bands of rows, or in bands of fewer, needs less */
    LIMN_REASON_RESIZE,       /* memory: a smaller limn_segment_options.resize needs less */
    LIMN_REASON_SCALE,        /* memory: a smaller limn_segment_options.scale needs less */
} limn_reason;

typedef struct limn_error {
    limn_status status;
    limn_reason reason;
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

/* ---- pictures through pipelines ---------------------------------------------------------- */

/* What the commands of the limn program do, on pictures in memory: the same bytes come out. Any number of
 * threads may do so with one model at a time. Each call holds the memory that it needs until it returns; that
 * of packed weights stays with the model, so that the first call for a size takes longer than the next.
 *
 * Errors of all of them: LIMN_E_USAGE for a model of another kind, a picture or an option that makes no
 * sense, and NULL for anything but options, watch and error; LIMN_E_INPUT for a picture that is too large or
 * too small, or of which the network makes NaN; LIMN_E_WEIGHTS; LIMN_E_MEMORY, known before work starts, with
 * the number and what would need less; LIMN_E_CANCELLED. Messages call options what the program calls them:
 * --scale is `scale`. */

/* Rows of 8-bit pixels, from the top down, in the caller's memory. What is to be made goes into one too: its
 * size is what the caller expects, and must be what limn makes. It may lie over the source, or be it. */
typedef struct limn_picture {
    unsigned char *pixels; /* height rows, stride bytes apart; of a source they are only read */
    int64_t width, height; /* of a source: at most 16384 each, and 89478485 pixels */
    int channels;          /* 3: R G B, 4: R G B A, alpha not multiplied in; 1: the class of each pixel */
    int64_t stride;        /* 0: width * channels; more where rows end with padding, which is left alone */
} limn_picture;

/* Follows a call and can cancel it. Where it is NULL, or `progress` is, nobody asks.
 *
 * `progress` is called on the thread that called limn: first with 0, then before each layer of the network,
 * with values that never fall, at last with 1 when all is done. When it returns false, that was the last
 * call, and limn returns LIMN_E_CANCELLED: whatever the call took is freed, and the model is as good as
 * before. Weights are read and packed in one go when a size is run first: half a second for the largest.
 *
 * It may well be called a thousand times a second and should be quick. It may use limn, but for freeing what
 * is in use, and must return: neither longjmp nor a C++ exception may leave it. */
typedef struct limn_watch {
    bool (*progress)(void *context, double done);
    void *context;
} limn_watch;

/* ---- segmentation: deeplabv3, unet ---- */

#define LIMN_CLASSES_MOST 256

typedef struct limn_class {
    char name[64];                  /* UTF-8; a longer one is cut */
    unsigned char red, green, blue; /* that the program paints it in: the palette of PASCAL VOC */
} limn_class;

/* What the classes of a model are: *count of them, from the metadata of its file, or as such networks have
 * them. `classes` may be NULL. */
limn_status limn_segment_classes(const limn_model *model, limn_class classes[LIMN_CLASSES_MOST], int *count,
                                 limn_error *error);

/* 0 stands for the default in each. */
typedef struct limn_segment_options {
    int64_t resize; /* deeplabv3: pixels of the shorter side that the network sees; default: all there are */
    double scale;   /* unet: the network sees the picture in this scale, at most 100; default 0.5 */
    double threshold; /* networks of one class: probability above which a pixel is of it; default 0.5 */
} limn_segment_options;

/* Writes the class of each pixel of `source` into `classes`, which has the source's size and one channel. On
 * failure it is left as it was. */
limn_status limn_segment(limn_model *model, const limn_picture *source, const limn_picture *classes,
                         const limn_segment_options *options, const limn_watch *watch, limn_error *error);

/* ---- colorization: eccv16, siggraph17, vae ---- */

/* A colour that the picture has at a place. */
typedef struct limn_hint {
    int64_t x, y, radius; /* column and row from 0; it covers 2 radius + 1 pixels a side around them */
    unsigned char red, green, blue; /* how light it is does not matter */
} limn_hint;

/* All zero is the default. */
typedef struct limn_colorize_options {
    const limn_hint *hints; /* siggraph17; where hints overlap, the later wins */
    size_t hint_count;
    const uint64_t *seed; /* vae: the variant of this seed; NULL: the mean of the colours that it knows */
    double saturation;    /* -1: grey .. 0: as the network has it .. 9: ten times the colour */
    double temperature;   /* -100: cooler .. 100: warmer, in units of Lab's b */
} limn_colorize_options;

/* Gives a picture colours, whether it had any or not. Lightness and alpha are the source's own. `result` has
 * its size and channels; on failure it is left as it was. */
limn_status limn_colorize(limn_model *model, const limn_picture *source, const limn_picture *result,
                          const limn_colorize_options *options, const limn_watch *watch, limn_error *error);

/* ---- super-resolution: enhancenet ---- */

/* How many times larger a model makes pictures: 4 for enhancenet. */
limn_status limn_upscale_factor(const limn_model *model, int *factor, limn_error *error);

/* Enlarges a picture. `result` is *factor times as wide and as high as the source and has its channels; on
 * failure some of its rows may be written. Large pictures go through in bands, which bounds the memory and
 * changes nothing else. */
limn_status limn_upscale(limn_model *model, const limn_picture *source, const limn_picture *result,
                         const limn_watch *watch, limn_error *error);

/* ---- pictures from noise: dcgan ---- */

/* The width and height of the pictures that a model makes. */
limn_status limn_generate_side(const limn_model *model, int *side, limn_error *error);

typedef struct limn_generate_options {
    uint64_t seed;    /* which noise; default 0 */
    bool fixed_range; /* false: black and white are the least and the largest value of all pictures together,
                       * so that they depend on one another. true: they are -1 and 1 */
} limn_generate_options;

/* Makes `count` RGB pictures, at most 2^20: number i is that of the i-th vector of the seed. They may well be
 * places of one large sheet. On failure some of them may be written. */
limn_status limn_generate(limn_model *model, const limn_picture *pictures, int64_t count,
                          const limn_generate_options *options, const limn_watch *watch, limn_error *error);

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
