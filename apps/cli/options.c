/* options.c - the table of options, and parsing. */
#include "apps/cli/options.h"
#include "apps/cli/suggest.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NETWORKS = SEGMENT | COLORIZE | UPSCALE | GENERATE | RUN | EXPLAIN | BENCH, /* what runs or plans one */
    MAKERS = SEGMENT | COLORIZE | UPSCALE | GENERATE | PIXELS,                  /* what makes pictures */
    BATCHES = SEGMENT | COLORIZE | UPSCALE, /* what makes a picture of each picture (batch.h) */
};

#define AT(member) offsetof(struct options, member)

static const struct option_entry table[] = {
    {'m', "model", "NAME|FILE", "weights: a file, or a name that limn --weights lists", TEXT, AT(model),
     NETWORKS, 0, 0},
    {'i', "input", "PATH", "input; can also be given as a plain argument", TEXT, AT(input),
     UPSCALE | RUN | INSPECT | VERIFY | PIXELS | SEGMENT | COLORIZE, 0, 0},
    {'o', "output", "PATH", "output; - for standard output", TEXT, AT(output), MAKERS | RUN, 0, 0},
    {'r', "recursive", NULL, "process subfolders too", FLAG, AT(recursive),
     UPSCALE | COMPARE | PIXELS | SEGMENT | COLORIZE, 0, 0},
    {0, "tile", "N", "compute in bands of N input rows; 0: all rows at once (default: chosen by memory)",
     WHOLE, AT(tile), UPSCALE, 0, 1 << 20},
    {0, "scale", "N", "enlarge N times, 2 to 4 (default 4)", WHOLE, AT(enlargement), UPSCALE, 2, 4},
    {0, "quality", "N", "JPEG quality, 1 to 100 (default 92)", WHOLE, AT(quality), MAKERS, 1, 100},
    {0, "no-orient", NULL, "ignore the EXIF orientation", FLAG, AT(no_orient),
     UPSCALE | RUN | COMPARE | PIXELS | SEGMENT | COLORIZE, 0, 0},
    {0, "strip", NULL, "write no metadata: neither the input's nor limn's own entry", FLAG, AT(strip),
     BATCHES, 0, 0},
    {0, "format", "png|jpg|bmp|pnm",
     "format of the output (default: by its extension; for - PNG, or PNM if the input is)", WORD, AT(format),
     MAKERS, 0, 0},
    {0, "skip-existing", NULL, "skip pictures whose output file already exists", FLAG, AT(skip_existing),
     BATCHES, 0, 0},
    {'f', "force", NULL, "replace output files that already exist", FLAG, AT(force),
     MAKERS | RUN | BENCH | EXPLAIN, 0, 0},
    {0, "latent", "FILE.npy", "read latent vectors from a file (default: zeros for run, noise for generate)",
     TEXT, AT(latent), RUN | GENERATE, 0, 0},
    {0, "dump", "NODE=FILE", "also write the output of this node as .npy; may be given several times", TEXTS,
     AT(dumps), RUN, 0, 0},
    {0, "dump-images", "FOLDER", "write the feature maps of every node, a picture per node", TEXT,
     AT(dump_images), RUN, 0, 0},
    {0, "channels", "N", "--dump-images: show at most N channels of a node (default 64)", WHOLE, AT(channels),
     RUN, 1, 1024},
    {0, "size", "HxW", "input size in pixels (default: the network's usual size)", SIZE, AT(height),
     INSPECT | BENCH | EXPLAIN, 1, 1 << 24},
    {0, "grid", "RxC", "split: rows and columns of pieces on the sheet", SIZE, AT(grid_rows), PIXELS, 1,
     1 << 14},
    {0, "size", "HxW", "split: resize each piece to this size", SIZE, AT(height), PIXELS, 1, 1 << 14},
    {0, "batch", "N", "batch size (default 1)", WHOLE, AT(batch), INSPECT | BENCH | EXPLAIN, 1, 1 << 20},
    {0, "reps", "N", "number of runs after one warm-up (default: as many as --seconds allows)", WHOLE,
     AT(reps), BENCH, 1, 1 << 30},
    {0, "seconds", "S", "time to measure for (default 2; kernels: 0.5 per layer)", POSITIVE, AT(seconds),
     BENCH, 0, 86400},
    {'n', "count", "N", "number of pictures (default 16)", WHOLE, AT(count), GENERATE, 1, 1 << 20},
    {0, "seed", "S", "seed of the noise, 0 to 2^63 - 1 (default 0)", WHOLE, AT(seed), GENERATE | COLORIZE, 0,
     INT64_MAX},
    {0, "walk", "A,B,N", "N pictures on the way from seed A to seed B", TEXT, AT(walk), GENERATE, 0, 0},
    {0, "fixed-range", NULL, "scale from -1..1, not from the smallest and largest value", FLAG,
     AT(fixed_range), GENERATE, 0, 0},
    {'t', "threads", "N", "number of threads (default: one per physical core, or the CPU quota)", WHOLE,
     AT(threads), NETWORKS, 1, 1024},
    {0, "kernels", "auto|openblas|native|reference",
     "kernels to use (default auto; reference: slow, for checking)", TEXT, AT(kernels), NETWORKS, 0, 0},
    {0, "precision", "fp32|bf16x2|bf16", "lowest precision of the numbers that are multiplied (default fp32)",
     WORD, AT(precision), NETWORKS, 0, 0},
    {0, "isa", "auto|baseline|avx2|avx512|avx512+bf16|avx512+amx|neon|amx-emulated",
     "instruction set (default auto; amx-emulated: AMX in plain C, slow, for checking)", TEXT, AT(isa),
     NETWORKS, 0, 0},
    {0, "memory-limit", "BYTES", "maximum memory to use; may end in K, M or G (powers of 1024)", BYTES,
     AT(memory_limit), ALL, 1, INT64_MAX},
    {0, "json", NULL, "print JSON", FLAG, AT(json), ALL & ~RUN, 0, 0},
    {0, "masks", NULL, "compare class masks: IoU, Dice, pixel accuracy", FLAG, AT(masks), COMPARE, 0, 0},
    {0, "binary", NULL, "count all labels above 0 of a mask as one class", FLAG, AT(binary),
     COMPARE | SEGMENT, 0, 0},
    {0, "csv", NULL, "print CSV", FLAG, AT(csv), COMPARE | BENCH, 0, 0},
    {0, "md", NULL, "print a Markdown table", FLAG, AT(markdown), BENCH, 0, 0},
    {0, "op", "NAME", "kernels: only this operator, such as conv2d or max_pool", TEXT, AT(op), BENCH, 0, 0},
    {0, "shape", "SHAPE", "kernels: only this layer of --op (default conv2d); see above", TEXT, AT(shape),
     BENCH, 0, 0},
    {0, "variant", "NAME", "kernels: only this variant; may be given several times", TEXTS, AT(variants),
     BENCH, 0, 0},
    {0, "steps", NULL, "kernels: from plain loops to the fastest variant, step by step", FLAG, AT(steps),
     BENCH, 0, 0},
    {0, "baseline", "FILE.json", "compare with an earlier --json report of the same kind", TEXT, AT(baseline),
     BENCH, 0, 0},
    {0, "trace", "FILE.json", "model, layers: record what each thread does, in one more run", TEXT, AT(trace),
     BENCH, 0, 0},
    {0, "view", "mask|color|overlay|side|cutout", "what to draw (default color)", TEXT, AT(view), SEGMENT, 0,
     0},
    {0, "resize", "N", "deeplabv3: compute with a shorter side of N pixels; 0: the picture's own size", WHOLE,
     AT(resize), SEGMENT, 0, 1 << 14},
    {0, "scale", "S", "unet: compute at S times the picture's size (default: as the weights say, or 0.5)",
     POSITIVE, AT(scale), SEGMENT, 0, 100},
    {0, "threshold", "P", "one class: probability above which a pixel belongs to it (default 0.5)", POSITIVE,
     AT(threshold), SEGMENT, 0, 1},
    {0, "truth", "MASK", "print IoU, Dice and accuracy against this mask, or against NAME.png in this folder",
     TEXT, AT(truth), SEGMENT, 0, 0},
    {0, "probabilities", "FILE", "also write the probability of each class, as .npy", TEXT, AT(probabilities),
     SEGMENT, 0, 0},
    {0, "hints", "FILE", "siggraph17: colour hints, lines of x y #rrggbb [radius], or JSON", TEXT, AT(hints),
     COLORIZE, 0, 0},
    {0, "spread", "on|off",
     "siggraph17: spread hints up to the edges of things (default: as the weights were trained)", WORD,
     AT(spread), COLORIZE, 0, 0},
    {0, "saturation", "S", "multiply a and b by S, 0 to 10 (default 1)", NUMBER, AT(saturation), COLORIZE, 0,
     10},
    {0, "temperature", "T", "add T to b and T/3 to a: above 0 warmer, below cooler; -100 to 100 (default 0)",
     NUMBER, AT(temperature), COLORIZE, -100, 100},
    {0, "network-size", "N",
     "eccv16, siggraph17: compute colours at N x N pixels, a multiple of 8 (default 256)", WHOLE,
     AT(network_size), COLORIZE, 64, 1024},
    {0, "samples", "N", "vae: make a sheet of N variants, from the seeds S, S + 1, ... (1: no sheet)", WHOLE,
     AT(samples), COLORIZE, 1, 256},
    {0, "compare", NULL, "make a sheet of input, grey, and the result of each network of -m A,B,...", FLAG,
     AT(compare), COLORIZE, 0, 0},
    {0, "encode", NULL, "vae: compute the latent vector from the picture's own colours", FLAG, AT(encode),
     COLORIZE, 0, 0},
    {0, "svg", "FILE", "draw the arena over the steps as SVG (-: print only the SVG)", TEXT, AT(svg), EXPLAIN,
     0, 0},
    {'q', "quiet", NULL, "print no notes and no progress on stderr", FLAG, AT(quiet), ALL, 0, 0},
    {'h', "help", NULL, "print this help", FLAG, AT(help), ALL, 0, 0},
};

