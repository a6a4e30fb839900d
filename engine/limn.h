/* limn.h - published image networks on a CPU: the public header of the library.
 *
 * A complete program that enlarges a picture in memory four times. Compile it, in C or C++, with
 *
 *     cc program.c $(pkg-config --cflags --libs limn)
 *
 *     #include <limn.h>
 *     #include <stdio.h>
 *
 *     static bool show(void *file, double done)
 *     {
 *         return fprintf((FILE *)file, "\r%3.0f %%", 100 * done) > 0;     // false cancels
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
 *         bool failed = limn_engine_create(NULL, &engine, &error) ||
 *                       limn_model_load(engine, "enhancenet", &model, &error) ||
 *                       limn_upscale(model, &source, &result, &watch, &error);
 *         if (failed)
 *             fprintf(stderr, "%s\n", error.message);
 *         limn_model_free(model), limn_engine_free(engine);
 *         return failed;
 *     }
 *
 * A complete program that runs a network on tensors:
 *
 *     #include <limn.h>
 *     #include <stdio.h>
 *
 *     int main(void)
 *     {
 *         static float x[3 * 64 * 64], y[3 * 256 * 256];                   // N C H W
 *         limn_size size = {1, 64, 64};
 *         limn_error error;
 *         limn_engine *engine = NULL;
 *         limn_model *model = NULL;
 *         limn_session *session = NULL;
 *         bool failed = limn_engine_create(NULL, &engine, &error) ||
 *                       limn_model_load(engine, "enhancenet", &model, &error) ||
 *                       limn_session_create(model, size, &session, &error) ||
 *                       limn_session_set_input(session, 0, x, &error) ||
 *                       limn_session_run(session, &error) ||
 *                       limn_session_get_output(session, y, &error);
 *         if (failed)
 *             fprintf(stderr, "%s\n", error.message);
 *         limn_session_free(session), limn_model_free(model), limn_engine_free(engine);
 *         return failed;
 *     }
 *
 * Both run from any folder: "enhancenet" names weights that are installed with the library (see
 * limn_model_load). If the library is installed in a folder that the dynamic loader does not search, add
 * -Wl,-rpath,$(pkg-config --variable=libdir limn) when compiling, or set LD_LIBRARY_PATH when running. To
 * link statically, add --static to pkg-config and replace -llimn by -l:liblimn.a.
 *
 * Objects. Each is owned by its creator, who frees it; free them in the opposite order.
 *   engine   the thread pool and the choice of instruction set. A process needs one.
 *   model    a graph and its weights, read-only after loading. Any number of threads may share it.
 *   session  a planned run of a model at one input size: its memory, inputs and output. One thread at a time
 *            may use it; sessions of the same model may run at the same time.
 * The pipelines, which turn pictures into pictures, need an engine and a model only.
 *
 * Layout. Pictures are rows of 8-bit pixels (see limn_picture). Tensors are dense NCHW float32; internally,
 * activations are NHWC.
 *
 * Errors. A function that can fail returns a limn_status. If it fails and `error` is not NULL, it fills in
 * *error: a message that names the file, tensor or node, what was found and what was expected, and a reason
 * that a program can test. An output pointer to an object is then set to NULL. The library never prints,
 * never exits, and never aborts on bad input. Every free function accepts NULL.
 *
 * Repeatability. On one instruction set and at one precision results are bit-identical for every number of
 * threads, unless a memory limit forces a session to use kernels that need less memory: those may round the
 * last bits differently. The default limit depends on hardware and settings, not on how much memory is free
 * at the moment.
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

/* Also the exit codes of the limn program. */
typedef enum limn_status {
    LIMN_OK = 0,
    LIMN_E_SOME = 1,      /* some of several inputs failed; the library never returns it */
    LIMN_E_USAGE = 2,     /* an invalid argument or option */
    LIMN_E_WEIGHTS = 3,   /* weights: not found, unreadable, malformed, or of another network */
    LIMN_E_INPUT = 4,     /* input data: unreadable, malformed, too large, or of the wrong shape */
    LIMN_E_OUTPUT = 5,    /* the output cannot be written or already exists */
    LIMN_E_MEMORY = 6,    /* out of memory, or the memory limit would be exceeded */
    LIMN_E_CANCELLED = 7, /* a limn_watch or a limn_observer returned false */
} limn_status;

