/* test_faults.c - nothing breaks it: every command of the program, with each of its allocations and of its
 * system calls failing in turn, once and from then on.
 *
 * Each run is a process of its own, in a folder of tiny inputs, with the program's main called limn_main (see
 * the Makefile). It must end by itself; hold no memory and no descriptor more than before; and either do its
 * work to the same bytes, or fail with the exit code and message that the failure calls for, leaving its
 * outputs as they were. Where there are several outputs, those finished before the failure may stay. */
#include "support.h"
#include "support_faults.h"
#include "memory.h"
#include "npy.h"
#include "pictures/picture.h"
#include "weights_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int limn_main(int argc, char **argv);

enum {
    SEVERAL = 1, /* inputs: one that fails does not end the run, the exit code is 1 */
    MANY = 2,    /* outputs: a failed run may leave some of them, finished */
    VARIES = 4,  /* standard output is another in each run */
};

#define SEGMENT_WITH "segment -t 1 -m goldens/"
#define COLORIZE_WITH "colorize -t 1 -m goldens/"
#define UPSCALE_WITH "upscale -m goldens/enhancenet.safetensors "
#define GENERATE_WITH "generate -t 1 -m goldens/dcgan-3-stages.safetensors "
#define BENCH_WITH "-m goldens/enhancenet.safetensors --size 8x8 --reps 1 -t 1 --memory-limit 64M"

static const struct trial {
    const char *line;
    unsigned flags;
    const char *stdin_from; /* a file that comes through a pipe */
    const char *standing;   /* an output that stands before the run */
} trials[] = {
    {SEGMENT_WITH "deeplabv3.safetensors in/a.png -o out/c.png --view side --json", 0, NULL, NULL},
    {SEGMENT_WITH "unet-bilinear.safetensors in/b.jpg -o out/m.png --scale 2 --view mask --truth in/mask.png "
                  "--probabilities out/p.npy",
     MANY, NULL, NULL},
    {SEGMENT_WITH "unet-transposed.safetensors in/many -o out/s --scale 2 --view overlay --truth in/masks",
     SEVERAL | MANY, NULL, NULL},
    {SEGMENT_WITH "unet-transposed.safetensors - -o - --scale 2 --view cutout", 0, "in/alpha.png", NULL},
    {COLORIZE_WITH "eccv16.safetensors in/a.png -o out/c.jpg", 0, NULL, NULL},
    {COLORIZE_WITH "siggraph17.safetensors in/many -o out --hints in/hints.txt", SEVERAL | MANY, NULL, NULL},
    {COLORIZE_WITH "siggraph17.safetensors - -o - --hints in/hints.json", 0, "in/b.jpg", NULL},
    {COLORIZE_WITH "vae.safetensors in/a.png -o out/sheet.png --samples 2 --seed 3", 0, NULL, NULL},
    {"colorize -t 1 -m in/whole.safetensors in/a.png -o out/c.bmp --encode -f", 0, NULL, "out/c.bmp"},
    {COLORIZE_WITH "eccv16.safetensors,goldens/vae.safetensors in/a.png -o out/sheet.png --compare", 0, NULL,
     NULL},
    {UPSCALE_WITH "-t 1 in/alpha.png -o out/large.png --tile 4", 0, NULL, NULL},
    {UPSCALE_WITH "-t 1 in/b.jpg -o out/large.jpg -f", 0, NULL, "out/large.jpg"},
    {UPSCALE_WITH "-t 1 in/c.bmp -o out/large.bmp", 0, NULL, NULL},
    {UPSCALE_WITH "-t 1 in/d.ppm -o out/large.ppm", 0, NULL, NULL},
    {UPSCALE_WITH "-t 2 - -o -", 0, "in/a.png", NULL},
    {UPSCALE_WITH "in/many in/a.png -o out/large", SEVERAL | MANY, NULL, NULL},
    {GENERATE_WITH "-n 3 -o out/sheet.png --json", 0, NULL, NULL},
    {GENERATE_WITH "-n 2 --seed 7 -o out/folder/", MANY, NULL, NULL},
    {GENERATE_WITH "--latent in/latent.npy -o out/sheet.jpg", 0, NULL, NULL},
    {GENERATE_WITH "--walk 1,2,3 -o out -f --fixed-range", MANY, NULL, "out/0001.png"},
    {"compare in/a.png in/c.bmp --json", 0, NULL, NULL},
    {"compare in/many in/others --csv", SEVERAL, NULL, NULL},
    {"compare - in/mask.png --masks", 0, "in/mask.png", NULL},
    {"compare in/masks in/masks --masks --json", SEVERAL, NULL, NULL},
    {"pixels to-text in/a.png", 0, NULL, NULL},
    {"pixels from-text in/text.txt -o out/plane.png", 0, NULL, NULL},
    {"pixels dataset in/many in/a.png -o out/data.csv", 0, NULL, NULL},
    {"pixels mean in/many -o out/mean.pgm", 0, NULL, NULL},
    {"pixels mean - -o -", 0, "goldens/pixels.csv", NULL},
    {"pixels split in/a.png --grid 2x2 --size 5x5 -o out/pieces", MANY, NULL, NULL},
    {"run -t 1 -m goldens/enhancenet.safetensors in/x.npy -o out/y.npy --dump generator/Conv_1=out/maps.npy "
     "--dump-images out/sheets --channels 2",
     MANY, NULL, NULL},
    {"run -t 1 -m goldens/vae.safetensors - -o - --latent in/latent5.npy", 0, "in/x64.npy", NULL},
    {"inspect goldens/unet-bilinear.safetensors --size 32x32", 0, NULL, NULL},
    {"inspect goldens/eccv16.safetensors --json", 0, NULL, NULL},
    {"verify goldens/deeplabv3.safetensors", 0, NULL, NULL},
    {"verify goldens/dcgan-5-stages.safetensors --json", 0, NULL, NULL},
    {"explain goldens/enhancenet.safetensors --size 16x16 --svg out/arena.svg -t 1", 0, NULL, NULL},
    {"explain goldens/vae.safetensors --json -t 2", 0, NULL, NULL},
    {"bench model --trace out/trace.json " BENCH_WITH, VARIES | MANY, NULL, NULL},
    {"bench layers --json --baseline in/layers.json " BENCH_WITH, VARIES, NULL, NULL},
    {"bench kernels --md --shape 1x4x4x2,oc=3 --reps 1 -t 1 --memory-limit 64M", VARIES, NULL, NULL},
    {"--version", VARIES, NULL, NULL},
};

