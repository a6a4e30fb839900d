/* file_kinds.c - see file_kinds.h. Signatures: the formats' specifications, and file(1)'s magic(5). */
#include "engine/base/file_kinds.h"
#include "weights/safetensors.h"

#include <string.h>

static const char unpack[] = "unpack it first", download[] = "download the file itself",
                  origin[] = "use the PyTorch or TensorFlow checkpoint that it was made from",
                  frames[] = "extract its frames as PNG or PNM",
                  rewritten[] = "PowerShell's > writes text like this instead of a program's bytes";

#define OTHER_PICTURE(format)                                                                                \
    {                                                                                                        \
        format, FILE_OTHER_PICTURE, NULL                                                                     \
    }

/* In a pattern '?' stands for any byte. The first row that matches is used. */
static const struct signature {
    int at, size;
    const char *pattern;
    struct file_kind kind;
} signatures[] = {
    /* pictures */
    {8, 8, "\0\0\0\4CgBI", OTHER_PICTURE("Apple's CgBI variant of PNG, made for iOS apps")},
    {0, 8, "\x89PNG\r\n\x1a\n", {"PNG", FILE_PICTURE, NULL}},
    {0, 4, "\xff\xd8\xff\xf7", OTHER_PICTURE("JPEG-LS")},
    {0, 3, "\xff\xd8\xff", {"JPEG", FILE_PICTURE, NULL}},
    {0, 18, "BM?????????????\0\0\0", {"BMP", FILE_PICTURE, NULL}}, /* with the header's size */
    {0, 12, "RIFF????WEBP", OTHER_PICTURE("WebP")},
    {0, 12, "????ftypavif", OTHER_PICTURE("AVIF")},
    {0, 12, "????ftypavis", OTHER_PICTURE("AVIF")},
    {0, 11, "????ftyphei", OTHER_PICTURE("HEIC")},
    {0, 11, "????ftyphev", OTHER_PICTURE("HEIC")},
    {0, 12, "????ftypmif1", OTHER_PICTURE("HEIF")},
    {0, 12, "????ftypmsf1", OTHER_PICTURE("HEIF")},
    {0, 12, "????ftypcrx ", OTHER_PICTURE("a camera's raw format")},
    {0, 4, "II*\0", OTHER_PICTURE("TIFF (or a camera's raw format)")},
    {0, 4, "MM\0*", OTHER_PICTURE("TIFF (or a camera's raw format)")},
    {0, 4, "II+\0", OTHER_PICTURE("BigTIFF")},
    {0, 4, "MM\0+", OTHER_PICTURE("BigTIFF")},
    {0, 4, "IIRO", OTHER_PICTURE("a camera's raw format")},
    {0, 4, "IIU\0", OTHER_PICTURE("a camera's raw format")},
    {0, 15, "FUJIFILMCCD-RAW", OTHER_PICTURE("a camera's raw format")},
    {0, 4, "GIF8", OTHER_PICTURE("GIF")},
    {0, 2, "\xff\x0a", OTHER_PICTURE("JPEG XL")},
    {0, 8, "\0\0\0\x0cJXL ", OTHER_PICTURE("JPEG XL")},
    {0, 8, "\0\0\0\x0cjP  ", OTHER_PICTURE("JPEG 2000")},
    {0, 4, "\xff\x4f\xff\x51", OTHER_PICTURE("JPEG 2000")},
    {0, 4, "8BPS", OTHER_PICTURE("Photoshop (PSD)")},
    {0, 8, "gimp xcf", OTHER_PICTURE("GIMP (XCF)")},
    {0, 4, "\x76\x2f\x31\x01", OTHER_PICTURE("OpenEXR")},
    {0, 3, "#?R", OTHER_PICTURE("Radiance HDR")},
    {0, 4, "DDS ", OTHER_PICTURE("DDS")},
    {0, 4, "qoif", OTHER_PICTURE("QOI")},
    {0, 4, "\0\0\1\0", OTHER_PICTURE("Windows icon")},
    {0, 4, "icns", OTHER_PICTURE("Apple icon")},
    {0, 4, "\0\0\2\0", OTHER_PICTURE("Windows cursor")},
    {0, 4, "\x0a\5\1\1", OTHER_PICTURE("PCX")},
    {0, 4, "\x0a\5\1\x08", OTHER_PICTURE("PCX")},
    {0, 4, "\1\xda\0\1", OTHER_PICTURE("SGI")},
    {0, 4, "\1\xda\1\1", OTHER_PICTURE("SGI")},
    {0, 4, "\x59\xa6\x6a\x95", OTHER_PICTURE("Sun raster")},
    {0, 9, "/* XPM */", OTHER_PICTURE("XPM")},
    {0, 4, "\x8aMNG", OTHER_PICTURE("MNG")},
    {0, 4, "\x8bJNG", OTHER_PICTURE("JNG")},
    {0, 6, "P0CMYK", OTHER_PICTURE("PNM with CMYK")},
    {0, 9, "SIMPLE  =", OTHER_PICTURE("FITS")},
    {128, 4, "DICM", OTHER_PICTURE("DICOM")},
    {0, 8, "AT&TFORM", OTHER_PICTURE("DjVu")},
    /* documents and videos */
    {0, 5, "%PDF-", {"a PDF document", FILE_OTHER, "export its pages or pictures as PNG"}},
    {0, 4, "%!PS", {"a PostScript document", FILE_OTHER, "export its pages as PNG"}},
    {0, 8, "????ftyp", {"a video (MP4 or similar)", FILE_OTHER, frames}},
    {0, 8, "????moov", {"a video (QuickTime)", FILE_OTHER, frames}},
    {0, 12, "RIFF????AVI ", {"a video (AVI)", FILE_OTHER, frames}},
    {0, 4, "\x1a\x45\xdf\xa3", {"a video (Matroska or WebM)", FILE_OTHER, frames}},
    /* weights */
    {0,
     10,
     "\x80?\x8a\x0al\xfc\x9c\x46\xf9 ",
     {"a PyTorch checkpoint (legacy format)", FILE_CHECKPOINT, NULL}},
    {0,
     19,
     "\x80?\x95????????\x8a\x0al\xfc\x9c\x46\xf9 ",
     {"a PyTorch checkpoint (legacy format)", FILE_CHECKPOINT, NULL}},
    {0, 2, "\x80\2", {"a Python pickle, perhaps a PyTorch checkpoint", FILE_CHECKPOINT, NULL}},
    {0, 2, "\x80\3", {"a Python pickle, perhaps a PyTorch checkpoint", FILE_CHECKPOINT, NULL}},
    {0, 2, "\x80\4", {"a Python pickle, perhaps a PyTorch checkpoint", FILE_CHECKPOINT, NULL}},
    {0, 2, "\x80\5", {"a Python pickle, perhaps a PyTorch checkpoint", FILE_CHECKPOINT, NULL}},
    {0, 8, "\x89HDF\r\n\x1a\n", {"an HDF5 file, perhaps a Keras model", FILE_OTHER, origin}},
    {0, 4, "GGUF", {"a GGUF file", FILE_OTHER, origin}},
    {0, 6, "\x93NUMPY", {"a NumPy array (npy)", FILE_OTHER, origin}},
    {0, 8, "????TFL3", {"a TensorFlow Lite model", FILE_OTHER, origin}},
    /* archives */
    {0, 4, "PK\5\6", {"an empty zip archive", FILE_OTHER, NULL}},
    {0, 2, "\x1f\x8b", {"compressed (gzip)", FILE_OTHER, unpack}},
    {0,
     6,
     "\xfd"
     "7zXZ\0",
     {"compressed (xz)", FILE_OTHER, unpack}},
    {0, 4, "\x28\xb5\x2f\xfd", {"compressed (Zstandard)", FILE_OTHER, unpack}},
    {0, 10, "BZh?1AY&SY", {"compressed (bzip2)", FILE_OTHER, unpack}},
    {0, 6, "7z\xbc\xaf\x27\x1c", {"a 7-Zip archive", FILE_OTHER, unpack}},
    {0, 7, "Rar!\x1a\x07", {"a RAR archive", FILE_OTHER, unpack}}, /* then 0 or 1 */
    {257, 5, "ustar", {"a tar archive", FILE_CHECKPOINT, unpack}},
    /* text */
    {0, 23, "version https://git-lfs", {"a Git LFS pointer", FILE_OTHER, "git lfs pull fetches the file"}},
    {0,
     22,
     "model_checkpoint_path:",
     {"TensorFlow's list of checkpoints", FILE_OTHER, "convert the file that it names"}},
    {0, 2, "\xff\xfe", {"UTF-16 text", FILE_OTHER, rewritten}},
    {0, 2, "\xfe\xff", {"UTF-16 text", FILE_OTHER, rewritten}},
};