/* Why a call failed, where a caller may be able to do something about it. */
typedef enum limn_reason {
    LIMN_REASON_NONE = 0,
    LIMN_REASON_EXISTS,       /* the output file already exists */
    LIMN_REASON_CHECKPOINT,   /* the weights file is a checkpoint that must be converted first */
    LIMN_REASON_UNKNOWN_NAME, /* there are no weights of this name */
    LIMN_REASON_PIECES,       /* a sheet does not divide into equal pieces */
    LIMN_REASON_BANDS,        /* out of memory; running in bands of rows, or of fewer rows, needs less */
    LIMN_REASON_RESIZE,       /* out of memory; a smaller limn_segment_options.resize needs less */
    LIMN_REASON_SCALE,        /* out of memory; a smaller limn_segment_options.scale needs less */
    LIMN_REASON_NETWORK_SIZE, /* out of memory; a smaller limn_colorize_options.network_size needs less */
    LIMN_REASON_LABELS,       /* a mask has labels above 255; only as a mask of one class can it be read */
} limn_reason;

typedef struct limn_error {
    limn_status status;
    limn_reason reason;
    char message[1024]; /* one line without a newline */
} limn_error;

typedef struct limn_engine limn_engine;
typedef struct limn_model limn_model;
typedef struct limn_session limn_session;

/* The kernel family from which the planner chooses. */
typedef enum limn_kernels {
    LIMN_KERNELS_AUTO = 0,  /* the fastest for the shape, as measured */
    LIMN_KERNELS_OPENBLAS,  /* im2col and OpenBLAS GEMM; LIMN_E_USAGE if limn was built without OpenBLAS */
    LIMN_KERNELS_NATIVE,    /* limn's own; OpenBLAS for operators that have none */
    LIMN_KERNELS_REFERENCE, /* plain loops that accumulate in double; slow, for checking */
} limn_kernels;

/* The lowest precision of what the kernels multiply; sums are always floats. A layer is computed at it where
 * that is faster on the instruction set in use, otherwise at LIMN_FP32; most sets have nothing faster.
 * Nothing else lowers the precision, not even a memory limit. The errors are typical of one layer, relative
 * to its largest output. */
typedef enum limn_precision {
    LIMN_FP32 = 0, /* floats, or sums of three bf16 numbers, which are as exact: 1e-6 */
    LIMN_BF16X2,   /* floats rounded to 16 significant bits, as sums of two bf16 numbers: 5e-6,
                    * or 3e-5 by Winograd's algorithm */
    LIMN_BF16,     /* floats rounded to 8 significant bits: 2e-3 */
} limn_precision;

/* All zero is the default. */
typedef struct limn_options {
    int threads;          /* at most 1024; 0: one per physical core, or fewer under a cgroup's CPU quota */
    const char *isa;      /* the instruction set, see limn_engine_create; NULL or "auto": the best */
    limn_kernels kernels; /* the kernel family */
    limn_precision precision;
    size_t memory_limit; /* bytes that the process may hold through limn, the scratch memory of each thread
                          * included. SIZE_MAX: no limit. 0: the least of physical memory, cgroup limits,
                          * RLIMIT_AS and RLIMIT_DATA, less a margin for the rest of the system. If the
                          * fastest kernels exceed the limit, sessions use kernels that need less */
} limn_options;

/* The size of a run. The number of channels is given by the model. */
typedef struct limn_size {
    int64_t batch, height, width;
} limn_size;

typedef struct limn_shape {
    int64_t n, c, h, w;
} limn_shape;

/* ---- engine ------------------------------------------------------------------------------ */