enum { OPTIONS = sizeof table / sizeof *table };

static const struct options defaults = {
    .quality = 92, .tile = -1, .batch = 1, .resize = -1, .saturation = 1, .precision = 1};

/* The value by which getopt_long reports an option: its letter, or a number from its place in the table. */
static int value_of(const struct option_entry *entry)
{
    return entry->letter ? entry->letter : 256 + (int)(entry - table);
}

const struct option_entry *options_next(const struct command *command, const struct option_entry *before)
{
    const struct option_entry *entry = before ? before + 1 : table;
    while (entry < table + OPTIONS && !(entry->commands & command->bit))
        entry++;
    return entry < table + OPTIONS ? entry : NULL;
}

bool is_path(const char *argument)
{
    return strstr(argument, "FILE") || strstr(argument, "PATH") || strstr(argument, "MASK");
}

bool is_folder(const char *argument)
{
    return strcmp(argument, "FOLDER") == 0;
}

static limn_status bad_value(const struct option_entry *entry, const char *text, limn_error *error)
{
    char range[64], expected[128];
    snprintf(range, sizeof range, "from %lld to %lld", (long long)entry->least, (long long)entry->most);
    if (entry->kind == SIZE)
        snprintf(expected, sizeof expected, "%s, such as %s, each %s", entry->argument,
                 strcmp(entry->name, "grid") == 0 ? "4x4" : "480x640", range);
    else if (entry->kind == BYTES)
        snprintf(expected, sizeof expected, "a number of bytes, such as 500M (K, M or G may follow)");
    else if (entry->kind == POSITIVE)
        snprintf(expected, sizeof expected, "a number above 0, at most %lld", (long long)entry->most);
    else
        snprintf(expected, sizeof expected, "a %s %s", entry->kind == WHOLE ? "whole number" : "number",
                 range);
    return fail(error, LIMN_E_USAGE, "--%s %s: expected %s", entry->name, text, expected);
}

