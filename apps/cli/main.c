/* main.c - the limn program: finds the command, runs it, turns its status into an exit code. */
#include "apps/cli/app.h"
#include "apps/cli/manual.h"
#include "apps/cli/progress.h"
#include "apps/cli/remedy.h"
#include "apps/cli/suggest.h"
#include "engine/base/files.h"
#include "engine/base/machine_memory.h"
#include "engine/run/weights_path.h"
#include "layers/gemm.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

const struct command commands[] = {
    {SEGMENT, "segment", "find what is where in pictures", "[options] INPUT... -o OUTPUT",
     "limn segment -m deeplabv3-scenes landscape.png -o classes.png --view side",
     "Gives every pixel a class. Two weights come with limn: deeplabv3-scenes (13 classes of drawn landscapes)\n"
     "and unet-cells (cells under a microscope). The published ones are deeplabv3, the default (21 classes of\n"
     "everyday things), and unet (cars); tools/fetch.py, of limn's sources, gets them.\n"
     "\n"
     "INPUT is a picture (PNG, JPEG, BMP, PNM), a folder of pictures, or - for standard input. OUTPUT is a\n"
     "picture file, or a folder when there are several inputs, whose files are PNG.\n"
     "\n"
     "Views:  color    each class in its colour of the VOC palette\n"
     "        mask     each class as its number, a grey level, or as the network's own mask values;\n"
     "                 two classes of a unet are black and white\n"
     "        overlay  the picture, the colours half-transparent over it; class 0 is left as it is\n"
     "        side     picture, colours, and a legend with the share of each class\n"
     "        cutout   the picture without class 0, which becomes transparent (PNG)\n"
     "\n"
     "--json prints which file was made of which picture, or why none was, the seconds that it took, the\n"
     "classes found and their shares of the picture, from 0 to 1, and the figures of --truth. A truth is a\n"
     "mask as limn compare --masks takes it. Probabilities are 1 x classes x H x W float32 at the size that\n"
     "the network computed with.",
     segment_run},
    {COLORIZE, "colorize", "give pictures colours", "-m NAME|FILE [options] INPUT... -o OUTPUT",
     "limn colorize -m siggraph17-scenes old.jpg -o new.png",
     "By one of three networks, whose weights come with limn: eccv16-scenes, siggraph17-scenes, which takes\n"
     "hints, and vae-scenes, which knows several answers. The published ones are eccv16 and siggraph17;\n"
     "tools/fetch.py, of limn's sources, gets them.\n"
     "\n"
     "INPUT is a picture, grey or not (its own colours do not count), a folder of pictures, or - for standard\n"
     "input. OUTPUT is a picture file, or a folder when there are several inputs. Lightness stays the picture's\n"
     "own, at its full size; the network, at 256 x 256 pixels (vae: 64 x 64), says the colours.\n"
     "\n"
     "Hints are places in the picture, as it stands upright, and their colours: a line each, as in\n"
     "120 45 #c83232 4, or a JSON list of {\"x\", \"y\", \"color\" or \"a\" and \"b\", \"radius\"}.\n"
     "A radius of 2, the default, is a square of 5 x 5 pixels. The later hint wins.\n"
     "\n"
     "With --encode the picture's own colours do count: a vae's colour encoder makes the latent vector of them,\n"
     "and the vae paints from that. Its file must hold the encoder, which tools/convert.py keeps.\n"
     "\n"
     "--json prints which file was made of which picture, or why none was, and the seconds that it took.",
     colorize_run},
    {UPSCALE, "upscale", "enlarge pictures four times", "[options] INPUT... -o OUTPUT",
     "limn upscale photo.jpg -o large.png",
     "By enhancenet, whose weights come with limn; -m enhancenet-pat, which paints more texture, is a published\n"
     "one that tools/fetch.py, of limn's sources, gets.\n"
     "\n"
     "INPUT is a picture (PNG, JPEG, BMP, PNM), a folder of pictures, or - for standard input. OUTPUT is a\n"
     "picture file, or a folder when there are several inputs. Large pictures are computed in bands of\n"
     "rows; their height changes memory and time, never the result.\n"
     "\n"
     "--json prints which file was made of which picture, or why none was, and the seconds that it took.",
     upscale_run},
    {GENERATE, "generate", "make pictures of noise", "[options] -o OUTPUT",
     "limn generate -m dcgan-landscapes -n 64 --seed 7 -o sheet.png",
     "By a dcgan. Two weights come with limn: dcgan-landscapes, the default, and dcgan-digits. tools/convert.py,\n"
     "of limn's sources, makes others of a checkpoint.\n"
     "\n"
     "OUTPUT is a picture file, for a sheet of eight pictures a row, or a folder (its name ends with /, or it\n"
     "stands already), for 0000.png, 0001.png and so on. Picture i of a seed is the same however many are asked\n"
     "for. All are scaled together, so that their least value becomes 0 and their largest 255; --fixed-range\n"
     "scales from -1..1 instead. --walk goes from the first picture of one seed to that of another along the\n"
     "great circle between them. --latent takes N x size, or N x size x 1 x 1, float32 values.\n"
     "\n"
     "--json prints what the pictures were made of, how many, the files written, and the seconds that it took.",
     generate_run},
    {COMPARE, "compare", "say how alike pictures or masks are", "[options] A B",
     "limn compare result.png original.png",
     "A and B are two pictures (one may be - for standard input), or two folders, matched by the names of\n"
     "the pictures without extension. MSE, PSNR in dB (infinite for equal pictures: inf, null in JSON), SSIM\n"
     "(none for less than 7 x 7 pixels), mean CIEDE2000 Delta-E, and the colourfulness of each. Alpha does\n"
     "not count.\n"
     "\n"
     "With --masks, A is the prediction and B the truth: mean IoU, mean Dice, pixel accuracy, each class.\n"
     "Masks hold class numbers as palette indices or grey levels (black and white are 0 and 1), or the\n"
     "colours of the VOC palette; 255 in a truth is ignored. Of several pairs, \"mean\" is the mean of the\n"
     "figures, \"pooled\" the figures of all pixels together.",
     compare_run},
    {PIXELS, "pixels", "pictures as text and tables of grey levels",
     "to-text|from-text|dataset|mean|split [options] INPUT... -o OUTPUT",
     "limn pixels dataset digits/ -o data.csv",
     "to-text PICTURE [-o TEXT]     grey levels as text, a line a row; without -o on standard output\n"
     "from-text TEXT -o PICTURE     the inverse\n"
     "dataset PICTURE... [-o CSV]   a table with a line per pixel: Row, Column, a column per picture, mean\n"
     "mean PICTURE... -o PICTURE    the mean of pictures, or of those in such a table, in grey\n"
     "split SHEET --grid RxC [--size HxW] -o FOLDER\n"
     "                              cuts a sheet into its pieces, FOLDER/SHEET_1.png ... in reading order\n"
     "\n"
     "A folder stands for its pictures in natural order, 8_2 before 8_10. dataset and mean need pictures of\n"
     "one size. Grey is that of Pillow's convert(\"L\") in text, and OpenCV's BGR2GRAY in tables and means.\n"
     "Inputs may be - for standard input.\n"
     "\n"
     "--json prints what was read and written, the sizes in pixels, and the seconds that it took.",
     pixels_run},
    {RUN, "run", "run a network on a tensor", "-m WEIGHTS [options] INPUT.npy -o OUTPUT.npy",
     "limn run -m enhancenet input.npy -o output.npy --dump generator/Conv_1=maps.npy",
     "The bare graph, without any picture handling: N x C x H x W float32 in, N x C x H x W float32 out.\n"
     "\n"
     "--dump writes what one node makes, with all that was fused into it, N x C x H x W. NODE is a name that\n"
     "limn inspect or limn bench layers prints, or that of the last operation in the node, such as conv/relu.\n"
     "A value that lives only inside a node, such as that of a convolution before its ReLU, is never in memory\n"
     "and cannot be had.\n"
     "\n"
     "--dump-images writes FOLDER/NNN-NODE.png for every node, numbered as limn inspect lists them: a tile a\n"
     "channel, of the first picture of a batch. Each channel is scaled for itself, from its least value (black)\n"
     "to its largest (white), which stand below it; a channel of one value is grey, NaN magenta, infinity cyan.",
     run_run},
    {INSPECT, "inspect", "show what a weights file holds", "[options] WEIGHTS",
     "limn inspect enhancenet --size 480x640",
     "Lists metadata, tensors, and the graph with its shapes, parameters and operations at a size. WEIGHTS is\n"
     "a file, or one of the names that limn --weights lists.",
     inspect_run},
    {VERIFY, "verify", "check a weights file completely", "[options] WEIGHTS", "limn verify enhancenet",
     "Checks every rule of the file format, that the tensors make up a known network, and that all values are\n"
     "finite and all batch-norm variances positive. WEIGHTS is a file, or one of the names that limn --weights\n"
     "lists.",
     verify_run},
    {EXPLAIN, "explain", "show a network as the engine sees it", "[options] WEIGHTS",
     "limn explain unet-cells --size 512x512 --svg arena.svg",
     "Three tables at a size (default: one at which such a network is usually run). The network: each operation\n"
     "with its window (kernel, s stride, p padding, d dilation), shape, parameters, operations, and receptive\n"
     "field in pixels of the first input, and what was joined to it: \">\" says where it went, the rest is done to\n"
     "results on their way out. How it runs: kernel, and why this one (fastest; a faster one is of a family not\n"
     "asked for; given up for the budget of packed weights, or for the memory limit), packed weights, scratch,\n"
     "and where its value lies in the arena. Memory: bytes that live, step by step.\n"
     "\n"
     "Nothing is run, so sizes beyond this machine's memory can be explained too. WEIGHTS is a file, or one of\n"
     "the names that limn --weights lists.",
     explain_run},
    {BENCH, "bench", "measure networks, kernels and the machine", "model|layers|kernels|machine [options]",
     "limn bench layers -m enhancenet --size 128x128",
     "model    the whole network: minimum, median, load time, peak memory\n"
     "layers   a row a layer: kernel and why it was chosen, time, share, operations, bytes, and which of the\n"
     "         machine's two bounds, multiply-adds or memory, allows less\n"
     "kernels  every form of every operator on layers of the seven networks: time, and largest error against\n"
     "         the reference; --steps shows one convolution from plain loops to the fastest\n"
     "machine  the bounds: multiply-adds, memory bandwidth, what OpenBLAS reaches at 2048^3, and how much\n"
     "         memory limn may hold\n"
     "\n"
     "Rates count the operations that the network defines; Winograd's algorithm does fewer, and passes 100% of\n"
     "the peak. The spread is that of the middle half of the runs.\n"
     "\n"
     "--shape is the input, NxHxWxC, then what differs from the defaults, as in 1x128x128x64,oc=32,k=3,p=1:\n"
     "oc channels of the output (those of the input); k kernel (1), s stride (1), p padding (0), d dilation\n"
     "(1), each N or HxW; f factor of an enlargement (1); out=HxW of pad and bilinear; align=1 for bilinear's\n"
     "align_corners; act=relu, leaky_relu, tanh or sigmoid; add=1 for a residual that is added.\n"
     "\n"
     "--baseline marks a row slower or faster when its minimum and its median both moved that way by more\n"
     "than 5%, and the median by more than the spreads of both reports together. Where all rows move, it is\n"
     "the machine. --trace is for Perfetto and chrome://tracing: a track a thread, an event a task.",
     bench_run},
    {0},
};