/* Starts the worker threads and chooses the instruction set. `options` may be NULL.
 *
 * The instruction set and the memory limit apply to the whole process: the first engine chooses the
 * instruction set, and each new engine replaces the memory limit. The first engine loads OpenBLAS; meanwhile
 * it changes the environment, and no other thread may call getenv or setenv.
 *
 * Instruction sets, the best first. "auto" takes the first that the CPU has and the system permits:
 *
 *   "avx512+amx"     AVX-512 with AVX512-BF16 and AMX, whose matrix tiles need permission, see below
 *   "avx512+bf16"    AVX-512 with AVX512-BF16
 *   "avx512"
 *   "avx2"           AVX2 with FMA
 *   "neon"           of aarch64
 *   "baseline"       what every CPU of the architecture has: SSE2 on x86-64
 *   "amx-emulated"   the kernels of "avx512+amx" on any CPU, with its tiles in plain C: slow, for checking
 *                    results; "auto" never takes it
 *
 * Permission for matrix tiles. Linux gives it to a whole process, for good, and forked children inherit it.
 * limn asks for it in this function, before it starts threads, if the CPU has AMX and `isa` is "auto" or
 * "avx512+amx". From then on sigaltstack() fails with ENOMEM for a stack that is too small for a signal frame
 * with tiles: 8 KB is too small, sysconf(_SC_SIGSTKSZ) bytes are enough. If a thread has such a stack
 * already, the system denies the permission; "auto" then takes "avx512+bf16", and limn_engine_describe says
 * why. Hosts that install alternate signal stacks, as the runtimes of Go and Rust and Python's faulthandler
 * do, can avoid all of this with "avx512+bf16" or "avx512".
 *
 * Errors: LIMN_E_USAGE if the number of threads is out of range or the precision unknown, if the CPU lacks
 * the instruction set, if the system denies matrix tiles to "avx512+amx", if the process already uses another
 * instruction set, if OpenBLAS cannot be loaded, or if its kernels are requested and limn was built without
 * it (`make BLAS=none`); LIMN_E_MEMORY.
 *
 * Threads: any number of threads may create, use and free engines at the same time, each engine by one thread
 * at a time. The same is true of sessions, including sessions of one model. After fork(), a child should
 * create an engine of its own. The engines, models and sessions that it inherits continue to work, on one
 * thread, and can be freed, if no other thread of the parent was inside limn during the fork; otherwise they
 * may deadlock. */
limn_status limn_engine_create(const limn_options *options, limn_engine **engine, limn_error *error);
void limn_engine_free(limn_engine *engine);

/* The number of threads, the calling one included. Fewer than requested if the system starts no more. */
int limn_engine_threads(const limn_engine *engine);

/* One line: version, instruction set, why the system denies matrix tiles if it does, the precision if it is
 * not fp32, OpenBLAS core or "no OpenBLAS", number of threads. Valid as long as the engine. */
const char *limn_engine_describe(const limn_engine *engine);

/* ---- model ------------------------------------------------------------------------------- */

/* Loads a safetensors file and builds its graph. `weights` is a path or a name.
 *
 * A text that holds a '/' or a '.', and the name of an existing file, is a path. Any other text is a name:
 * NAME.safetensors is looked up in
 *   1. the folder $LIMN_WEIGHTS,
 *   2. the folder to which limn-fetch downloads published weights: $XDG_DATA_HOME/limn/weights, or
 *      $HOME/.local/share/limn/weights if XDG_DATA_HOME is not set,
 *   3. the folder of the shared library, and weights, ../weights, ../share/limn/weights and
 *      ../../share/limn/weights relative to it,
 *   4. the folder of the program, and the same folders relative to it,
 *   5. the folder in which `make install` put the weights (/usr/local/share/limn/weights by default).
 * The first file found is loaded. `limn --weights` lists the names that the limn program finds.
 *
 * The network is recognised by the metadata key limn.model, otherwise by the names of its tensors. The name,
 * type and shape of every tensor are checked. Large weights are read when a session first needs them, packed
 * for the kernels that it uses, and kept for later sessions. The file therefore stays open until the model is
 * freed. If it is written to in the meantime, sessions that still have to read from it fail; removing it, or
 * renaming another file over it, is harmless.
 *
 * The engine must outlive the model.
 * Errors: LIMN_E_WEIGHTS, LIMN_E_MEMORY. */
limn_status limn_model_load(limn_engine *engine, const char *weights, limn_model **model, limn_error *error);

/* limn_model_load of a safetensors file in memory: the `size` bytes at `bytes`, at any alignment.
 *
 * The bytes are borrowed, not copied: they must stay valid and unchanged until limn_model_free, and still
 * belong to the caller afterwards. They are only read, so they may be constant, and several models may use
 * the same bytes. They do not count towards limn_options.memory_limit; packed weights do.
 *
 * `name` stands for the file in messages, "enhancenet.safetensors" for example. It is copied.
 *
 * The engine must outlive the model.
 * Errors: LIMN_E_WEIGHTS; LIMN_E_MEMORY; LIMN_E_USAGE if `bytes` or `name` is NULL. */