static bool parse_whole(const struct option_entry *entry, const char *text, char **end, int64_t *number)
{
    errno = 0;
    *number = strtoll(text, end, 10);
    return *end != text && !errno && *number >= entry->least && *number <= entry->most;
}

static bool parse_bytes(const struct option_entry *entry, const char *text, int64_t *bytes)
{
    static const char units[] = "KMG";
    char *end;
    if (!parse_whole(entry, text, &end, bytes))
        return false;
    const char *unit = *end ? strchr(units, *end) : NULL;
    if (!unit)
        return !*end;
    return !end[1] && !__builtin_mul_overflow(*bytes, INT64_C(1) << (10 * (unit - units + 1)), bytes);
}

static limn_status choose_word(const struct option_entry *entry, const char *text, int *number,
                               limn_error *error)
{
    enum { WORDS = 8 };
    char name[32], words[64], *rest = words;
    const char *list[WORDS + 1] = {NULL};
    snprintf(name, sizeof name, "--%s", entry->name);
    snprintf(words, sizeof words, "%s", entry->argument);
    for (int i = 0; rest && i < WORDS; i++) {
        list[i] = rest;
        rest = strchr(rest, '|');
        if (rest)
            *rest++ = 0;
    }
    limn_status status = word_choose(name, text, list, number, error);
    ++*number;
    return status;
}