static void print_help(void)
{
    printf("limn runs published image networks on the CPU.\n\n"
           "  limn upscale photo.jpg -o large.png\n\ncommands:\n");
    for (const struct command *command = commands; command->name; command++)
        printf("  %-10s %s\n", command->name, command->summary);
    printf("\n  limn COMMAND --help      the options of a command\n"
           "  limn --version           version, instruction set, OpenBLAS core, threads\n"
           "  limn --weights           the names of weights that -m finds\n"
           "  limn --manual            the manual page, for man\n"
           "  limn --completion SHELL  completion for bash, zsh or fish\n");
}

static limn_status print_version(limn_error *error)
{
    limn_engine *engine;
    limn_status status = limn_engine_create(NULL, &engine, error);
    if (status == LIMN_OK)
        printf("%s\n", limn_engine_describe(engine));
    limn_engine_free(engine);
    return status;
}

static void print_name(void *context, const char *name)
{
    (void)context;
    printf("%s\n", name);
}

static pthread_t main_thread;

/* Removes temporary files and dies of the signal, so that a shell sees what happened (exit code 130, 143,
 * 129, and 141 without a word when nobody reads the output any more, as in limn inspect FILE | head). Only on
 * the main thread, which makes the files: while it is here, it makes no more. A library's thread passes it
 * on. */