limn_status limn_model_load_bytes(limn_engine *engine, const void *bytes, size_t size, const char *name,
                                  limn_model **model, limn_error *error);
void limn_model_free(limn_model *model);

/* What the pipelines do. */
typedef enum limn_task {
    LIMN_TASK_SEGMENT,
    LIMN_TASK_COLORIZE,
    LIMN_TASK_UPSCALE,
    LIMN_TASK_GENERATE,
} limn_task;

/* The name of the weights that a task uses unless others are chosen, for limn_model_load: the first of these
 * that it finds. The last one is included in limn; a published one before it is preferred.
 *
 *   LIMN_TASK_SEGMENT    deeplabv3 (21 everyday classes), unet-nuclei (cell nuclei under a microscope)
 *   LIMN_TASK_COLORIZE   siggraph17, siggraph17-photos; both take hints
 *   LIMN_TASK_UPSCALE    enhancenet
 *   LIMN_TASK_GENERATE   dcgan-landscapes
 *
 * If none is found, the last one. NULL if there is no such task. Valid forever. Thread-safe. */
const char *limn_default_weights(limn_task task);

/* The network: "enhancenet", for example. Valid as long as the model. */
const char *limn_model_name(const limn_model *model);

/* The value of a metadata key of the weights file; NULL if there is none. Valid as long as the model. */
const char *limn_model_metadata(const limn_model *model, const char *key);

/* A warning that weights are NaN or infinite, or NULL. One line: the file, the first tensor with such values,
 * how many it holds, and the position of the first. Weights are checked as they are read, so all that a
 * session needs is checked when limn_session_create returns. Such a model still runs; the effect of the
 * values depends on the network. Once set, the warning never changes. Valid as long as the model.
 * Thread-safe. */
const char *limn_model_warning(const limn_model *model);

/* The number of inputs. */
int limn_model_inputs(const limn_model *model);

/* The name of input `index`, from 0, such as "rgb"; NULL if there is none. Valid as long as the model. */
const char *limn_model_input_name(const limn_model *model, int index);

/* The size for which a network is made, at batch 1: that of its input if it is fixed, else a usual or the
 * least one. Runs at other sizes are possible unless the input is fixed. */
limn_size limn_model_usual_size(const limn_model *model);

/* The name of node `index`, from 0, in order of execution, of those whose values a limn_observer sees; NULL
 * after the last one. Inputs are nodes; operations that are fused into a node are not listed. Valid as long
 * as the model. */
const char *limn_model_node_name(const limn_model *model, int index);

/* Describes the network as it would run at `size`, without running it or packing weights: the shape, the
 * receptive field, the number of operations, the kernel and the memory of every node. A member of
 * `size` that is 0 selects that of limn_model_usual_size.
 *
 * Sets *json to a JSON text (RFC 8259, UTF-8, ends with a newline), the same as `limn explain --json` prints;
 * release it with limn_text_free. Its members are described in apps/cli/README.md of limn's source. Later
 * versions may add members. Other threads may use the model meanwhile.
 *
 * Errors: LIMN_E_INPUT if the graph does not accept the size; LIMN_E_MEMORY, also if a session of this size
 * would exceed the memory limit. */
limn_status limn_model_explain(limn_model *model, limn_size size, char **json, limn_error *error);
void limn_text_free(char *text);

/* ---- pipelines --------------------------------------------------------------------------- */

/* The pipelines of the commands of the limn program, on pictures in memory. They return the same bytes as the
 * commands. Any number of threads may run them on one model at the same time. A call holds the memory that it
 * needs until it returns. Packed weights are kept in the model, so the first call for a size takes longer
 * than the next. `options` and `watch` may be NULL. The colours of hidden pixels (alpha 0) do not affect the
 * results of visible ones.
 *
 * Errors of all pipelines:
 * - LIMN_E_USAGE: the model is of another kind, an option is out of range, a result has the wrong size, or a
 *   pointer other than options, watch and error is NULL;
 * - LIMN_E_INPUT: the picture is too large or too small, or the network's output is NaN or infinite;
 * - LIMN_E_WEIGHTS: the weights cannot be read, or hold NaN or infinity that reaches the output;
 * - LIMN_E_MEMORY: detected before the work starts; the message says how much is needed and what needs less;
 * - LIMN_E_CANCELLED: the watch returned false. */

