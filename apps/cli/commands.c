/* commands.c - the table of commands, and of the options that take the place of a command. */
#include "apps/cli/commands.h"

#include <string.h>

/* What the commands that use batch.h have in common. */
#define OUTPUTS                                                                                              \
    "\n"                                                                                                     \
    "OUTPUT is a picture file, a folder (one that exists, or a name that ends with /), or - for standard\n"  \
    "output. Several inputs need a folder. Without -o, the result of photo.jpg is a PNG file beside it:\n"   \
    "photo-segmented.png, photo-colorized.png or photo-upscaled.png; a folder and standard input need -o.\n" \
    "--skip-existing skips inputs whose output file already exists, so that the same command finishes an\n"  \
    "interrupted run.\n"                                                                                     \
    "\n"                                                                                                     \
    "PNM on standard input may hold several pictures, one after the other. Each is written as soon as it\n"  \
    "is done: to standard output as PNM, or into a folder as 0001.png, 0002.png and so on.\n"
/* The end of a sentence that says which results have it. */
#define METADATA                                                                                             \
    "metadata of a JPEG or PNG: EXIF with camera, date and GPS position,\n"                                  \
    "XMP, IPTC, comments, resolution, an ICC profile for RGB. Size and orientation in it are corrected,\n"   \
    "thumbnails removed. limn adds a text, Software in a PNG, a comment in a JPEG, with its version, the\n"  \
    "options that change the picture, and the weights with their hash. --strip leaves out all of this.\n"    \
    "\n"