static void interrupted(int number)
{
    if (!pthread_equal(pthread_self(), main_thread)) {
        pthread_kill(main_thread, number);
        return;
    }
    outputs_remove_unfinished();
    progress_wipe();
    signal(number, SIG_DFL);
    raise(number);
}

/* A signal that the parent chose to ignore (nohup, a background job) stays ignored. A file that reaches the
 * size a user may write is an error like a full disk, no reason to die. */
static void handle_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT, SIGXCPU};
    struct sigaction action = {.sa_handler = interrupted};
    main_thread = pthread_self();
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaddset(&action.sa_mask, numbers[i]); /* one at a time, each to its end */
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction before;
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
    signal(SIGXFSZ, SIG_IGN);
}

static const struct command *find_command(const char *name)
{
    const struct command *command = commands;
    while (command->name && strcmp(command->name, name) != 0)
        command++;
    return command->name ? command : NULL;
}

static limn_status fail_unknown(const char *name, limn_error *error)
{
    struct suggestion suggestion = {.typed = name};
    char near[SUGGESTION_TEXT];
    for (const struct command *command = commands; command->name; command++)
        suggestion_offer(&suggestion, command->name);
    suggestion_offer(&suggestion, "help");
    suggestion_offer(&suggestion, "--help");
    suggestion_offer(&suggestion, "--version");
    suggestion_offer(&suggestion, "--weights");
    suggestion_offer(&suggestion, "--manual");
    suggestion_offer(&suggestion, "--completion");
    return fail(error, LIMN_E_USAGE, "unknown command %s%s (limn --help lists them)", name,
                suggestion_text(&suggestion, "", near));
}