enum { TRIALS = sizeof trials / sizeof *trials };

/* ---- files ------------------------------------------------------------------------------- */

static const char stood[] = "stood here before";

struct bytes {
    char *data; /* with a zero behind them */
    size_t size;
};

static struct bytes read_descriptor(int descriptor)
{
    struct stat status;
    assert_int_equal(fstat(descriptor, &status), 0);
    struct bytes bytes = {malloc((size_t)status.st_size + 1), (size_t)status.st_size};
    assert_non_null(bytes.data);
    assert_int_equal(pread(descriptor, bytes.data, bytes.size, 0), bytes.size);
    bytes.data[bytes.size] = 0;
    return bytes;
}

static struct bytes read_path(const char *path)
{
    int descriptor = open(path, O_RDONLY);
    if (descriptor < 0)
        return (struct bytes){0};
    struct bytes bytes = read_descriptor(descriptor);
    close(descriptor);
    return bytes;
}

static bool same_bytes(struct bytes a, struct bytes b)
{
    return a.data && b.data && a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* Calls `visit` for every file below a folder, hidden ones too; a folder comes after what is in it. Returns
 * how many files there are. */
static int walk(const char *folder, void (*visit)(const char *path, bool is_folder, void *context),
                void *context)
{
    int count = 0;
    DIR *listing = opendir(folder);
    assert_non_null(listing);
    for (struct dirent *entry; (entry = readdir(listing));) {
        char path[PATH_MAX];
        struct stat status;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        assert_int_equal(stat(path, &status), 0);
        count += S_ISDIR(status.st_mode) ? walk(path, visit, context) : 1;
        if (visit)
            visit(path, S_ISDIR(status.st_mode), context);
    }
    closedir(listing);
    return count;
}

static void remove_one(const char *path, bool is_folder, void *context)
{
    (void)context;
    assert_int_equal(is_folder ? rmdir(path) : unlink(path), 0);
}

/* ---- inputs ------------------------------------------------------------------------------ */

static void make_picture(const char *path, int channels, unsigned levels)
{
    struct picture picture;
    assert_ok(picture_create(9, 10, channels, &picture, error));
    for (int i = 0; i < 90 * channels; i++)
        picture.pixels[i] = (unsigned char)((unsigned)(i * 37 + i / 9) % levels);
    assert_ok(picture_write(path, &picture, 92, true, error));
    picture_free(&picture);
}

static void make_array(const char *path, int64_t n, int64_t c, int64_t h, int64_t w)
{
    struct random random = {1};
    float *values = malloc((size_t)(n * c * h * w) * sizeof *values);
    assert_non_null(values);
    random_fill(&random, values, n * c * h * w);
    assert_ok(npy_write(path, (const int64_t[4]){n, c, h, w}, values, true, error));
    free(values);
}

static void make_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

/* Adds all tensors of a file; returns how many there are then. */
static size_t add_tensors(const char *path, struct made_tensor *tensors, size_t count, size_t most)
{
    struct weights_file file = {0};
    assert_ok(weights_open(path, &file, error));
    assert_true(count + file.header->tensor_count <= most);
    for (size_t i = 0; i < file.header->tensor_count; i++, count++) {
        const struct tensor_entry *entry = &file.header->tensors[i];
        float *values = malloc((size_t)entry->bytes);
        assert_ok(weights_read(&file, entry, values, NULL, error));
        tensors[count] = (struct made_tensor){.name = strdup(entry->name), .values = values};
        for (int axis = 0; axis < entry->rank; axis++)
            tensors[count].shape[axis] = (int64_t)entry->shape[axis];
    }
    weights_close(&file);
    return count;
}

/* A vae with its colour encoder, which the goldens have in two files. */
static void make_whole_vae(const char *path)
{
    enum { MOST = 120 };
    struct made_tensor tensors[MOST];
    size_t count = add_tensors("goldens/vae.safetensors", tensors, 0, MOST);
    count = add_tensors("goldens/vae-encoder.safetensors", tensors, count, MOST);
    write_safetensors(path, tensors, count, "\"limn.model\": \"vae\"");
    for (size_t i = 0; i < count; i++) {
        free((void *)tensors[i].name);
        free((void *)tensors[i].values);
    }
}

static void make_inputs(void)
{
    static const char *const folders[] = {"in", "in/many", "in/others", "in/masks", "out", "want"};
    static const char *const pictures[] = {"in/a.png",        "in/b.jpg",        "in/c.bmp",
                                           "in/d.ppm",        "in/many/1.png",   "in/many/10.ppm",
                                           "in/others/1.bmp", "in/others/10.png"};
    static const char *const masks[] = {"in/mask.png", "in/masks/1.png", "in/masks/10.png"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        assert_int_equal(mkdir(folders[i], 0777), 0);
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++)
        make_picture(pictures[i], 3, 251);
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++)
        make_picture(masks[i], 3, 1); /* all of class 0 */
    make_picture("in/alpha.png", 4, 251);
    make_array("in/x.npy", 1, 3, 4, 4);
    make_array("in/x64.npy", 1, 1, 64, 64);
    make_array("in/latent5.npy", 1, 5, 1, 1);
    make_array("in/latent.npy", 2, 7, 1, 1);
    make_whole_vae("in/whole.safetensors");
    make_text("in/hints.txt", "1 2 #c83232\n# and\n3 4 #3232c8 1\n");
    make_text("in/hints.json", "[{\"x\": 1, \"y\": 2, \"a\": 3.5, \"b\": -4, \"radius\": 1}]");
    make_text("in/text.txt", "1 2 3\n4 5 6\n");
    make_text("in/layers.json", "{\"bench\": \"layers\", \"model\": \"enhancenet\", \"size\": [1, 8, 8],\n"
                                "\"layers\": [{\"name\": \"generator/Conv\", \"op\": \"conv2d\",\n"
                                "\"min_ms\": 1, \"ms\": 1, \"spread_ms\": 0.1}]}");
}

