/* trials.c - see trials.h. */
#include "tests/trials.h"
#include "engine/base/npy.h"
#include "engine/graph/weights_file.h"
#include "engine/pictures/picture.h"

#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int limn_main(int argc, char **argv);

#define SEGMENT_WITH "segment -t 1 -m goldens/"
#define COLORIZE_WITH "colorize -t 1 -m goldens/"
#define UPSCALE_WITH "upscale -m goldens/enhancenet.safetensors "
#define GENERATE_WITH "generate -t 1 -m goldens/dcgan-3-stages.safetensors "
#define BENCH_WITH "-m goldens/enhancenet.safetensors --size 8x8 --reps 1 -t 1 --memory-limit 64M"

const struct trial trials[] = {
    {SEGMENT_WITH "deeplabv3.safetensors in/a.png -o out/c.png --view side --json", VARIES, NULL, NULL},
    {SEGMENT_WITH "unet-bilinear.safetensors in/b.jpg -o out/m.png --scale 2 --view mask --truth in/mask.png "
                  "--probabilities out/p.npy",
     MANY, NULL, NULL},
    {SEGMENT_WITH "unet-transposed.safetensors in/many -o out/s --scale 2 --view overlay --truth in/masks",
     SEVERAL | MANY, NULL, NULL},
    {SEGMENT_WITH "unet-transposed.safetensors - -o - --scale 2 --view cutout", 0, "in/alpha.png", NULL},
    {COLORIZE_WITH "eccv16.safetensors in/a.png -o out/c.jpg", 0, NULL, NULL},
    {COLORIZE_WITH "siggraph17.safetensors in/many -o out --hints in/hints.txt", SEVERAL | MANY, NULL, NULL},
    {COLORIZE_WITH "siggraph17.safetensors - -o - --hints in/hints.json", 0, "in/b.jpg", NULL},
    {COLORIZE_WITH "siggraph17.safetensors in/a.png -o out/c.png --hints in/hints.txt --spread on", 0, NULL,
     NULL},
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
    {UPSCALE_WITH "in/unnamed -o out/large", SEVERAL | MANY, NULL, NULL},
    {UPSCALE_WITH "-t 1 -r in/tree -o out/large", SEVERAL | MANY, NULL, NULL},
    {UPSCALE_WITH "-t 1 in/many -o out --json", SEVERAL | MANY | VARIES, NULL, NULL},
    {UPSCALE_WITH "-t 1 - -o -", 0, "in/frames.pnm", NULL},
    {UPSCALE_WITH "-t 1 - -o out/frames/ --format bmp", MANY, "in/frames.pnm", NULL},
    {UPSCALE_WITH "-t 1 out/a.png", MANY | PICTURE, NULL, "out/a.png"},
    {UPSCALE_WITH "-t 1 in/many -o out --skip-existing", SEVERAL | MANY, NULL, "out/1.png"},
    {GENERATE_WITH "-n 3 -o out/sheet.png --json", VARIES, NULL, NULL},
    {GENERATE_WITH "-n 2 --seed 7 -o out/folder/", MANY, NULL, NULL},
    {GENERATE_WITH "--latent in/latent.npy -o out/sheet.jpg", 0, NULL, NULL},
    {GENERATE_WITH "--walk 1,2,3 -o out -f --fixed-range", MANY, NULL, "out/0001.png"},
    {"compare in/a.png in/c.bmp --json", 0, NULL, NULL},
    {"compare in/many in/others --csv", SEVERAL, NULL, NULL},
    {"compare - in/mask.png --masks", 0, "in/mask.png", NULL},
    {"compare in/masks in/masks --masks --json", SEVERAL, NULL, NULL},
    {"compare in/wide.pgm in/wide.pgm --masks --binary --json", 0, NULL, NULL},
    {"pixels to-text in/a.png", 0, NULL, NULL},
    {"pixels from-text in/text.txt -o out/plane.png", 0, NULL, NULL},
    {"pixels dataset in/many in/a.png -o out/data.csv --json", VARIES, NULL, NULL},
    {"pixels mean in/many -o out/mean.pgm", 0, NULL, NULL},
    {"pixels mean - -o -", 0, "goldens/pixels.csv", NULL},
    {"pixels split in/a.png --grid 2x2 --size 5x5 -o out/pieces --json", MANY | VARIES, NULL, NULL},
    {"run -t 1 -m goldens/dcgan-3-stages.safetensors in/latent.npy -o out/y.npy --dump main.0=out/maps.npy "
     "--dump-images out/sheets --channels 2",
     MANY, NULL, NULL},
    {"run -t 1 -m goldens/siggraph17.safetensors in/alpha.png -o out/y.npy", 0, NULL, NULL},
    {"run -t 1 -m goldens/deeplabv3.safetensors - -o -", 0, "in/alpha.png", NULL},
    {"run -t 1 -m goldens/enhancenet.safetensors in/alpha.png -o out/y.npy", 0, NULL, NULL},
    {"run -t 1 -m goldens/vae.safetensors - -o - --latent in/latent5.npy", 0, "in/x64.npy", NULL},
    {"inspect goldens/unet-bilinear.safetensors --size 32x32", 0, NULL, NULL},
    {"inspect goldens/eccv16.safetensors --json", 0, NULL, NULL},
    {"verify goldens/deeplabv3.safetensors", 0, NULL, NULL},
    {"verify goldens/dcgan-5-stages.safetensors --json", 0, NULL, NULL},
    {"explain goldens/enhancenet.safetensors --size 16x16 --svg out/arena.svg -t 1", 0, NULL, NULL},
    {"explain goldens/vae.safetensors --json -t 2", THREADED, NULL, NULL},
    {"bench model --trace out/trace.json " BENCH_WITH, VARIES | FILES_VARY | MANY, NULL, NULL},
    {"bench layers --json --baseline in/layers.json " BENCH_WITH, VARIES, NULL, NULL},
    {"bench kernels --md --shape 1x4x4x2,oc=3 --reps 1 -t 1 --memory-limit 64M", VARIES, NULL, NULL},
    {"--version", VARIES, NULL, NULL},
};