static limn_status run_command(int argc, char **argv, limn_error *error)
{
    const struct command *command = find_command(argv[1]);
    struct options options;
    if (!command)
        return fail_unknown(argv[1], error);
    limn_status status = options_parse(command, argc - 1, argv + 1, &options, error);
    if (status != LIMN_OK)
        return status;
    if (options.help) {
        options_help(command);
        return LIMN_OK;
    }
    machine_memory_limit((size_t)options.memory_limit); /* again by those with an engine */
    return command->run(&options, error);
}

/* Not by way of exit, which would wait for OpenBLAS's threads. */
static void end_without_room(void)
{
    static const char message[] = "limn: out of memory: OpenBLAS needs more address space (ulimit -v)\n";
    (void)!write(STDERR_FILENO, message, strlen(message));
    _exit(LIMN_E_MEMORY);
}

int main(int argc, char **argv)
{
    streams_hold();
    if (!gemm_has_room())
        end_without_room();
    handle_signals();

    limn_error error = {0};
    limn_status status = LIMN_OK;
    if (argc == 3 && strcmp(argv[1], "help") == 0)
        status = run_command(3, (char *[]){argv[0], argv[2], (char[]){"--help"}, NULL}, &error);
    else if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
             strcmp(argv[1], "help") == 0)
        print_help();
    else if (strcmp(argv[1], "--version") == 0)
        status = print_version(&error);
    else if (strcmp(argv[1], "--weights") == 0)
        weights_each(print_name, NULL);
    else if (strcmp(argv[1], "--manual") == 0)
        manual_print();
    else if (argc <= 3 && strcmp(argv[1], "--completion") == 0)
        status = completion_print(argc == 3 ? argv[2] : "", &error);
    else
        status = run_command(argc, argv, &error);
    if (status == LIMN_OK && (fflush(stdout) != 0 || ferror(stdout)))
        status = fail(&error, LIMN_E_OUTPUT, "standard output: write failed");
    remedy_append(&error);
    if (error.message[0] && status != LIMN_OK)
        app_warn("%s", error.message);
    return argc < 2 ? LIMN_E_USAGE : (int)status;
}