/* ---- a run ------------------------------------------------------------------------------- */

/* What fails in a run. */
struct failure {
    enum fault kind;
    int64_t nth; /* 0: nothing does */
    bool persistent, short_transfers;
};

/* The run at hand. */
static const struct trial *trial;
static struct failure failure;

/* What it tells the test: this lives in memory that both share. */
static struct told {
    bool ended;
    int status, descriptors_lost;
    size_t memory_lost;
    int64_t calls[FAULTS];
    char path[PATH_MAX];
} * told;

/* The files that take standard output and standard error, and what came on the latter. */
static int outputs[2];
static struct bytes said, wanted_stdout;

static int open_descriptors(void)
{
    int count = 0;
    for (int i = 0; i < 256; i++)
        count += fcntl(i, F_GETFD) != -1;
    return count;
}

static void redirect(void)
{
    int ends[2], none = open("/dev/null", O_RDONLY);
    assert_true(dup2(none, STDIN_FILENO) == STDIN_FILENO && close(none) == 0);
    if (trial->stdin_from) {
        struct bytes bytes = read_path(trial->stdin_from);
        assert_true(bytes.size > 0 && bytes.size < 65536); /* fits into a pipe */
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(write(ends[1], bytes.data, bytes.size), bytes.size);
        assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
        assert_true(close(ends[0]) == 0 && close(ends[1]) == 0);
        free(bytes.data);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ftruncate(outputs[i], 0), 0);
        assert_int_equal(lseek(outputs[i], 0, SEEK_SET), 0);
        assert_int_equal(dup2(outputs[i], STDOUT_FILENO + i), STDOUT_FILENO + i);
    }
}

