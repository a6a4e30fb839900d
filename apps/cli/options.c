/* options.c - the one table of options: parsing, help, manual and completions read it. */
#include "apps/cli/options.h"
#include "apps/cli/suggest.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const struct option_entry table[] = {
    {'m', "model", "NAME|FILE", "weights: a file, or one of the names that limn --weights lists", TEXT,
     offsetof(struct options, model), 0, 0, UPSCALE | RUN | BENCH | GENERATE | SEGMENT | COLORIZE | EXPLAIN},
    {'i', "input", "PATH", "input; may be given as a plain argument too", TEXT,
     offsetof(struct options, input), 0, 0, UPSCALE | RUN | INSPECT | VERIFY | PIXELS | SEGMENT | COLORIZE},
    {'o', "output", "PATH", "output; - is standard output", TEXT, offsetof(struct options, output), 0, 0,
     UPSCALE | RUN | PIXELS | GENERATE | SEGMENT | COLORIZE},
    {'r', "recursive", NULL, "work through the folders in a folder too", FLAG,
     offsetof(struct options, recursive), 0, 0, UPSCALE | COMPARE | PIXELS | SEGMENT | COLORIZE},
    {0, "tile", "N", "compute in bands of N input rows; 0: the whole at once (default: by memory)", WHOLE,
     offsetof(struct options, tile), 0, 1 << 20, UPSCALE},
    {0, "quality", "N", "JPEG quality, 1 to 100 (default 92)", WHOLE, offsetof(struct options, quality), 1,
     100, UPSCALE | PIXELS | GENERATE | SEGMENT | COLORIZE},
    {0, "no-orient", NULL, "leave EXIF orientation alone", FLAG, offsetof(struct options, no_orient), 0, 0,
     UPSCALE | COMPARE | PIXELS | SEGMENT | COLORIZE},
    {'f', "force", NULL, "replace an output that stands already", FLAG, offsetof(struct options, force), 0, 0,
     UPSCALE | RUN | PIXELS | GENERATE | SEGMENT | COLORIZE | BENCH | EXPLAIN},
    {0, "latent", "FILE.npy", "latent vectors from a file (default: zeros for run, noise for generate)", TEXT,
     offsetof(struct options, latent), 0, 0, RUN | GENERATE},
    {0, "dump", "NODE=FILE", "write what this node makes too, as .npy; may be given several times", TEXTS,
     offsetof(struct options, dumps), 0, 0, RUN},
    {0, "dump-images", "FOLDER", "write the feature maps of every node, a picture a node", TEXT,
     offsetof(struct options, dump_images), 0, 0, RUN},
    {0, "channels", "N", "--dump-images: at most so many of a node's channels (default 64)", WHOLE,
     offsetof(struct options, channels), 1, 1024, RUN},
    {0, "size", "HxW", "input size in pixels (default: the usual one of the network)", SIZE,
     offsetof(struct options, height), 1, 1 << 24, INSPECT | BENCH | EXPLAIN},
    {0, "grid", "RxC", "split: rows and columns of pieces on the sheet", SIZE,
     offsetof(struct options, grid_rows), 1, 1 << 14, PIXELS},
    {0, "size", "HxW", "split: resize each piece to this size", SIZE, offsetof(struct options, height), 1,
     1 << 14, PIXELS},
    {0, "batch", "N", "batch size (default 1)", WHOLE, offsetof(struct options, batch), 1, 1 << 20,
     INSPECT | BENCH | EXPLAIN},
    {0, "reps", "N", "repetitions after one warm-up (default: as many as --seconds allow, some at least)",
     WHOLE, offsetof(struct options, reps), 1, 1 << 30, BENCH},
    {0, "seconds", "S", "time to measure for (default 2; kernels: 0.5 a layer)", SECONDS,
     offsetof(struct options, seconds), 0, 86400, BENCH},
    {'n', "count", "N", "how many pictures (default 16)", WHOLE, offsetof(struct options, count), 1, 1 << 20,
     GENERATE},
    {0, "seed", "S", "which noise, 0 to 2^63 - 1 (default 0)", WHOLE, offsetof(struct options, seed), 0,
     INT64_MAX, GENERATE | COLORIZE},
    {0, "walk", "A,B,N", "N pictures on the way from seed A to seed B", TEXT, offsetof(struct options, walk),
     0, 0, GENERATE},
    {0, "fixed-range", NULL, "do not stretch the pictures to their least and largest value", FLAG,
     offsetof(struct options, fixed_range), 0, 0, GENERATE},
    {'t', "threads", "N", "threads (default: one per physical core)", WHOLE,
     offsetof(struct options, threads), 1, 1024,
     UPSCALE | RUN | BENCH | GENERATE | SEGMENT | COLORIZE | EXPLAIN},
    {0, "gemm", "auto|openblas|native|reference", "kernels (default auto; reference: slow, for checking)",
     TEXT, offsetof(struct options, gemm), 0, 0,
     UPSCALE | RUN | BENCH | GENERATE | SEGMENT | COLORIZE | EXPLAIN},
    {0, "isa", "auto|baseline|avx2|avx512|neon", "instruction set (default auto)", TEXT,
     offsetof(struct options, isa), 0, 0, UPSCALE | RUN | BENCH | GENERATE | SEGMENT | COLORIZE | EXPLAIN},
    {0, "memory-limit", "BYTES", "hold no more memory than this; K, M, G for powers of 1024", BYTES,
     offsetof(struct options, memory_limit), 1, INT64_MAX, ALL},
    {0, "json", NULL, "write JSON", FLAG, offsetof(struct options, json), 0, 0,
     INSPECT | VERIFY | BENCH | COMPARE | PIXELS | GENERATE | SEGMENT | COLORIZE | UPSCALE | EXPLAIN},
    {0, "masks", NULL, "compare masks of classes: IoU, Dice, pixel accuracy", FLAG,
     offsetof(struct options, masks), 0, 0, COMPARE},
    {0, "csv", NULL, "write CSV", FLAG, offsetof(struct options, csv), 0, 0, COMPARE | BENCH},
    {0, "md", NULL, "write a Markdown table", FLAG, offsetof(struct options, markdown), 0, 0, BENCH},
    {0, "op", "NAME", "kernels: this operator only, such as conv2d or max_pool", TEXT,
     offsetof(struct options, op), 0, 0, BENCH},
    {0, "shape", "SHAPE", "kernels: this layer only (of --op, default conv2d): see above", TEXT,
     offsetof(struct options, shape), 0, 0, BENCH},
    {0, "steps", NULL, "kernels: from plain loops to the fastest, step by step", FLAG,
     offsetof(struct options, steps), 0, 0, BENCH},
    {0, "baseline", "FILE.json", "compare with an earlier --json report of the same kind", TEXT,
     offsetof(struct options, baseline), 0, 0, BENCH},
    {0, "trace", "FILE.json", "model, layers: write what each thread did when, in one more run", TEXT,
     offsetof(struct options, trace), 0, 0, BENCH},
    {0, "view", "mask|color|overlay|side|cutout", "what to paint (default color)", TEXT,
     offsetof(struct options, view), 0, 0, SEGMENT},
    {0, "resize", "N", "deeplabv3: compute with a shorter side of N pixels (default: the picture's own)",
     WHOLE, offsetof(struct options, resize), 1, 1 << 14, SEGMENT},
    {0, "scale", "S", "unet: compute at S times the picture's size (default 0.5)", NUMBER,
     offsetof(struct options, scale), 0, 100, SEGMENT},
    {0, "threshold", "P", "one class: probability above which a pixel is of it (default 0.5)", NUMBER,
     offsetof(struct options, threshold), 0, 1, SEGMENT},
    {0, "truth", "MASK", "print IoU, Dice and accuracy against this mask; a folder holds NAME.png for each",
     TEXT, offsetof(struct options, truth), 0, 0, SEGMENT},
    {0, "probabilities", "FILE", "write the probability of each class too, as .npy", TEXT,
     offsetof(struct options, probabilities), 0, 0, SEGMENT},
    {0, "hints", "FILE", "siggraph17: colours at places, lines of x y #rrggbb [radius], or JSON", TEXT,
     offsetof(struct options, hints), 0, 0, COLORIZE},
    {0, "saturation", "S", "multiply a and b by this, 0 to 10 (default 1)", RANGE,
     offsetof(struct options, saturation), 0, 10, COLORIZE},
    {0, "temperature", "T", "warmer (positive) or cooler: T added to b, T/3 to a; -100 to 100 (default 0)",
     RANGE, offsetof(struct options, temperature), -100, 100, COLORIZE},
    {0, "samples", "N", "vae: N variants on a sheet, from the seeds S, S + 1, ... (one: no sheet)", WHOLE,
     offsetof(struct options, samples), 1, 256, COLORIZE},
    {0, "compare", NULL, "a sheet of input, grey, and what each network of -m A,B,... makes of it", FLAG,
     offsetof(struct options, compare), 0, 0, COLORIZE},
    {0, "encode", NULL, "vae: the colours as it recalls them from the picture's own", FLAG,
     offsetof(struct options, encode), 0, 0, COLORIZE},
    {0, "svg", "FILE", "draw the arena over the steps, as an SVG picture (-: on standard output alone)", TEXT,
     offsetof(struct options, svg), 0, 0, EXPLAIN},
    {'q', "quiet", NULL, "no notes and no progress on stderr", FLAG, offsetof(struct options, quiet), 0, 0,
     ALL},
    {'h', "help", NULL, "this text", FLAG, offsetof(struct options, help), 0, 0, ALL},
};