static bool matches(const struct signature *signature, const unsigned char *start, size_t size)
{
    if (size < (size_t)(signature->at + signature->size))
        return false;
    for (int i = 0; i < signature->size; i++)
        if (signature->pattern[i] != '?' && (unsigned char)signature->pattern[i] != start[signature->at + i])
            return false;
    return true;
}

/* Whether the text occurs in the bytes. */
static bool contains(const unsigned char *start, size_t size, const char *text)
{
    size_t length = strlen(text);
    for (size_t at = 0; at + length <= size; at++)
        if (memcmp(start + at, text, length) == 0)
            return true;
    return false;
}

/* ---- formats without a signature --------------------------------------------------------- */

static const struct file_kind *safetensors_kind(const unsigned char *start, size_t size)
{
    static const struct file_kind safetensors = {"a safetensors file", FILE_WEIGHTS, NULL};
    uint64_t header = 0;
    for (int i = SAFETENSORS_PREFIX - 1; size > SAFETENSORS_PREFIX && i >= 0; i--)
        header = header << 8 | start[i];
    bool is = header >= 2 && header <= SAFETENSORS_HEADER_MOST && start[SAFETENSORS_PREFIX] == '{';
    return is ? &safetensors : NULL;
}

static bool is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static const struct file_kind *netpbm_kind(const unsigned char *start, size_t size)
{
    static const struct file_kind pnm = {"PNM", FILE_PICTURE, NULL}, pam = OTHER_PICTURE("PAM (P7)"),
                                  pfm = OTHER_PICTURE("PFM");
    size_t at = 2;
    while (at < size && is_space(start[at]))
        at++;
    if (at >= size || start[0] != 'P' || (at == 2 && start[2] != '#'))
        return NULL;
    if (start[1] >= '1' && start[1] <= '6')
        return start[at] == '#' || (start[at] >= '0' && start[at] <= '9') ? &pnm : NULL;
    return start[1] == '7' ? &pam : start[1] == 'F' || start[1] == 'f' ? &pfm : NULL;
}