/* Empties the folder of outputs, but for what stands there before the trial. */
static void prepare_outputs(void)
{
    walk("out", remove_one, NULL);
    if (trial->standing)
        write_file(trial->standing, stood, strlen(stood));
}

static void run_program(void)
{
    enum { WORDS = 32, SECONDS = 60 };
    char line[512], name[] = "limn", *words[WORDS] = {name};
    int count = 1;
    snprintf(line, sizeof line, "%s", trial->line);
    for (char *word = strtok(line, " "); word && count + 1 < WORDS; word = strtok(NULL, " "))
        words[count++] = word;
    redirect();
    alarm(SECONDS);
    size_t memory = mem_in_use();
    int descriptors = open_descriptors();
    for (enum fault kind = 0; kind < FAULTS; kind++)
        fault_at(kind, kind == failure.kind ? failure.nth : 0, failure.persistent);
    fault_short_transfers(failure.short_transfers);
    told->status = limn_main(count, words);
    fault_short_transfers(false);
    snprintf(told->path, sizeof told->path, "%s", fault_path());
    for (enum fault kind = 0; kind < FAULTS; kind++) {
        told->calls[kind] = fault_calls(kind);
        fault_at(kind, 0, false);
    }
    told->memory_lost = mem_in_use() - memory;
    told->descriptors_lost = open_descriptors() - descriptors;
    told->ended = true;
    fflush(NULL);
    _exit(0);
}

/* ---- what must hold ---------------------------------------------------------------------- */

enum { COMPLAINTS_MOST = 10 };
static int complaints;

/* Says what is wrong about the run; false. */
__attribute__((format(printf, 1, 2))) static bool complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (complaints++ < COMPLAINTS_MOST) {
        print_error("limn %s\n", trial->line);
        if (failure.nth)
            print_error("%s %" PRId64 " fails%s: \"%s\"\n", fault_names[failure.kind], failure.nth,
                        failure.persistent ? ", and all that follow" : "", told->path);
        if (failure.short_transfers)
            print_error("short reads and writes\n");
        vprint_error(format, arguments);
        print_error("\nexit code %d, message: %s\n", told->status, said.data);
    }
    va_end(arguments);
    return false;
}