const size_t trial_count = sizeof trials / sizeof *trials;

/* ---- files ------------------------------------------------------------------------------- */

static const char existing_text[] = "existed before";

struct bytes read_descriptor(int descriptor)
{
    struct stat status;
    assert_int_equal(fstat(descriptor, &status), 0);
    struct bytes bytes = {malloc((size_t)status.st_size + 1), (size_t)status.st_size};
    assert_non_null(bytes.data);
    assert_int_equal(pread(descriptor, bytes.data, bytes.size, 0), bytes.size);
    bytes.data[bytes.size] = 0;
    return bytes;
}

struct bytes read_path(const char *path)
{
    int descriptor = open(path, O_RDONLY);
    if (descriptor < 0)
        return (struct bytes){0};
    struct bytes bytes = read_descriptor(descriptor);
    close(descriptor);
    return bytes;
}

bool same_bytes(struct bytes a, struct bytes b)
{
    return a.data && b.data && a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

int walk(const char *folder, void (*visit)(const char *path, bool is_folder, void *context), void *context)
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

void remove_one(const char *path, bool is_folder, void *context)
{
    (void)context;
    assert_int_equal(is_folder ? rmdir(path) : unlink(path), 0);
}

bool is_unchanged(struct bytes bytes)
{
    return bytes.size == strlen(existing_text) && memcmp(bytes.data, existing_text, bytes.size) == 0;
}

/* ---- inputs ------------------------------------------------------------------------------ */

static void make_picture(const char *path, int channels, unsigned levels)
{
    struct picture picture;
    assert_ok(picture_create(9, 10, channels, &picture, error));
    for (int i = 0; i < 90 * channels; i++)
        picture.pixels[i] = (unsigned char)((unsigned)(i * 37 + i / 9) % levels);
    assert_ok(picture_write(
        &(struct picture_target){.path = path, .quality = 92, .force = true, .software = "trials"}, &picture,
        error));
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

void trials_prepare(void)
{
    static const char *const folders[] = {"in",           "in/many",    "in/others", "in/masks", "in/tree",
                                          "in/tree/deep", "in/unnamed", "out",       "want"};
    static const char *const pictures[] = {
        "in/a.png",       "in/b.jpg",        "in/c.bmp",         "in/d.ppm",      "in/many/1.png",
        "in/many/10.ppm", "in/others/1.bmp", "in/others/10.png", "in/tree/1.ppm", "in/tree/deep/2.png"};
    static const char *const masks[] = {"in/mask.png", "in/masks/1.png", "in/masks/10.png"};
    char goldens[PATH_MAX];
    assert_non_null(getcwd(goldens, sizeof goldens - sizeof "/tests/goldens"));
    strcat(goldens, "/tests/goldens");
    assert_int_equal(chdir(scratch_path(".")), 0);
    assert_int_equal(symlink(goldens, "goldens"), 0);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        assert_int_equal(mkdir(folders[i], 0777), 0);
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++)
        make_picture(pictures[i], 3, 251);
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++)
        make_picture(masks[i], 3, 1); /* all of class 0 */
    make_picture("in/alpha.png", 4, 251);
    make_array("in/x64.npy", 1, 1, 64, 64);
    make_array("in/latent5.npy", 1, 5, 1, 1);
    make_array("in/latent.npy", 2, 7, 1, 1);
    make_whole_vae("in/whole.safetensors");
    make_text("in/hints.txt", "1 2 #c83232\n# and\n3 4 #3232c8 1\n");
    make_text("in/hints.json", "[{\"x\": 1, \"y\": 2, \"a\": 3.5, \"b\": -4, \"radius\": 1}]");
    make_text("in/unnamed/notes", "not a picture\n");
    make_text("in/unnamed/photo", "P2 3 2 9 0 1 2 3 4 5\n");
    make_text("in/text.txt", "1 2 3\n4 5 6\n");
    make_text("in/wide.pgm", "P2 3 2 1001 0 1 1001 0 0 5\n");
    make_text("in/frames.pnm", "P5 3 2 255\nabcdef P2 2 2 9 1 2 3 4\nP5\n# two\n2 1\n255\nxy\n");
    make_text("in/layers.json", "{\"bench\": \"layers\", \"model\": \"enhancenet\", \"size\": [1, 8, 8],\n"
                                "\"layers\": [{\"name\": \"generator/Conv\", \"op\": \"conv2d\",\n"
                                "\"min_ms\": 1, \"ms\": 1, \"spread_ms\": 0.1}]}");
}

/* ---- a run ------------------------------------------------------------------------------- */

void trial_clear(const struct trial *trial)
{
    walk("out", remove_one, NULL);
    if (trial->flags & PICTURE) {
        struct bytes picture = read_path("in/a.png");
        write_file(trial->existing, picture.data, picture.size);
        free(picture.data);
    } else if (trial->existing) {
        write_file(trial->existing, existing_text, strlen(existing_text));
    }
}

void trial_redirect(const struct trial *trial, const int outputs[2])
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

int trial_main(const struct trial *trial)
{
    enum { WORDS = 32 };
    char line[512], name[] = "limn", *words[WORDS] = {name};
    int count = 1;
    snprintf(line, sizeof line, "%s", trial->line);
    for (char *word = strtok(line, " "); word && count + 1 < WORDS; word = strtok(NULL, " "))
        words[count++] = word;
    optind = 0; /* getopt starts again */
    int status = limn_main(count, words);
    fflush(NULL);
    return status;
}

int open_descriptors(void)
{
    int count = 0;
    for (int i = 0; i < 256; i++)
        count += fcntl(i, F_GETFD) != -1;
    return count;
}