/* Rows of 8-bit pixels, top row first, in memory of the caller: a source or a result. The caller sets all
 * fields, for a result too; its size and channels must be those that the function produces. The pixels of a
 * result may overlap those of its source, or be the same. */
typedef struct limn_picture {
    unsigned char *pixels; /* `height` rows, `stride` bytes apart; those of a source are not written to */
    int64_t width, height; /* of a source: at most 16384 each, and at most 89478485 pixels in all */
    int channels;          /* 3: R G B. 4: R G B A, alpha not premultiplied. 1: the class of each pixel */
    int64_t stride;        /* bytes from row to row; 0: width * channels. Padding is not written to */
} limn_picture;

/* Reports progress and can cancel. A NULL watch or a NULL `progress` disables it.
 *
 * `progress` is called on the thread that called limn: first with `done` 0, then before each layer of the
 * network with values that never decrease, finally with 1 when all work is done. If it returns false, it is
 * not called again and the function returns LIMN_E_CANCELLED; everything that the call allocated is freed,
 * and the model remains usable. When a size runs for the first time, all weights are read and packed between
 * two calls: up to half a second for the largest network.
 *
 * `progress` may be called a thousand times a second and should return quickly. It may call limn, but must
 * not free objects that are in use. It must return: not through longjmp, nor with a C++ exception. */
typedef struct limn_watch {
    bool (*progress)(void *context, double done);
    void *context; /* passed to `progress` */
} limn_watch;

/* ---- segmentation: deeplabv3, unet ---- */

#define LIMN_CLASSES_MOST 256

typedef struct limn_class {
    char name[64];                  /* UTF-8; longer names are cut */
    unsigned char red, green, blue; /* its colour in the program's views: the palette of PASCAL VOC */
} limn_class;

/* Sets *count to the number of classes and fills in the first *count elements of `classes`, which may be
 * NULL. Names come from the metadata of the weights file, else from the network's defaults. */
limn_status limn_segment_classes(const limn_model *model, limn_class classes[LIMN_CLASSES_MOST], int *count,
                                 limn_error *error);

#define LIMN_RESIZE_FULL (-1)

/* All zero is the default. */
typedef struct limn_segment_options {
    int64_t resize;   /* deeplabv3: pixels of the shorter side of the network's input, to which pictures are
                       * shrunk or enlarged. LIMN_RESIZE_FULL: the picture's own size, which may take minutes
                       * and gigabytes. 0: what the weights were made for, the number in their metadata
                       * limn.resize; without one, 520 for networks of 21 classes, as for torchvision's
                       * published weights, and LIMN_RESIZE_FULL for others */
    double scale;     /* unet: size of the network's input relative to the picture, up to 100; 0: the number
                       * in the metadata limn.scale of the weights, or 0.5 without one */
    double threshold; /* networks of one class: a pixel is of the class above this probability; 0: 0.5 */
} limn_segment_options;

/* Writes the class of each pixel of `source` to `classes`, which has one channel and the size of the source.
 * On failure `classes` is unchanged. */
limn_status limn_segment(limn_model *model, const limn_picture *source, const limn_picture *classes,
                         const limn_segment_options *options, const limn_watch *watch, limn_error *error);

/* ---- colorization: eccv16, siggraph17, vae ---- */

/* The colour of a square of the picture. */
typedef struct limn_hint {
    int64_t x, y, radius; /* column and row of its centre, from 0; its side is 2 * radius + 1 pixels */
    unsigned char red, green, blue; /* only hue and saturation count: lightness is the picture's */
} limn_hint;

/* Whether hints spread over the picture, up to the edges of the things they lie on, before siggraph17 sees
 * them: for weights trained on such hints. Near hints the result then has their colours, elsewhere the
 * network's. engine/pipelines/spread.h in limn's source describes the method. */
typedef enum limn_spread {
    LIMN_SPREAD_BY_WEIGHTS, /* as their metadata limn.spread_hints says, "true" or "false"; without it, off */
    LIMN_SPREAD_ON,
    LIMN_SPREAD_OFF
} limn_spread;