/* A ModelProto starts with its ir_version, a small number, then the producer's name or the graph (onnx.proto,
 * fields 1, 2 and 7). */
static const struct file_kind *onnx_kind(const unsigned char *start, size_t size)
{
    static const struct file_kind onnx = {"an ONNX model", FILE_OTHER, origin};
    if (size < 8 || start[0] != 0x08 || start[1] < 3 || start[1] > 30)
        return NULL;
    bool graph = start[2] == 0x3a;
    bool producer = start[2] == 0x12 && start[3] >= 1 && start[4] > ' ' && start[4] < 127;
    return graph || producer ? &onnx : NULL;
}

/* Goes by the names of the first entries, which follow their headers. */
static const struct file_kind *zip_kind(const unsigned char *start, size_t size)
{
    static const struct file_kind torch = {"a PyTorch checkpoint (zip)", FILE_CHECKPOINT, NULL},
                                  npz = {"a NumPy archive (npz)", FILE_OTHER, origin},
                                  zip = {"a zip archive", FILE_CHECKPOINT, unpack};
    if (size < 4 || memcmp(start, "PK\3\4", 4) != 0)
        return NULL;
    return contains(start, size, "/data.pkl") ? &torch : contains(start, size, ".npy") ? &npz : &zip;
}

/* ---- text -------------------------------------------------------------------------------- */