const struct command commands[] = {
    {SEGMENT, "segment", "segment pictures into classes", "[options] INPUT... [-o OUTPUT]",
     "limn segment microscope.png -o nuclei.png --view overlay",
     "Assigns a class to every pixel. Without -m, limn uses the published weights deeplabv3 (21 classes of\n"
     "everyday things) if they are there: limn-fetch deeplabv3 downloads them. Otherwise it uses unet-nuclei\n"
     "(cell nuclei under a microscope), which it includes, with a note that says so. Others: unet (cars),\n"
     "downloaded by limn-fetch unet; deeplabv3-scenes (13 classes of drawn landscapes), included.\n"
     "\n"
     "INPUT is a picture (PNG, JPEG, BMP, PNM), a folder of pictures, or - for standard input.\n" OUTPUTS
     "The files in a folder are PNG.\n"
     "\n"
     "Views:  color    each class in its colour of the VOC palette\n"
     "        mask     grey levels: the number of the class, or the network's own mask values;\n"
     "                 black and white for a unet of two classes\n"
     "        overlay  the picture under half-transparent colours; class 0 is left unchanged\n"
     "        side     picture, colours, and a legend with the share of each class\n"
     "        cutout   the picture with class 0 made transparent (PNG only)\n"
     "\n"
     "deeplabv3 computes at the size that its weights were made for. With published weights (21 classes),\n"
     "the picture is shrunk or enlarged to a shorter side of 520 pixels, as torchvision does; with others,\n"
     "to the number in their metadata limn.resize, or not at all. --resize N overrides this. --resize 0,\n"
     "the picture's own size, is slow for photographs. unet computes at --scale, or else at the scale\n"
     "in the metadata limn.scale of its weights, or else at half the picture's size. Before a run that takes\n"
     "more than about 20 seconds or 2 GB, a note says so.\n"
     "\n"
     "Overlay and cutout keep the " METADATA
     "--json prints for each picture the output file or the error, the seconds taken, the classes found\n"
     "with their shares of the picture (0 to 1), and the scores against --truth. --truth takes the same\n"
     "masks as limn compare --masks; --binary counts all labels above 0 as one class, for a network of\n"
     "two classes. --probabilities writes 1 x classes x H x W float32 at the size that the network\n"
     "computed at.",
     segment_run},
    {COLORIZE, "colorize", "colorize pictures", "[options] INPUT... [-o OUTPUT]",
     "limn colorize old.jpg -o new.png",
     "Without -m, limn uses the published weights siggraph17 if they are there: limn-fetch siggraph17\n"
     "downloads them. Otherwise it uses siggraph17-photos, which it includes. Both take colour hints. Others:\n"
     "eccv16, downloaded by limn-fetch eccv16; eccv16-scenes, siggraph17-scenes and vae-scenes, included, for\n"
     "drawn landscapes only. A vae gives several variants.\n"
     "\n"
     "INPUT is a grey or colour picture (its colours are ignored), a folder of pictures, or - for standard\n"
     "input.\n" OUTPUTS "\n"
     "The lightness is the picture's own, at full size; the network predicts the colours at 256 x 256\n"
     "pixels (vae: 64 x 64). In a large photograph one of these pixels is wide: --network-size 512 gives\n"
     "smaller things colours of their own, in four times the time and memory.\n"
     "\n"
     "Hints are positions in the upright picture with their colours: one per line as x, y, colour and\n"
     "radius, such as 120 45 #c83232 4, or a JSON list of {\"x\", \"y\", \"color\" or \"a\" and \"b\",\n"
     "\"radius\"}. A radius of 2, the default, is a square of 5 x 5 pixels of the picture; the network sees\n"
     "at least one of its own pixels covered. Where hints overlap, the last one wins. With weights trained\n"
     "for it, or --spread on, the colours spread from the hints up to the edges of things; the network sees\n"
     "them and colours the rest.\n"
     "\n"
     "--encode uses the colours of the picture: the vae's colour encoder computes the latent vector from\n"
     "them. The weights file must include the encoder; limn-convert keeps it.\n"
     "\n"
     "All results but sheets keep the " METADATA
     "--json prints for each picture the output file or the error, and the seconds taken.",
     colorize_run},
    {UPSCALE, "upscale", "enlarge pictures two to four times", "[options] INPUT... [-o OUTPUT]",
     "limn upscale photo.jpg -o large.png",
     "Without -m, limn uses enhancenet, which it includes. -m enhancenet-pat gives more texture; these\n"
     "published weights are downloaded by limn-fetch enhancenet-pat.\n"
     "\n"
     "INPUT is a picture (PNG, JPEG, BMP, PNM), a folder of pictures, or - for standard input.\n" OUTPUTS "\n"
     "Large pictures are computed in bands of rows; the height of a band affects memory and time, never the\n"
     "result. The network enlarges four times. With --scale 2 or 3, its result is reduced to that size,\n"
     "bicubic and antialiased as by Pillow; it takes the same time.\n"
     "Before a run that takes more than about 20 seconds or 2 GB, a note says so.\n"
     "\n"
     "The frames of a video:\n"
     "  ffmpeg -i small.mp4 -f image2pipe -c:v ppm - | limn upscale - -o - |\n"
     "      ffmpeg -f image2pipe -c:v ppm -framerate 25 -i - -pix_fmt yuv420p large.mp4\n"
     "\n"
     "The result keeps the " METADATA
     "--json prints for each picture the output file or the error, and the seconds taken.",
     upscale_run},
    {GENERATE, "generate", "generate pictures from noise", "[options] -o OUTPUT",
     "limn generate -m dcgan-landscapes -n 64 --seed 7 -o sheet.png",
     "Uses a dcgan. limn includes dcgan-landscapes, the default, which draws landscapes of 64 x 64 pixels,\n"
     "and dcgan-digits, which draws digits. limn-convert converts others from a checkpoint.\n"
     "\n"
     "OUTPUT is a picture file, for a sheet with eight pictures per row, or a folder (one that exists, or a\n"
     "name that ends with /), for 0000.png, 0001.png and so on. Picture i of a seed does not depend on the\n"
     "count. All pictures are scaled together so that their smallest value becomes 0 and their largest 255;\n"
     "--fixed-range scales from -1..1 instead. --walk interpolates from the first picture of one seed to\n"
     "the first of another, along the great circle between their latent vectors. --latent takes N x size,\n"
     "or N x size x 1 x 1, float32 values.\n"
     "\n"
     "--json prints the seed, walk or latent file, the number of pictures, the files written, and the\n"
     "seconds taken.",
     generate_run},
    {COMPARE, "compare", "compare pictures or masks", "[options] A B", "limn compare result.png original.png",
     "A and B are two pictures (one may be - for standard input), or two folders, whose pictures are\n"
     "matched by name without extension. Prints MSE, PSNR in dB (infinite for equal pictures: inf, null in\n"
     "JSON), SSIM (needs at least 7 x 7 pixels), mean CIEDE2000 Delta-E, and the colourfulness of each.\n"
     "Alpha is ignored.\n"
     "\n"
     "With --masks, A is the prediction and B the truth. Prints mean IoU, mean Dice, pixel accuracy, and\n"
     "the figures of each class. Masks hold class numbers as palette indices or grey levels of 8 or 16\n"
     "bits (black and white are 0 and 1), or the colours of the VOC palette; pixels that are 255 in the\n"
     "truth are ignored. --binary counts all labels above 0, also 255 and numbers of instances, as one\n"
     "class.\n"
     "\n"
     "For several pairs, \"mean\" is the mean over the pairs, \"pooled\" the figures of all pixels\n"
     "together.",
     compare_run},
    {PIXELS, "pixels", "convert pictures to text and tables, average and split them",
     "to-text|from-text|dataset|mean|split [options] INPUT... -o OUTPUT",
     "limn pixels dataset digits/ -o data.csv",
     "to-text PICTURE [-o TEXT]     write grey levels as text, one row per line; default: standard output\n"
     "from-text TEXT -o PICTURE     convert such text to a picture\n"
     "dataset PICTURE... [-o CSV]   write a table with a line per pixel: Row, Column, each picture, mean\n"
     "mean PICTURE... -o PICTURE    write the grey mean of pictures, or of the pictures in such a table\n"
     "split SHEET --grid RxC [--size HxW] -o FOLDER\n"
     "                              cut a sheet into pieces, FOLDER/SHEET_1.png ... in reading order\n"
     "\n"
     "A folder means all pictures in it, in natural order: 8_2 before 8_10. dataset and mean need pictures\n"
     "of equal size. Grey is computed as Pillow's convert(\"L\") does for text, and as OpenCV's BGR2GRAY\n"
     "does for tables and means. An input can be - for standard input.\n"
     "\n"
     "--json prints the inputs and outputs, their sizes in pixels, and the seconds taken.",
     pixels_run},
    {RUN, "run", "run a network on a tensor or a picture", "-m NAME|FILE [options] INPUT -o OUTPUT.npy",
     "limn run -m enhancenet input.npy -o output.npy --dump generator/Conv_1=maps.npy",
     "Runs the graph alone and writes what it makes, N x C x H x W float32. INPUT is a .npy file, N x C x H\n"
     "x W float32, which goes in as it is; or a picture (PNG, JPEG, BMP, PNM), which goes in as the command\n"
     "for this network prepares it: deeplabv3 normalised and at the size that limn segment chooses, unet\n"
     "divided by 255 at half its size, eccv16 and siggraph17 as lightness at 256 x 256 (siggraph17 without\n"
     "hints), vae as grey at 64 x 64, enhancenet divided by 255 at its own size. dcgan takes no picture.\n"
     "\n"
     "--dump writes the output of one node, N x C x H x W, with all operations fused into it. NODE is a\n"
     "name that limn inspect prints, or the name of the node's last operation, such as conv/relu. A value\n"
     "inside a node, such as that of a convolution before its ReLU, is never stored in memory and cannot\n"
     "be written.\n"
     "\n"
     "--dump-images writes FOLDER/NNN-NODE.png for every node, numbered as in limn inspect: a tile per\n"
     "channel, of the first picture of a batch. Each channel is scaled from its own smallest value (black)\n"
     "to its own largest (white), which are printed below it; a constant channel is grey, NaN magenta,\n"
     "infinity cyan.",
     run_run},
    {INSPECT, "inspect", "list the contents of a weights file", "[options] WEIGHTS",
     "limn inspect enhancenet --size 480x640",
     "Lists metadata, tensors, and the graph with its shapes, parameters and operations at a given size.\n"
     "WEIGHTS is a file, or a name that limn --weights lists.",
     inspect_run},
    {VERIFY, "verify", "check a weights file for errors", "[options] WEIGHTS", "limn verify enhancenet",
     "Checks every rule of the file format, that the tensors form a known network, that all values are\n"
     "finite, and that all batch-norm variances are positive. WEIGHTS is a file, or a name that limn\n"
     "--weights lists.",
     verify_run},
    {EXPLAIN, "explain", "show how a network is run", "[options] WEIGHTS",
     "limn explain unet-cells --size 512x512 --svg arena.svg",
     "Prints three tables for an input size (default: the network's usual size). The network: operations\n"
     "with window (kernel, s stride, p padding, d dilation), shape, parameters, operations, receptive field\n"
     "in pixels of the first input, and what is fused into each: \">\" names the part that an operation is\n"
     "merged into; all others are applied to the results before they are stored. How it runs: kernel and\n"
     "the reason for it (fastest; or a faster one was excluded by --kernels, by the budget for packed\n"
     "weights, or by the memory limit), packed weights, scratch, and place in the arena. Memory: bytes in\n"
     "use at each step.\n"
     "\n"
     "Nothing is run, so sizes that exceed this machine's memory can be explained too. WEIGHTS is a file,\n"
     "or a name that limn --weights lists.",
     explain_run},
    {BENCH, "bench", "measure networks, kernels and the machine", "model|layers|kernels|machine [options]",
     "limn bench layers -m enhancenet --size 128x128",
     "model    the whole network: minimum and median time, load time, peak memory\n"
     "layers   a row per layer: kernel, with what excluded a faster one, time, share, and the rate in\n"
     "         percent of what bounds it, compute (multiply-adds) or memory (bandwidth)\n"
     "kernels  every variant of every operator on layers of the seven networks: time, and largest error\n"
     "         against the reference; --steps shows one convolution from plain loops to the fastest variant\n"
     "machine  the machine's limits: multiply-adds, memory bandwidth, OpenBLAS at 2048^3, and the memory\n"
     "         that limn may use\n"
     "\n"
     "Rates count the operations that the network defines; Winograd's algorithm needs fewer and can exceed\n"
     "100% of the peak. The spread is the interquartile range of the runs. --json, --csv and --md have more\n"
     "columns than text, and names in full.\n"
     "\n"
     "--shape is the input, NxHxWxC, then the settings that differ from the defaults, such as\n"
     "1x128x128x64,oc=32,k=3,p=1: oc output channels (as many as the input); k kernel (1), s stride (1), p\n"
     "padding (0), d dilation (1), each N or HxW; f enlargement factor (1); out=HxW for pad and bilinear;\n"
     "align=1 for bilinear's align_corners; act=relu, leaky_relu, tanh or sigmoid; add=1 to add a residual.\n"
     "\n"
     "--baseline marks a row slower or faster when its minimum and its median both changed in that\n"
     "direction by more than 5%, and the median by more than the spreads of both reports together. If all\n"
     "rows changed, the cause is the machine. --trace writes a file for Perfetto and chrome://tracing: a\n"
     "track per thread, an event per task.",
     bench_run},
    {0},
};

const struct general_option general_options[] = {
    {"--version", NULL, "print version, instruction set, OpenBLAS core and threads"},
    {"--weights", NULL, "list the weights that -m finds by name, and what each is for"},
    {"--manual", NULL, "print the manual page (limn --manual | man -l -)"},
    {"--completion", "SHELL", "print completions for bash, zsh or fish"},
    {"--help", NULL, "list the commands"},
    {0},
};

const struct command *command_find(const char *name)
{
    const struct command *command = commands;
    while (command->name && strcmp(command->name, name) != 0)
        command++;
    return command->name ? command : NULL;
}