static limn_status store(const struct option_entry *entry, const char *text, struct options *options,
                         limn_error *error)
{
    void *place = (char *)options + entry->offset;
    int64_t *pair = place;
    struct texts *texts = place;
    double *number = place;
    char *end;
    bool good = true;
    switch (entry->kind) {
    case FLAG:
        *(bool *)place = true;
        break;
    case TEXT:
        if (*(const char **)place)
            return fail(error, LIMN_E_USAGE, "--%s: given more than once", entry->name);
        if (!*text && (is_path(entry->argument) || is_folder(entry->argument))) /* an unset shell variable */
            return fail(error, LIMN_E_USAGE, "--%s: empty value", entry->name);
        *(const char **)place = text;
        break;
    case TEXTS:
        if (texts->count == TEXTS_MOST)
            return fail(error, LIMN_E_USAGE, "--%s: given more than %d times", entry->name, (int)TEXTS_MOST);
        texts->items[texts->count++] = text;
        break;
    case WORD:
        return choose_word(entry, text, place, error);
    case WHOLE:
        good = parse_whole(entry, text, &end, place) && !*end;
        break;
    case NUMBER:
    case POSITIVE: /* a NaN fails the comparisons */
        *number = strtod(text, &end);
        good = end != text && !*end && *number >= (double)entry->least && *number <= (double)entry->most &&
               (entry->kind == NUMBER || *number > 0);
        break;
    case BYTES:
        good = parse_bytes(entry, text, place);
        break;
    case SIZE:
        good = parse_whole(entry, text, &end, &pair[0]) && *end == 'x' &&
               parse_whole(entry, end + 1, &end, &pair[1]) && !*end;
        break;
    }
    return good ? LIMN_OK : bad_value(entry, text, error);
}

/* LIMN_E_USAGE if `name` abbreviates several options, whose names it lists; LIMN_OK otherwise. */
static limn_status check_abbreviation(const struct command *command, const char *name, limn_error *error)
{
    char list[WORD_LETTERS] = "";
    size_t used = 0;
    int count = 0;
    for (const struct option_entry *entry = NULL; *name && (entry = options_next(command, entry));)
        if (strncmp(entry->name, name, strlen(name)) == 0 && used < sizeof list) {
            used +=
                (size_t)snprintf(list + used, sizeof list - used, "%s--%s", count ? ", " : "", entry->name);
            count++;
        }
    return count > 1 ? fail(error, LIMN_E_USAGE, "--%s is ambiguous: it may stand for %s", name, list)
                     : LIMN_OK;
}

/* The error for an option that getopt_long rejected. word: the last argument that it read. It sets optopt to
 * the letter of an unknown short option, and to the value of an option that takes no value but was given one.
 */
static limn_status bad_option(const struct command *command, const char *word, limn_error *error)
{
    size_t length = strcspn(word, "=");
    char letter[3] = {'-', (char)optopt}, name[WORD_LETTERS] = "", near[SUGGESTION_TEXT] = "";
    if (!optopt && length - 2 < sizeof name)
        snprintf(name, sizeof name, "%.*s", (int)length - 2, word + 2);
    struct suggestion suggestion = {.typed = name};
    for (const struct option_entry *entry = NULL; (entry = options_next(command, entry));) {
        if (value_of(entry) == optopt)
            return fail(error, LIMN_E_USAGE, "%s: option takes no value", word);
        if (strcmp(name, "gemm") == 0 && strcmp(entry->name, "kernels") == 0)
            return fail(error, LIMN_E_USAGE, "--gemm is now --kernels");
        suggestion_offer(&suggestion, entry->name);
    }
    limn_status status = check_abbreviation(command, name, error);
    if (status != LIMN_OK)
        return status;
    return fail(error, LIMN_E_USAGE, "unknown option: %s%s (see limn %s --help)", optopt ? letter : word,
                optopt ? "" : suggestion_text(&suggestion, "--", near), command->name);
}