/* A file under out/ must be the same as under want/, or as it stood before a run that failed. */
static void check_file(const char *path, bool is_folder, void *context)
{
    char want_path[PATH_MAX];
    const bool *failed = context;
    if (is_folder)
        return;
    snprintf(want_path, sizeof want_path, "want%s", path + strlen("out"));
    struct bytes got = read_path(path), want = read_path(want_path);
    bool stands = trial->standing && strcmp(path, trial->standing) == 0;
    bool as_it_stood = stands && got.size == strlen(stood) && memcmp(got.data, stood, got.size) == 0;
    bool same = want.data && ((trial->flags & VARIES) || same_bytes(got, want));
    if (!(same && (!*failed || (trial->flags & MANY))) && !(*failed && as_it_stood))
        complain("%s (%zu bytes) is there, and not as it should be", path, got.size);
    free(got.data);
    free(want.data);
}

/* Whether all files under out/ are in order, and, unless the run failed, all of those under want/ there. */
static bool check_files(bool failed)
{
    int before = complaints, count = walk("out", check_file, &failed);
    return complaints == before && (failed || count == walk("want", NULL, NULL));
}

static bool check_success(void)
{
    struct bytes printed = read_descriptor(outputs[0]);
    bool same = (trial->flags & VARIES) || same_bytes(printed, wanted_stdout);
    free(printed.data);
    if (!same)
        return complain("standard output differs from that of an undisturbed run");
    return check_files(false) || complain("files are missing");
}

/* The exit code for a failure about this path, or about the one that a message names. */
static int wanted_status(const char *text)
{
    if (failure.kind == FAULT_MEMORY || failure.kind == FAULT_THREAD)
        return LIMN_E_MEMORY;
    if (failure.kind == FAULT_WRITE || failure.kind == FAULT_STALL)
        return LIMN_E_OUTPUT;
    bool output = strcmp(text, "out") == 0 || strstr(text, " out:") || strstr(text, "out/");
    return strstr(text, ".safetensors") ? LIMN_E_WEIGHTS : output ? LIMN_E_OUTPUT : LIMN_E_INPUT;
}

/* Whether the message says why. */
static bool reason_is_said(void)
{
    struct stat status;
    if (failure.kind == FAULT_MEMORY)
        return strstr(said.data, "out of memory");
    if (failure.kind == FAULT_STALL)
        return strstr(said.data, "no byte was taken");
    /* A folder that was not seen once may be taken for a file, and what is wrong with that is said then. */
    bool folder_missed = failure.kind == FAULT_STAT && !failure.persistent &&
                         stat(told->path, &status) == 0 && S_ISDIR(status.st_mode) &&
                         strstr(said.data, "directory");
    return folder_missed || strstr(said.data, strerror(fault_error(failure.kind)));
}

static bool check_failure(void)
{
    /* Where all calls fail, the first of them need not have been the one that mattered. */
    const char *path = failure.persistent ? "" : told->path, *slash = strrchr(path, '/');
    const char *name = slash && slash[1] != '.' ? slash + 1 : slash ? "out" : path; /* .limn-1-2.part */
    bool some = (trial->flags & SEVERAL) && told->status == LIMN_E_SOME;
    int wanted = wanted_status(failure.persistent ? said.data : path);
    if (told->status != wanted && !some)
        return complain("exit code %d expected", wanted);
    if (strncmp(said.data, "limn: ", 6) != 0 || !reason_is_said())
        return complain("the message does not say why");
    if (!strstr(said.data, name))
        return complain("the message does not name %s", name);
    return check_files(true);
}

/* Runs the trial in a process of its own. */
static bool run_trial(void)
{
    int ended;
    prepare_outputs();
    *told = (struct told){0};
    fflush(stdout);
    pid_t process = fork();
    assert_true(process >= 0);
    if (process == 0)
        run_program();
    assert_int_equal(waitpid(process, &ended, 0), process);
    free(said.data);
    said = read_descriptor(outputs[1]);
    if (!told->ended)
        return complain("it died: signal %d, exit code %d", WIFSIGNALED(ended) ? WTERMSIG(ended) : 0,
                        WIFSIGNALED(ended) ? 0 : WEXITSTATUS(ended));
    if (told->memory_lost || told->descriptors_lost)
        return complain("%zu bytes and %d descriptors lost", told->memory_lost, told->descriptors_lost);
    return true;
}