/* All zero is the default. */
typedef struct limn_colorize_options {
    const limn_hint *hints; /* siggraph17: hint_count of them; where they overlap, the last applies */
    size_t hint_count;
    const uint64_t *seed; /* vae: the random variant with this seed; NULL: the mean colours */
    double saturation;    /* colour is scaled by 1 + saturation: -1 is grey, 0 unchanged; at most 9 */
    double temperature;   /* added to b of CIELAB: -100 (cooler) to 100 (warmer) */
    int64_t network_size; /* eccv16, siggraph17: the network sees the picture at network_size x network_size
                           * pixels, 64 to 1024, a multiple of 8; 0: at 256. More gives smaller things their
                           * own colours, in time and memory that grow with its square. A hint keeps its place
                           * and size in the picture, and covers at least one pixel of the network */
    limn_spread spread;   /* siggraph17 */
} limn_colorize_options;

/* Colorizes a picture. Colours of the source are ignored; its lightness and alpha are kept. `result` has the
 * size and channels of the source; on failure it is unchanged. */
limn_status limn_colorize(limn_model *model, const limn_picture *source, const limn_picture *result,
                          const limn_colorize_options *options, const limn_watch *watch, limn_error *error);

/* ---- super-resolution: enhancenet ---- */

/* Sets *factor to the enlargement per side: 4 for enhancenet. */
limn_status limn_upscale_factor(const limn_model *model, int *factor, limn_error *error);

/* Enlarges a picture. `result` has the channels of the source and a multiple of its width and height: 2
 * times, 3 times and so on up to *factor times. The network always enlarges *factor times; for a smaller
 * multiple the rows are then reduced as by Pillow's resize, bicubic and antialiased. On failure some rows of
 * the result may have been written. Large pictures are processed in bands of rows, which limits memory and
 * does not change the result. */
limn_status limn_upscale(limn_model *model, const limn_picture *source, const limn_picture *result,
                         const limn_watch *watch, limn_error *error);

/* ---- generation: dcgan ---- */

/* Sets *side to the width and height, in pixels, of the pictures that a model generates. */
limn_status limn_generate_side(const limn_model *model, int *side, limn_error *error);

/* All zero is the default. */
typedef struct limn_generate_options {
    uint64_t seed;    /* of the noise */
    bool fixed_range; /* true: black is -1 and white is 1. false: they are the least and the largest value of
                       * all pictures of the call, so that each depends on the others */
} limn_generate_options;

/* Generates `count` RGB pictures, 1 to 2^20: picture i from the i-th latent vector of the seed. `pictures`
 * are `count` results, which may be parts of one large sheet. On failure some may have been written. */
limn_status limn_generate(limn_model *model, const limn_picture *pictures, int64_t count,
                          const limn_generate_options *options, const limn_watch *watch, limn_error *error);

/* ---- session ----------------------------------------------------------------------------- */

/* A session runs a network on tensors: N C H W as follows.
 *
 *   network      inputs                                            output
 *   deeplabv3    rgb   N x 3 x H x W: R G B / 255, less 0.485      logits  N x classes x H x W
 *                      0.456 0.406, divided by 0.229 0.224 0.225
 *   unet         x     N x C x H x W: grey, R G B or R G B A,      logits  N x classes x H x W
 *                      0 to 1
 *   eccv16       L     N x 1 x H x W: L of CIELAB, 0 to 100        a, b of CIELAB  N x 2 x 8 ceil(H / 8) x
 *                                                                  8 ceil(W / 8)
 *   siggraph17   Lab   N x 4 x H x W: L; a and b of hints, else    a, b of CIELAB  N x 2 x H x W
 *                      0; 1 at hints, else 0. H and W are
 *                      multiples of 8
 *   vae          grey  N x 1 x 64 x 64: -1 to 1                    a, b  N x 2 x 64 x 64: -1 to 1
 *                z     N x 64 x 1 x 1: latent vector
 *   enhancenet   rgb   N x 3 x H x W: 0 to 1                       R G B  N x 3 x 4 H x 4 W, not clipped
 *   dcgan        z     N x nz x 1 x 1: noise                       picture  N x C x side x side: -1 to 1 */

/* Plans a run at `size`: infers the shape of every value, chooses a kernel for every node, lays out all
 * activations in one block of memory, and packs the weights that are not packed yet. If the fastest kernels
 * exceed the memory limit, chooses kernels that need less. The model must outlive the session.
 * Errors: LIMN_E_INPUT if the graph does not accept the size; LIMN_E_WEIGHTS; LIMN_E_MEMORY. */