/* Rejects -output, which getopt_long reads as -o with the value "utput". */
static limn_status check_dashes(const struct command *command, int count, char **words, limn_error *error)
{
    for (int i = 0; i < count && strcmp(words[i], "--") != 0; i++) {
        size_t length = words[i][0] == '-' ? strcspn(words[i] + 1, "=") : 0;
        for (const struct option_entry *entry = NULL; length && (entry = options_next(command, entry));)
            if (strlen(entry->name) == length && strncmp(entry->name, words[i] + 1, length) == 0)
                return fail(error, LIMN_E_USAGE,
                            "unknown option: %s; did you mean --%s? (see limn %s --help)", words[i],
                            entry->name, command->name);
    }
    return LIMN_OK;
}

/* ---- choices ----------------------------------------------------------------------------- */

/* Whether an option changes the pictures that a command makes. */
static bool changes_pictures(const char *name)
{
    static const char *const names[] = {"no-orient", "scale", "resize",  "network-size", "threshold",
                                        "view",      "hints", "spread",  "saturation",   "temperature",
                                        "samples",   "seed",  "compare", "encode",       "precision"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* The word of the number that choose_word stored, after a space. */
static void show_word(const struct option_entry *entry, int choice, char text[64])
{
    const char *word = entry->argument;
    for (int i = 1; i < choice; i++)
        word = strchr(word, '|') + 1;
    snprintf(text, 64, " %.*s", (int)strcspn(word, "|"), word);
}

/* The value of an option as text after a space; "" for flags and paths. False if it is the default. */
static bool show_value(const struct option_entry *entry, const struct options *options, char text[64])
{
    const char *place = (const char *)options + entry->offset,
               *usual = (const char *)&defaults + entry->offset;
    const char *const *word = (const void *)place;
    const int *choice = (const void *)place;
    const double *number = (const void *)place;
    const int64_t *whole = (const void *)place;
    text[0] = '\0';
    switch (entry->kind) {
    case FLAG:
        return *(const bool *)place;
    case TEXT:
        if (*word && !is_path(entry->argument))
            snprintf(text, 64, " %s", *word);
        return *word;
    case WHOLE:
        snprintf(text, 64, " %" PRId64, *whole);
        return memcmp(place, usual, sizeof *whole) != 0;
    case NUMBER:
    case POSITIVE:
        snprintf(text, 64, " %.10g", *number);
        return memcmp(place, usual, sizeof *number) != 0;
    case WORD:
        show_word(entry, *choice, text);
        return memcmp(place, usual, sizeof *choice) != 0;
    case TEXTS:
    case BYTES:
    case SIZE:
        break; /* none of them changes pictures */
    }
    return false;
}

static void list_choices(const struct command *command, struct options *options)
{
    char value[64];
    size_t used = (size_t)snprintf(options->choices, OPTION_CHOICES, "%s", command->name);
    for (const struct option_entry *entry = NULL; (entry = options_next(command, entry));)
        if (changes_pictures(entry->name) && show_value(entry, options, value) && used < OPTION_CHOICES)
            used += (size_t)snprintf(options->choices + used, OPTION_CHOICES - used, " --%s%s", entry->name,
                                     value);
}

/* ---- parsing ----------------------------------------------------------------------------- */

limn_status options_parse(const struct command *command, int argc, char **argv, struct options *options,
                          limn_error *error)
{
    struct option list[OPTIONS + 1] = {0};
    char letters[2 * OPTIONS + 2] = ":"; /* reports a missing value as ':' */
    size_t used = 1, count = 0;
    limn_status status = check_dashes(command, argc - 1, argv + 1, error);
    if (status != LIMN_OK)
        return status;
    *options = defaults;
    for (const struct option_entry *entry = NULL; (entry = options_next(command, entry));) {
        bool valued = entry->kind != FLAG;
        list[count++] =
            (struct option){entry->name, valued ? required_argument : no_argument, NULL, value_of(entry)};
        if (entry->letter) {
            letters[used++] = entry->letter;
            if (valued)
                letters[used++] = ':';
        }
    }
    letters[used] = 0;
    opterr = 0;
    for (int met; (met = getopt_long(argc, argv, letters, list, NULL)) != -1;) {
        if (met == ':')
            return fail(error, LIMN_E_USAGE, "%s: missing value", argv[optind - 1]);
        if (met == '?')
            return bad_option(command, argv[optind - 1], error);
        const struct option_entry *entry = table;
        while (value_of(entry) != met)
            entry++;
        status = store(entry, optarg, options, error);
        if (status != LIMN_OK)
            return status;
    }
    options->arguments = argv + optind;
    options->argument_count = argc - optind;
    list_choices(command, options);
    return LIMN_OK;
}