enum { OPTIONS = sizeof table / sizeof *table };

/* What getopt_long knows an option by, and tells when it meets it: the letter, or the place in the table. */
static int value_of(const struct option_entry *entry)
{
    return entry->letter ? entry->letter : 256 + (int)(entry - table);
}

static bool belongs(const struct option_entry *entry, const struct command *command)
{
    return (entry->commands & command->bit) != 0;
}

const struct option_entry *options_next(const struct command *command, const struct option_entry *before)
{
    const struct option_entry *entry = before ? before + 1 : table;
    while (entry < table + OPTIONS && !belongs(entry, command))
        entry++;
    return entry < table + OPTIONS ? entry : NULL;
}

static limn_status bad_value(const struct option_entry *entry, const char *text, limn_error *error)
{
    switch (entry->kind) {
    case SIZE:
        return fail(error, LIMN_E_USAGE, "--%s %s: %s expected, for instance %s, each from %lld to %lld",
                    entry->name, text, entry->argument, strcmp(entry->name, "grid") == 0 ? "4x4" : "480x640",
                    (long long)entry->least, (long long)entry->most);
    case SECONDS:
        return fail(error, LIMN_E_USAGE, "--%s %s: a number of seconds expected", entry->name, text);
    case NUMBER:
        return fail(error, LIMN_E_USAGE, "--%s %s: a number above 0, at most %lld, expected", entry->name,
                    text, (long long)entry->most);
    case RANGE:
        return fail(error, LIMN_E_USAGE, "--%s %s: a number from %lld to %lld expected", entry->name, text,
                    (long long)entry->least, (long long)entry->most);
    case BYTES:
        return fail(error, LIMN_E_USAGE, "--%s %s: a number of bytes expected, K, M or G may follow",
                    entry->name, text);
    default:
        return fail(error, LIMN_E_USAGE, "--%s %s: a whole number from %lld to %lld expected", entry->name,
                    text, (long long)entry->least, (long long)entry->most);
    }
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

static limn_status store(const struct option_entry *entry, const char *text, struct options *options,
                         limn_error *error)
{
    void *place = (char *)options + entry->offset;
    int64_t *pair = place;
    struct texts *texts = place;
    char *end;
    bool good = true;
    switch (entry->kind) {
    case FLAG:
        *(bool *)place = true;
        break;
    case TEXT:
        if (*(const char **)place) /* rather than drop the first without a word */
            return fail(error, LIMN_E_USAGE, "--%s is given twice", entry->name);
        if (!*text && (is_path(entry->argument) || is_folder(entry->argument))) /* from a script's variable */
            return fail(error, LIMN_E_USAGE, "--%s: the value is empty", entry->name);
        *(const char **)place = text;
        break;
    case TEXTS:
        if (texts->count == TEXTS_MOST)
            return fail(error, LIMN_E_USAGE, "--%s is given more than %d times", entry->name,
                        (int)TEXTS_MOST);
        texts->items[texts->count++] = text;
        break;
    case WHOLE:
        good = parse_whole(entry, text, &end, place) && !*end;
        break;
    case NUMBER:
    case SECONDS:
        *(double *)place = strtod(text, &end);
        good = end != text && !*end && *(double *)place > 0 && *(double *)place <= (double)entry->most;
        break;
    case RANGE: /* a NaN is in none */
        *(double *)place = strtod(text, &end);
        good = end != text && !*end && *(double *)place >= (double)entry->least &&
               *(double *)place <= (double)entry->most;
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

/* The command's option that is nearest to --WORD or --WORD=VALUE, as suggestion_text says it. */
static const char *near_option(const struct command *command, const char *word, char text[SUGGESTION_TEXT])
{
    char name[WORD_LETTERS];
    size_t length = strcspn(word + 2, "=");
    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : 0), word + 2);
    struct suggestion suggestion = {.typed = name};
    for (const struct option_entry *entry = NULL; (entry = options_next(command, entry));)
        suggestion_offer(&suggestion, entry->name);
    return suggestion_text(&suggestion, "--", text);
}

/* What getopt_long stumbled over; `word` is the last one it looked at. It names letters and the options that
 * were given a value they do not take, in optopt. */
static limn_status bad_option(const struct command *command, const char *word, limn_error *error)
{
    char letter[3] = {'-', (char)optopt}, near[SUGGESTION_TEXT] = "";
    for (const struct option_entry *entry = NULL; (entry = options_next(command, entry));)
        if (value_of(entry) == optopt)
            return fail(error, LIMN_E_USAGE, "%s: this option takes no value", word);
    return fail(error, LIMN_E_USAGE, "%s: not an option of limn %s%s (limn %s --help lists them)",
                optopt ? letter : word, command->name, optopt ? near : near_option(command, word, near),
                command->name);
}

/* -output is --output for many, and for getopt -o with the value "utput". */
static limn_status check_dashes(const struct command *command, int count, char **words, limn_error *error)
{
    for (int i = 0; i < count && strcmp(words[i], "--") != 0; i++) {
        size_t length = words[i][0] == '-' ? strcspn(words[i] + 1, "=") : 0;
        for (const struct option_entry *entry = NULL; length && (entry = options_next(command, entry));)
            if (strlen(entry->name) == length && strncmp(entry->name, words[i] + 1, length) == 0)
                return fail(error, LIMN_E_USAGE, "%s: did you mean --%s? (limn %s --help lists the options)",
                            words[i], entry->name, command->name);
    }
    return LIMN_OK;
}

limn_status options_parse(const struct command *command, int argc, char **argv, struct options *options,
                          limn_error *error)
{
    struct option list[OPTIONS + 1] = {0};
    char letters[2 * OPTIONS + 2] = ":"; /* a missing argument is reported as ':' */
    size_t used = 1, count = 0;
    limn_status status = check_dashes(command, argc - 1, argv + 1, error);
    if (status != LIMN_OK)
        return status;
    *options = (struct options){.quality = 92, .tile = -1, .batch = 1, .saturation = 1};
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
            return fail(error, LIMN_E_USAGE, "%s: a value is missing", argv[optind - 1]);
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
    return LIMN_OK;
}

void options_help(const struct command *command)
{
    printf("  %s\n\nlimn %s: %s\nusage: limn %s %s\n\n%s\n\noptions:\n", command->example, command->name,
           command->summary, command->name, command->synopsis, command->details);
    for (const struct option_entry *entry = NULL; (entry = options_next(command, entry));) {
        char left[64], letter[5] = "    ";
        if (entry->letter)
            snprintf(letter, sizeof letter, "-%c, ", entry->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, entry->name, entry->argument ? " " : "",
                 entry->argument ? entry->argument : "");
        printf("  %-26s%s %s\n", left, strlen(left) > 26 ? "\n                            " : "",
               entry->help);
    }
}

/* ---- arguments --------------------------------------------------------------------------- */

bool is_choice(const char *argument, size_t length)
{
    bool several = false;
    for (size_t i = 0; i < length; i++) {
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-|", argument[i]))
            return false;
        several |= argument[i] == '|';
    }
    return several;
}

bool is_path(const char *argument)
{
    return strstr(argument, "FILE") || strstr(argument, "PATH") || strstr(argument, "MASK");
}

bool is_folder(const char *argument)
{
    return strcmp(argument, "FOLDER") == 0;
}

bool is_weights(const char *argument)
{
    return strcmp(argument, "NAME|FILE") == 0;
}

size_t command_choice(const struct command *command)
{
    size_t length = strcspn(command->synopsis, " ");
    return is_choice(command->synopsis, length) ? length : 0;
}