limn_status limn_session_create(limn_model *model, limn_size size, limn_session **session, limn_error *error);
void limn_session_free(limn_session *session);

/* The shape of input `index`, from 0, all zero if there is none; and of the output. */
limn_shape limn_session_input_shape(const limn_session *session, int index);
limn_shape limn_session_output_shape(const limn_session *session);

/* Copies `nchw`, dense NCHW, of the shape of input `index`, into it. It stays until the next call; before the
 * first one an input is undefined. LIMN_E_USAGE if there is no such input. */
limn_status limn_session_set_input(limn_session *session, int index, const float *nchw, limn_error *error);

/* Runs the graph on the calling thread and the threads of the engine. Allocates no memory. Denormal numbers
 * are flushed to zero during the run.
 * Errors: LIMN_E_CANCELLED if a watch or an observer returned false. The output is then undefined; the
 * session can run again. */
limn_status limn_session_run(limn_session *session, limn_error *error);

/* Copies the output of the last run to `nchw`, dense NCHW, unchanged: it may hold NaN and infinity. */
limn_status limn_session_get_output(const limn_session *session, float *nchw, limn_error *error);

/* ---- looking into a run ------------------------------------------------------------------ */

/* Sets the watch of the following runs: see limn_watch. *watch is copied. NULL disables it. */
void limn_session_set_watch(limn_session *session, const limn_watch *watch);

/* The value of a node: a tensor between two operations. */
typedef struct limn_value {
    const char *node;   /* the node that computes it: "block1.conv" */
    const char *name;   /* of the value, after the last operation fused into the node: "block1.conv/relu" */
    limn_shape shape;   /* of its floats */
    const void *tensor; /* for limn_value_get */
} limn_value;

/* Copies the floats of a value to `nchw`, dense NCHW. Only within the observer that received the value. */
void limn_value_get(const limn_value *value, float *nchw);

/* Receives values during a run. `observe` is called on the thread that called limn_session_run: with each
 * input, then with the value of each node as soon as it is computed, in order of execution; a concatenation
 * comes after the last of its parts. `value` is valid during the call only, because later nodes reuse its
 * memory; the names are valid as long as the model. To observe some nodes only, return true for the others:
 * nothing is copied except by limn_value_get.
 *
 * If `observe` returns false, it is not called again and the run returns LIMN_E_CANCELLED. It may call limn,
 * but not with this session. It must return: not through longjmp, nor with a C++ exception. */
typedef struct limn_observer {
    bool (*observe)(void *context, const limn_value *value);
    void *context; /* passed to `observe` */
} limn_observer;

/* Sets the observer of the following runs. *observer is copied. NULL disables it. */
void limn_session_set_observer(limn_session *session, const limn_observer *observer);

/* One kernel call of a session. A node takes one step; a concatenation none, or one for each part that is
 * copied into it. Later versions may add members at the end. */
typedef struct limn_step {
    const char *node;   /* the node that it computes, or a part of it */
    const char *op;     /* "conv2d" */
    const char *kernel; /* "conv2d_winograd": the variant of `op` that runs */
    const char *choice; /* why it runs: "fastest"; or a faster kernel exists, but belongs to another
                         * "family" of kernels than was requested, or its packed "weights" are too large,
                         * or it needs more "memory" than the limit allows */
    limn_shape input, output;
    double flops;         /* multiplications and additions, each counted, as the network defines them */
    size_t weight_bytes;  /* of its packed weights, in the model */
    size_t scratch_bytes; /* of the session's memory that only this step uses */
    double seconds;       /* that it took in the last run that reached it; 0 before the first run */
} limn_step;

/* Step `index`, from 0, in order of execution; NULL after the last one. The steps are those of the member
 * "steps" of limn_model_explain at the same size, unless a memory limit forced other kernels. Valid as long
 * as the session; a run changes `seconds` only.
 *
 *     for (int i = 0; (step = limn_session_step(session, i)) != NULL; i++)
 *         printf("%-40s %-24s %8.3f ms\n", step->node, step->kernel, 1e3 * step->seconds); */
const limn_step *limn_session_step(const limn_session *session, int index);

#ifdef __cplusplus
}
#endif
#endif