/* Whether the text begins with `word`, whose letters are lower-case, in upper or lower case. */
static bool begins(const char *at, const char *word)
{
    for (; *word; at++, word++)
        if (*at != *word && !(*word >= 'a' && *word <= 'z' && *at == *word - 'a' + 'A'))
            return false;
    return true;
}

static const struct file_kind plain_text = {"text", FILE_OTHER, NULL};

static const struct file_kind *markup_kind(const char *at)
{
    static const struct file_kind html = {"a web page (HTML)", FILE_OTHER, download},
                                  svg = {"a vector drawing (SVG)", FILE_OTHER, "render it as PNG"},
                                  xml = {"XML text", FILE_OTHER, download};
    static const char *const tags[] = {"<!doctype html", "<html", "<head", "<body", "<script", "<!--"};
    if (strstr(at, "<svg"))
        return &svg;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (begins(at, tags[i]))
            return &html;
    return strstr(at, "<html") ? &html : begins(at, "<?xml") ? &xml : &plain_text;
}

static const struct file_kind *text_kind(const unsigned char *start, size_t size)
{
    static const struct file_kind shards = {"the JSON index of sharded weights", FILE_OTHER,
                                            "the tensors are in the files that it lists"},
                                  json = {"JSON text", FILE_OTHER, download};
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    char copy[FILE_KIND_BYTES + 1] = "", *at = copy;
    for (size_t i = 0; i < size; i++)
        if (start[i] == 127 || (start[i] < 32 && !is_space(start[i])))
            return NULL;
    memcpy(copy, start, size);
    if (strncmp(at, byte_order_mark, 3) == 0)
        at += 3;
    while (is_space((unsigned char)*at))
        at++;
    if (*at == '<')
        return markup_kind(at);
    if (*at == '{' || *at == '[')
        return strstr(at, "\"weight_map\"") ? &shards : &json;
    return &plain_text;
}

/* ---- all --------------------------------------------------------------------------------- */

static const struct file_kind *signature_kind(const unsigned char *start, size_t size)
{
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++)
        if (matches(&signatures[i], start, size))
            return &signatures[i].kind;
    return NULL;
}

const struct file_kind *file_kind_find(const unsigned char *start, size_t size)
{
    typedef const struct file_kind *find_kind(const unsigned char *start, size_t size);
    /* A safetensors file starts with the size of its header, which may look like anything. */
    static find_kind *const finders[] = {safetensors_kind, signature_kind, netpbm_kind,
                                         zip_kind,         onnx_kind,      text_kind};
    const struct file_kind *kind = NULL;
    if (size > FILE_KIND_BYTES)
        size = FILE_KIND_BYTES;
    for (size_t i = 0; !kind && size && i < sizeof finders / sizeof *finders; i++)
        kind = finders[i](start, size);
    return kind;
}

limn_status fail_foreign(const char *path, const struct file_kind *kind, limn_status status,
                         const char *expected, limn_error *error)
{
    if (kind->group == FILE_PICTURE || kind->group == FILE_OTHER_PICTURE)
        return fail(error, status, "%s: is a picture (%s), not %s", path, kind->name, expected);
    if (kind->group == FILE_CHECKPOINT && status == LIMN_E_WEIGHTS)
        return fail_because(error, status, LIMN_REASON_CHECKPOINT, "%s: is %s, not %s", path, kind->name,
                            expected);
    return fail(error, status, "%s: is %s, not %s%s%s", path, kind->name, expected, kind->advice ? "; " : "",
                kind->advice ? kind->advice : "");
}