/* ---- trials ------------------------------------------------------------------------------ */

/* Keeps what the trial makes when nothing fails, and how many calls it takes. */
static bool run_undisturbed(int64_t calls[FAULTS])
{
    failure = (struct failure){0};
    walk("want", remove_one, NULL);
    free(wanted_stdout.data);
    wanted_stdout.data = NULL;
    if (!run_trial())
        return false;
    if (told->status)
        return complain("undisturbed");
    wanted_stdout = read_descriptor(outputs[0]);
    assert_int_equal(rmdir("want"), 0);
    assert_int_equal(rename("out", "want"), 0);
    assert_int_equal(mkdir("out", 0777), 0);
    memcpy(calls, told->calls, sizeof told->calls);
    return true;
}

static bool run_disturbed(void)
{
    return run_trial() && (told->status ? check_failure() : check_success());
}

/* Points tried: allocations, and other calls. */
struct points {
    int64_t memory, system;
};

/* Every how manieth call of a kind is to fail. */
static int64_t stride_of(enum fault kind, int64_t calls)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    enum { EACH = 7, QUICK = 29, WHOLE_RUNS = 8 };
#else
    enum { EACH = 1, QUICK = 29, WHOLE_RUNS = 8 };
#endif
    int64_t stride = getenv("LIMN_TEST_QUICK") ? QUICK : EACH;
    /* What limn can do without costs a whole run each time. */
    return kind == FAULT_EXTRA && calls / WHOLE_RUNS > stride ? calls / WHOLE_RUNS : stride;
}

static void try_points(const struct trial *of, struct points *points)
{
    int64_t calls[FAULTS];
    trial = of;
    if (!run_undisturbed(calls))
        return;
    failure = (struct failure){.short_transfers = true};
    run_disturbed();
    for (enum fault kind = 0; kind < FAULTS; kind++)
        for (int64_t nth = 1; nth <= calls[kind] && complaints < COMPLAINTS_MOST;
             nth += stride_of(kind, calls[kind])) {
            failure = (struct failure){.kind = kind, .nth = nth};
            bool handled = run_disturbed();
            failure.persistent = true;
            handled = run_disturbed() && handled;
            *(kind == FAULT_MEMORY ? &points->memory : &points->system) += handled;
        }
}

static void test_command(void **state)
{
    const char *command = *state;
    struct points points = {0};
    complaints = 0;
    for (size_t i = 0; i < TRIALS; i++)
        if (strncmp(trials[i].line, command, strlen(command)) == 0)
            try_points(&trials[i], &points);
    printf("%s: %" PRId64 " allocations, %" PRId64 " system calls, %s handled\n", command, points.memory,
           points.system, complaints ? "NOT all" : "all");
    assert_int_equal(complaints, 0);
}

/* With an argument: the tests of this command only. */
int main(int argc, char **argv)
{
    static char commands[][12] = {"segment", "colorize", "upscale", "generate", "compare", "pixels",
                                  "run",     "inspect",  "verify",  "explain",  "bench",   "--version"};
    enum { COMMANDS = sizeof commands / sizeof *commands };
    struct CMUnitTest tests[COMMANDS];
    char root[PATH_MAX];
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    outputs[0] = memfd_create("stdout", MFD_CLOEXEC);
    outputs[1] = memfd_create("stderr", MFD_CLOEXEC);
    if (told == MAP_FAILED || outputs[0] < 0 || outputs[1] < 0 || !getcwd(root, sizeof root) ||
        chdir(scratch_path(".")) != 0)
        return 1;
    strcat(root, "/tests/goldens");
    if (symlink(root, "goldens") != 0)
        return 1;
    make_inputs();
    for (size_t i = 0; i < COMMANDS; i++)
        tests[i] =
            (struct CMUnitTest){.name = commands[i], .test_func = test_command, .initial_state = commands[i]};
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return _cmocka_run_group_tests("faults", tests, COMMANDS, NULL, NULL);
}
