/* test_file_kinds.c - files recognised by their beginnings, as the programs that write them begin them. */
#include "engine/base/file_kinds.h"
#include "tests/support.h"

#include <stdlib.h>
#include <string.h>

#define START(text) sizeof(text) - 1, text

static const struct {
    size_t size;
    const char *start, *name; /* NULL: unknown */
    enum file_group group;
} files[] = {
    {START("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "PNG", FILE_PICTURE},
    {START("\x89PNG\r\n\x1a\n\0\0\0\4CgBI\x50\0\x20\2"), "Apple's CgBI", FILE_OTHER_PICTURE},
    {START("\xff\xd8\xff\xe0\0\x10JFIF"), "JPEG", FILE_PICTURE},
    {START("\xff\xd8\xff\xf7\0\x0b"), "JPEG-LS", FILE_OTHER_PICTURE},
    {START("BM\x42\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"), "BMP", FILE_PICTURE},
    {START("BMW cars of the year"), "text", FILE_OTHER},
    {START("P6 2 2 255\n"), "PNM", FILE_PICTURE},
    {START("P1#c\n2 2"), "PNM", FILE_PICTURE},
    {START("P7\nWIDTH 2\n"), "PAM", FILE_OTHER_PICTURE},
    {START("Pf\n2 2\n-1\n"), "PFM", FILE_OTHER_PICTURE},
    {START("P5s are pistons"), "text", FILE_OTHER},
    {START("P5 is a piston"), "text", FILE_OTHER},
    {START("P2\r\n# made by hand\r\n2 2"), "PNM", FILE_PICTURE},
    {START("RIFF\x24\0\0\0WEBPVP8 "), "WebP", FILE_OTHER_PICTURE},
    {START("RIFF\x24\0\0\0AVI LIST"), "a video (AVI)", FILE_OTHER},
    {START("\0\0\0\x1c"
           "ftypavif\0\0\0\0"),
     "AVIF", FILE_OTHER_PICTURE},
    {START("\0\0\0\x18"
           "ftypheic\0\0\0\0"),
     "HEIC", FILE_OTHER_PICTURE},
    {START("\0\0\0\x20"
           "ftypisom\0\0\2\0"),
     "a video (MP4", FILE_OTHER},
    {START("/* XPM */\nstatic char *x[] = {"), "XPM", FILE_OTHER_PICTURE},
    {START("GIF89a\1\0\1\0"), "GIF", FILE_OTHER_PICTURE},
    {START("II*\0\x08\0\0\0"), "TIFF", FILE_OTHER_PICTURE},
    {START("MM\0*\0\0\0\x08"), "TIFF", FILE_OTHER_PICTURE},
    {START("%PDF-1.4\n"), "a PDF", FILE_OTHER},
    {START("<?xml version=\"1.0\"?>\n<svg width=\"9\">"), "a vector drawing", FILE_OTHER},
    {START("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>"), "XML text", FILE_OTHER},
    {START("\n <!DOCTYPE HTML>\n<html>"), "a web page", FILE_OTHER},
    {START("<Html lang=en>"), "a web page", FILE_OTHER},
    {START("\xef\xbb\xbf<!doctype html>"), "a web page", FILE_OTHER},
    {START("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "a Git LFS", FILE_OTHER},
    {START("{\n  \"metadata\": {\"total_size\": 9},\n  \"weight_map\": {"), "the JSON index", FILE_OTHER},
    {START("{\"error\": \"Invalid username or password.\"}"), "JSON text", FILE_OTHER},
    {START("Entry not found"), "text", FILE_OTHER},
    {START("model_checkpoint_path: \"model-9\"\n"), "TensorFlow's list", FILE_OTHER},
    {START("\xff\xfeP\0006\0"), "UTF-16", FILE_OTHER},
    {START("\x1f\x8b\x08\0\0\0\0\0"), "compressed (gzip)", FILE_OTHER},
    {START("PK\3\4\0\0\0\0\x08\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x10\0\x12\0"
           "archive/data.pkl"),
     "a PyTorch checkpoint (zip)", FILE_CHECKPOINT},
    {START("PK\3\4\x2d\0\0\0\0\0\0\0!\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\5\0\x14\0"
           "a.npy"),
     "a NumPy archive", FILE_OTHER},
    {START("PK\3\4\x14\0\0\0\x08\0"), "a zip archive", FILE_CHECKPOINT},
    {START("\x80\2\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19."), "a PyTorch checkpoint (legacy", FILE_CHECKPOINT},
    {START("\x80\4\x95\x0d\0\0\0\0\0\0\0\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19."), "a PyTorch checkpoint (legacy",
     FILE_CHECKPOINT},
    {START("\x80\4\x95\x10\0\0\0\0\0\0\0}\x94"), "a Python pickle", FILE_CHECKPOINT},
    {START("\x89HDF\r\n\x1a\n\0"), "an HDF5 file", FILE_OTHER},
    {START("GGUF\3\0\0\0"), "a GGUF file", FILE_OTHER},
    {START("\x93NUMPY\1\0v\0{'descr'"), "a NumPy array", FILE_OTHER},
    {START("\x08\x07\x12\x07pytorch\x1a\x05"), "an ONNX model", FILE_OTHER},
    {START("\x08\x08:\xe4\x0a\x0aO\x0a"), "an ONNX model", FILE_OTHER},
    /* The size of the header may begin like another format: here a pickle, and text. */
    {START("\x80\2\0\0\0\0\0\0{\"a\":{"), "a safetensors file", FILE_WEIGHTS},
    {START("BM\0\0\0\0\0\0{\"__metadata__\""), "a safetensors file", FILE_WEIGHTS},
    {START("\1\2\3\4\5\6\7\x08"), NULL, FILE_OTHER},
    {START(""), NULL, FILE_OTHER},
};

static void test_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const struct file_kind *kind = file_kind_find((const unsigned char *)files[i].start, files[i].size);
        const char *name = files[i].name;
        bool good = name ? kind && strncmp(kind->name, name, strlen(name)) == 0 : !kind;
        if (!good || (kind && kind->group != files[i].group))
            fail_with("file %zu: %s, expected %s", i, kind ? kind->name : "unknown", name ? name : "unknown");
    }
}

/* Nothing is read past the end, wherever the beginning is cut. Exact blocks let the sanitizers see it. */
static void test_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        for (size_t size = 0; size < files[i].size; size++) {
            unsigned char *cut = malloc(size ? size : 1);
            assert_non_null(cut);
            memcpy(cut, files[i].start, size);
            file_kind_find(cut, size);
            free(cut);
        }
}

static void expect(const char *start, size_t size, limn_status status, const char *expected, const char *want,
                   limn_reason reason)
{
    limn_error error;
    const struct file_kind *kind = file_kind_find((const unsigned char *)start, size);
    assert_non_null(kind);
    assert_int_equal(fail_foreign("f", kind, status, expected, &error), status);
    assert_string_equal(error.message, want);
    assert_int_equal(error.reason, reason);
}

static void test_messages(void **state)
{
    (void)state;
    expect("<html>", sizeof("<html>") - 1, LIMN_E_WEIGHTS, "safetensors",
           "f: is a web page (HTML), not safetensors; download the file itself", LIMN_REASON_NONE);
    expect("GIF89a", sizeof("GIF89a") - 1, LIMN_E_WEIGHTS, "safetensors",
           "f: is a picture (GIF), not safetensors", LIMN_REASON_NONE);
    expect("PK\3\4", sizeof("PK\3\4") - 1, LIMN_E_WEIGHTS, "safetensors",
           "f: is a zip archive, not safetensors", LIMN_REASON_CHECKPOINT);
    expect("PK\3\4", sizeof("PK\3\4") - 1, LIMN_E_INPUT, "a picture",
           "f: is a zip archive, not a picture; unpack it first", LIMN_REASON_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
