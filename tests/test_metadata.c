/* test_metadata.c - metadata carried from file to file: EXIF, XMP and image resources corrected; what is read
 * from and written to JPEG and PNG; allocations that fail, and the memory that is announced. Other programs'
 * view of whole files is tested by python/test_metadata.py. Run from the repository's root. */
#include "tests/support_faults.h"
#include "tests/support_pictures.h"

#include "engine/base/memory.h"
#include "engine/pictures/bytes.h"
#include "engine/pictures/exif.h"
#include "engine/pictures/metadata.h"
#include "engine/pictures/photoshop.h"
#include "engine/pictures/xmp.h"

#include <stdio.h>
#include <string.h>

static const struct picture_changes large = {.upright = true, .width = 70000, .height = 300};

/* ---- EXIF -------------------------------------------------------------------------------- */

/* Where the thumbnail of the block below is. */
enum place { AT_END, BEFORE_NOTES, IN_DIRECTORY, NOWHERE };

enum { NOTES = 40, THUMBNAIL = 24, TYPE_BYTE = 7 };

struct built {
    struct blob blob;
    bool big;
    size_t orientation_at, width_at, pixel_x_at, pixel_y_at, notes_at, thumbnail_at, link_at; /* of values */
};

static void add_number(struct built *built, uint32_t value, int bytes)
{
    (built->big ? add_be : add_le)(&built->blob, value, bytes);
}

/* An entry with one number in it. Returns the offset of the number. */
static size_t add_entry(struct built *built, uint32_t tag, uint32_t type, uint32_t count, uint32_t value)
{
    add_number(built, tag, 2);
    add_number(built, type, 2);
    add_number(built, count, 4);
    bool is_short = type == 3;
    add_number(built, value, is_short ? 2 : 4);
    if (is_short)
        add_number(built, 0, 2);
    return built->blob.size - 4;
}

static void set_number(struct built *built, size_t at, uint32_t value)
{
    struct built other = {.big = built->big};
    add_number(&other, value, 4);
    memcpy(built->blob.bytes + at, other.blob.bytes, 4);
}

static void add_filled(struct built *built, int byte, int count)
{
    for (int i = 0; i < count; i++)
        add_be(&built->blob, (uint32_t)byte, 1);
}

/* Directory 0 (size, orientation, EXIF), EXIF (maker's notes, size), directory 1 (thumbnail), notes,
 * thumbnail. */
static void build_exif(struct built *built, bool big, enum place place)
{
    *built = (struct built){.big = big};
    add_text(&built->blob, big ? "MM" : "II");
    add_number(built, 42, 2);
    add_number(built, 8, 4);
    add_number(built, 3, 2);
    built->width_at = add_entry(built, 0x100, 3, 1, 40);
    built->orientation_at = add_entry(built, 0x112, 3, 1, 6);
    size_t exif = add_entry(built, 0x8769, 4, 1, 0);
    built->link_at = built->blob.size;
    add_number(built, 0, 4);
    set_number(built, exif, (uint32_t)built->blob.size);
    add_number(built, 3, 2);
    size_t notes = add_entry(built, 0x927c, TYPE_BYTE, NOTES, 0);
    built->pixel_x_at = add_entry(built, 0xa002, 4, 1, 40);
    built->pixel_y_at = add_entry(built, 0xa003, 3, 1, 24);
    add_number(built, 0, 4);
    set_number(built, built->link_at, (uint32_t)built->blob.size);
    add_number(built, 2, 2);
    size_t at = add_entry(built, 0x201, 4, 1, 0);
    add_entry(built, 0x202, 4, 1, THUMBNAIL);
    add_number(built, 0, 4);
    built->thumbnail_at = place == IN_DIRECTORY ? 12 : built->blob.size;
    if (place == BEFORE_NOTES)
        add_filled(built, 'T', THUMBNAIL);
    built->notes_at = built->blob.size;
    set_number(built, notes, (uint32_t)built->notes_at);
    add_filled(built, 'N', NOTES);
    if (place == AT_END) {
        built->thumbnail_at = built->blob.size;
        add_filled(built, 'T', THUMBNAIL);
    }
    set_number(built, at, place == NOWHERE ? UINT32_MAX : (uint32_t)built->thumbnail_at);
}

static uint32_t number_at(const struct built *built, size_t at, int bytes)
{
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++)
        value = value << 8 | built->blob.bytes[at + (size_t)(built->big ? i : bytes - 1 - i)];
    return value;
}

static void test_exif(void **state)
{
    (void)state;
    static struct built built, before;
    for (int big = 0; big < 2; big++)
        for (enum place place = AT_END; place <= NOWHERE; place++) {
            build_exif(&before, big, place);
            built = before;
            assert_true(exif_is_sound(built.blob.bytes, built.blob.size));
            size_t size = exif_correct(built.blob.bytes, built.blob.size, &large);
            assert_int_equal(size, before.blob.size - (place == AT_END ? THUMBNAIL : 0));
            assert_int_equal(exif_orientation(built.blob.bytes, size), 1);
            assert_int_equal(number_at(&built, built.width_at, 4), 70000); /* was a SHORT */
            assert_int_equal(number_at(&built, built.width_at - 6, 2), 4);
            assert_int_equal(number_at(&built, built.pixel_x_at, 4), 70000);
            assert_int_equal(number_at(&built, built.pixel_y_at, 2), 300);
            assert_int_equal(number_at(&built, built.link_at, 4), 0);
            assert_memory_equal(built.blob.bytes + built.notes_at, before.blob.bytes + built.notes_at, NOTES);
            for (int i = 0; place == BEFORE_NOTES && i < THUMBNAIL; i++)
                assert_int_equal(built.blob.bytes[built.thumbnail_at + (size_t)i], 0);
            before = built;
            assert_int_equal(exif_correct(built.blob.bytes, size, &large), size);
            assert_memory_equal(built.blob.bytes, before.blob.bytes, size);
        }
}

static void test_exif_keeps_orientation(void **state)
{
    (void)state;
    static struct built built;
    build_exif(&built, true, AT_END);
    const struct picture_changes same = {.upright = false, .width = 40, .height = 24};
    size_t size = exif_correct(built.blob.bytes, built.blob.size, &same);
    assert_int_equal(exif_orientation(built.blob.bytes, size), 6);
    assert_int_equal(number_at(&built, built.width_at, 2), 40);
    assert_int_equal(number_at(&built, built.width_at - 6, 2), 3); /* still a SHORT */
}

static void test_exif_resolution(void **state)
{
    (void)state;
    static const struct {
        uint32_t above, below, unit, want; /* want 0: no resolution */
    } cases[] = {{300, 1, 2, 300}, {7195, 10, 2, 720}, {118, 1, 3, 118}, {300, 1, 1, 0}, {300, 0, 2, 0},
                 {1, 3, 2, 0},     {65536, 1, 2, 0},   {300, 1, 0, 300}}; /* unit 0: no such entry */
    static struct built built;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int big = 0; big < 2; big++) {
            uint32_t entries = cases[i].unit ? 3 : 2, values_at = 8 + 2 + 12 * entries + 4, x, y;
            bool per_inch;
            built = (struct built){.big = big};
            add_text(&built.blob, big ? "MM" : "II");
            add_number(&built, 42, 2);
            add_number(&built, 8, 4);
            add_number(&built, entries, 2);
            add_entry(&built, 0x11a, 5, 1, values_at);
            add_entry(&built, 0x11b, 5, 1, values_at);
            if (cases[i].unit)
                add_entry(&built, 0x128, 3, 1, cases[i].unit);
            add_number(&built, 0, 4);
            add_number(&built, cases[i].above, 4);
            add_number(&built, cases[i].below, 4);
            bool found = exif_resolution(built.blob.bytes, built.blob.size, &x, &y, &per_inch);
            assert_int_equal(found, cases[i].want != 0);
            if (found)
                assert_true(x == cases[i].want && y == x && per_inch == (cases[i].unit != 3));
            assert_false(exif_resolution(built.blob.bytes, built.blob.size - 1, &x, &y, &per_inch));
        }
}

/* Directories that contain one another, and blocks cut at every byte: no crash, no endless loop. */
static void test_exif_damaged(void **state)
{
    (void)state;
    static struct built built, cut;
    for (int big = 0; big < 2; big++) {
        build_exif(&built, big, AT_END);
        for (size_t size = 0; size <= built.blob.size; size++) {
            unsigned char *block = test_malloc(size + 1); /* of its own, for AddressSanitizer */
            memcpy(block, built.blob.bytes, size);
            exif_orientation(block, size);
            if (exif_is_sound(block, size))
                assert_true(exif_correct(block, size, &large) <= size);
            test_free(block);
        }
        for (uint32_t to = 0; to <= built.blob.size; to++) {
            cut = built;
            set_number(&cut, cut.link_at, to);
            set_number(&cut, cut.link_at - 4, to); /* the EXIF directory */
            assert_true(exif_correct(cut.blob.bytes, cut.blob.size, &large) <= built.blob.size);
            assert_int_equal(number_at(&cut, cut.link_at, 4), 0);
        }
    }
    assert_false(exif_is_sound((const unsigned char *)"II*\0\x08\0\0\0\0\0", 10)); /* no entries */
    assert_false(exif_is_sound((const unsigned char *)"II*\0\x04\0\0\0\0\0", 10)); /* in the header */
}

/* ---- XMP --------------------------------------------------------------------------------- */

static void test_xmp(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out; /* out: NULL for the same */
        bool turned;
    } cases[] = {
        {"<a tiff:Orientation=\"6\">", "<a tiff:Orientation=\"1\">", true},
        {"<a tiff:Orientation=\"6\">", NULL, false},
        {"<a\n\ttiff:Orientation = '8' b=''>", "<a\n\ttiff:Orientation = '1' b=''>", true},
        {"<tiff:Orientation>6</tiff:Orientation>", "<tiff:Orientation>1</tiff:Orientation>", true},
        {"<tiff:Orientation x=\"\">6</tiff:Orientation>", "<tiff:Orientation x=\"\">1</tiff:Orientation>",
         true},
        {"<a tiff:ImageWidth=\"40\" tiff:ImageLength=\"24\"/>",
         "<a tiff:ImageWidth=\"70000\" tiff:ImageLength=\"300\"/>", false},
        {"<exif:PixelXDimension>4</exif:PixelXDimension> <exif:PixelYDimension/>",
         "<exif:PixelXDimension>70000</exif:PixelXDimension> <exif:PixelYDimension/>", false},
        {"a<xmp:Thumbnails><b c=\"\"/></xmp:Thumbnails >d", "ad", false},
        {"a<xap:Thumbnails>b</xap:Thumbnails>d<xmp:Thumbnails>", "ad<xmp:Thumbnails>", false},
        {"<a xmpNote:HasExtendedXMP=\"0123\" b=''>", "<a b=''>", false},
        {"<tiff:Orientations>6</tiff:Orientations>", NULL, true},
        {"<a xtiff:Orientation=\"6\">", NULL, true},
        {"<a tiff:Orientation=6>", NULL, true},
        {"<a tiff:Orientation", NULL, true},
        {"<a tiff:Orientation=\"6", NULL, true},
        {"<tiff:Orientation><b/></tiff:Orientation>", NULL, true},
        {"", NULL, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const unsigned char *in = (const unsigned char *)cases[i].in;
        const char *want = cases[i].out ? cases[i].out : cases[i].in;
        unsigned char out[200];
        struct picture_changes changes = large;
        changes.upright = cases[i].turned;
        size_t length = strlen(want), got = xmp_correct(in, strlen(cases[i].in), &changes, out, sizeof out);
        if (got != length || memcmp(out, want, got) != 0)
            fail_with("%s => %.*s", cases[i].in, (int)got, (const char *)out);
        assert_int_equal(xmp_correct(in, strlen(cases[i].in), &changes, out, length), length);
        if (length)
            assert_int_equal(xmp_correct(in, strlen(cases[i].in), &changes, out, length - 1), 0);
    }
}

/* Text that invites a search to the end at every position takes no longer than other text. */
static void test_xmp_is_linear(void **state)
{
    (void)state;
    enum { COPIES = 400000 };
    static const char *const traps[] = {"<xmp:Thumbnails>", "<tiff:Orientation>",
                                        " tiff:Orientation=", "<tiff:Orientation "};
    for (size_t i = 0; i < sizeof traps / sizeof *traps; i++) {
        size_t length = strlen(traps[i]), size = COPIES * length;
        unsigned char *in = test_malloc(size), *out = test_malloc(size);
        for (size_t at = 0; at < size; at += length)
            memcpy(in + at, traps[i], length);
        assert_int_equal(xmp_correct(in, size, &large, out, size), size);
        test_free(in);
        test_free(out);
    }
}

/* ---- image resources --------------------------------------------------------------------- */

static void add_resource(struct blob *blob, int number, const char *name, const char *data)
{
    size_t length = strlen(name), size = strlen(data);
    add_text(blob, "8BIM");
    add_be(blob, (uint32_t)number, 2);
    add_be(blob, (uint32_t)length, 1);
    add_text(blob, name);
    add_zeros(blob, length % 2 ? 0 : 1);
    add_be(blob, (uint32_t)size, 4);
    add_text(blob, data);
    add_zeros(blob, (int)(size % 2));
}

static void test_resources(void **state)
{
    (void)state;
    static struct blob in, want;
    static unsigned char out[sizeof in.bytes];
    in.size = want.size = 0;
    for (struct blob *blob = &in; blob; blob = blob == &in ? &want : NULL) {
        add_resource(blob, 1005, "", "0123456789abcdef");
        if (blob == &in)
            add_resource(blob, 1036, "thumbnail", "odd");
        add_resource(blob, 1028, "ab", "iptc.");
        if (blob == &in)
            add_resource(blob, 1058, "", "exif");
        add_resource(blob, 1061, "x", "");
    }
    assert_true(resources_have_iptc(in.bytes, in.size));
    assert_int_equal(resources_copy(in.bytes, in.size, out), want.size);
    assert_memory_equal(out, want.bytes, want.size);
    for (size_t size = 0; size < in.size; size++) {
        unsigned char *block = test_malloc(size + 1);
        memcpy(block, in.bytes, size);
        assert_true(resources_copy(block, size, out) <= size);
        resources_have_iptc(block, size);
        test_free(block);
    }
    assert_false(resources_have_iptc(in.bytes, 28)); /* the first resource only */
}

/* ---- reading ----------------------------------------------------------------------------- */

static struct blob file, part;

static void start_jpeg(void)
{
    load_file("tests/pictures/subsampled.jpg", &file);
}

/* Inserts a segment of `head` and what `part` holds. */
static void add_segment(int marker, const char *head, size_t head_size)
{
    struct blob *data = test_malloc(sizeof *data);
    data->size = 0;
    add_bytes(data, head, head_size);
    add_bytes(data, part.bytes, part.size);
    insert_segment(&file, marker, data->bytes, data->size);
    test_free(data);
}

static void use_text(const char *text)
{
    part.size = 0;
    add_text(&part, text);
}

/* A profile for a colour space, with `size` bytes in all. */
static void use_profile(const char *space, size_t size)
{
    part.size = 0;
    add_be(&part, (uint32_t)size, 4);
    add_zeros(&part, 12);
    add_text(&part, space);
    add_zeros(&part, 16);
    add_text(&part, "acsp");
    for (size_t i = part.size; i < size; i++)
        add_be(&part, (uint32_t)(i * i % 251), 1);
}

static struct metadata *read_metadata(int orientation)
{
    struct metadata *metadata;
    assert_ok(metadata_read(file.bytes, file.size, orientation, &metadata, error));
    assert_int_equal(metadata_bytes(file.bytes, file.size) != 0, metadata != NULL);
    return metadata;
}

static const struct metadata_item *find_item(const struct metadata *metadata, enum metadata_kind kind)
{
    for (size_t i = 0; metadata && i < metadata->count; i++)
        if (metadata->items[i].kind == kind)
            return &metadata->items[i];
    return NULL;
}

static void assert_item(const struct metadata *metadata, enum metadata_kind kind, const char *text)
{
    const struct metadata_item *item = find_item(metadata, kind);
    assert_non_null(item);
    assert_int_equal(item->size, strlen(text));
    assert_memory_equal(item->bytes, text, item->size);
}

/* Parts of a profile come in any order, but all of them. */
static void test_profile_in_parts(void **state)
{
    (void)state;
    static struct blob whole;
    static const char *const heads[] = {"ICC_PROFILE\0\1\3", "ICC_PROFILE\0\2\3", "ICC_PROFILE\0\3\3"};
    static const size_t cuts[] = {0, 150, 290, 300};
    static const int order[] = {2, 0, 1};
    for (int given = 2; given <= 3; given++) {
        use_profile("RGB ", 300);
        whole = part;
        start_jpeg();
        for (int i = 0; i < given; i++) {
            int n = order[i];
            part.size = 0;
            add_bytes(&part, whole.bytes + cuts[n], cuts[n + 1] - cuts[n]);
            add_segment(0xe2, heads[n], 14);
        }
        struct metadata *metadata = read_metadata(1);
        const struct metadata_item *item = find_item(metadata, METADATA_PROFILE);
        assert_int_equal(metadata->losses, given == 3 ? 0 : LOSS_PROFILE);
        assert_int_equal(item != NULL, given == 3);
        if (item) {
            assert_int_equal(item->size, 300);
            assert_memory_equal(item->bytes, whole.bytes, 300);
        }
        metadata_free(metadata);
    }
}

static void assert_lost(const struct metadata *metadata, enum metadata_format format, const char *want)
{
    char text[METADATA_LOSSES_TEXT];
    const struct metadata_target target = {format, 10, 10, metadata, NULL};
    assert_string_equal(metadata_losses(&target, text, sizeof text), want);
}

static void test_losses(void **state)
{
    (void)state;
    static const char extended[] = "http://ns.adobe.com/xmp/extension/";
    start_jpeg();
    use_profile("GRAY", 200);
    add_segment(0xe2, "ICC_PROFILE\0\1\1", 14);
    use_text("0123");
    add_segment(0xe1, extended, sizeof extended);
    struct metadata *metadata = read_metadata(1);
    assert_lost(metadata, METADATA_FOR_JPEG, "the ICC profile (not a valid one for RGB), extended XMP");
    assert_lost(metadata, METADATA_FOR_PNG, "the ICC profile (not a valid one for RGB), extended XMP");
    metadata_free(metadata);

    const struct png_kind kind = {.colour = 2, .depth = 8, .channels = 3};
    start_png(&file, &kind, 3, 3);
    use_text("Long");
    add_zeros(&part, 1);
    while (part.size < 70000)
        add_text(&part, "0123456789");
    add_chunk(&file, "tEXt", part.bytes, part.size);
    end_png(&file, &kind, 3, 3);
    metadata = read_metadata(1);
    assert_lost(metadata, METADATA_FOR_PNG, "");
    assert_lost(metadata, METADATA_FOR_JPEG, "what exceeds 64 KB (the limit of a JPEG)");
    metadata_free(metadata);
}

/* A text of a PNG with a language, which XMP does not need, or compressed, which it may not be. */
static void test_forms_of_xmp(void **state)
{
    (void)state;
    static const struct png_kind kind = {.colour = 2, .depth = 8, .channels = 3};
    for (int packed = 0; packed < 2; packed++) {
        part.size = 0;
        add_bytes(&part, packed ? "XML:com.adobe.xmp\0\1\0en\0XMP" : "XML:com.adobe.xmp\0\0\0en\0XMP", 27);
        if (packed)
            add_zlib(&part, "<a>", 3);
        else
            add_text(&part, "<a>");
        start_png(&file, &kind, 3, 3);
        add_chunk(&file, "iTXt", part.bytes, part.size);
        end_png(&file, &kind, 3, 3);
        struct metadata *metadata = read_metadata(1);
        if (packed)
            assert_null(find_item(metadata, METADATA_XMP));
        else
            assert_item(metadata, METADATA_XMP, "<a>");
        assert_lost(metadata, METADATA_FOR_JPEG, packed ? "compressed XMP" : "");
        metadata_free(metadata);
    }
}

static void test_none(void **state)
{
    (void)state;
    static const char *const names[] = {"tests/pictures/original.ppm", "tests/pictures/progressive.jpg"};
    for (int i = 0; i < 2; i++) {
        load_file(names[i], &file);
        assert_null(read_metadata(1));
    }
    file.size = 0;
    assert_null(read_metadata(1));
}

/* ---- writing ----------------------------------------------------------------------------- */

/* A JPEG with something of every kind. */
static void build_all(void)
{
    static struct built exif;
    static const char xmp[] = "http://ns.adobe.com/xap/1.0/";
    start_jpeg();
    use_text("a comment");
    add_segment(0xfe, "", 0);
    part.size = 0;
    add_resource(&part, 1028, "", "iptc");
    add_segment(0xed, "Photoshop 3.0", 14);
    use_profile("RGB ", 70000);
    part.size = 60000;
    add_segment(0xe2, "ICC_PROFILE\0\1\2", 14);
    use_profile("RGB ", 70000);
    part.size -= 60000;
    memmove(part.bytes, part.bytes + 60000, part.size);
    add_segment(0xe2, "ICC_PROFILE\0\2\2", 14);
    use_text("<a tiff:Orientation=\"6\">");
    add_segment(0xe1, xmp, sizeof xmp);
    build_exif(&exif, true, AT_END);
    part = exif.blob;
    add_segment(0xe1, "Exif\0\0", 6);
    use_text("");
    add_segment(0xe0, "JFIF\0\1\1\1\1\x2c\0\xc8\0\0", 14); /* 300 x 200 dots per inch */
}

static const char *const names[] = {"carried.jpg", "carried.png"};

/* Reads `file`, and writes it under a name with its metadata. */
static limn_status carry(const char *name, limn_error *error)
{
    struct picture picture;
    limn_status status = picture_decode(file.bytes, file.size, "built", true, &picture, error);
    const struct picture_target target = {.path = scratch_path(name),
                                          .quality = 90,
                                          .force = true,
                                          .metadata = picture.metadata,
                                          .software = "limn"};
    if (!status)
        status = picture_write(&target, &picture, error);
    picture_free(&picture);
    return status;
}

/* From JPEG to JPEG and to PNG, and from each of them to both. */
static void test_all_kinds(void **state)
{
    (void)state;
    for (int by = 0; by < 2; by++)
        for (int to = 0; to < 2; to++) {
            build_all();
            assert_ok(carry(names[by], error));
            load_file(scratch_path(names[by]), &file);
            assert_ok(carry(names[to], error));
            load_file(scratch_path(names[to]), &file);
            struct metadata *metadata = read_metadata(1);
            assert_int_equal(metadata->density.x, to ? 7874 : 200); /* the picture was turned */
            assert_int_equal(metadata->density.y, to ? 11811 : 300);
            assert_item(metadata, METADATA_XMP, "<a tiff:Orientation=\"1\">");
            assert_non_null(find_item(metadata, METADATA_EXIF));
            const struct metadata_item *profile = find_item(metadata, to ? METADATA_ICCP : METADATA_PROFILE);
            assert_non_null(profile);
            use_profile("RGB ", 70000);
            if (!to) {
                assert_int_equal(profile->size, part.size);
                assert_memory_equal(profile->bytes, part.bytes, part.size);
            }
            assert_non_null(find_item(metadata, to ? METADATA_RAW : METADATA_PHOTOSHOP));
            assert_int_equal(metadata->losses, 0);
            if (!to)
                assert_item(metadata, METADATA_COMMENT, "limn"); /* before the source's */
            metadata_free(metadata);
        }
}

/* A profile that cannot be compressed is stored in the PNG as it is. */
static void test_stored_profile(void **state)
{
    (void)state;
    static const size_t sizes[] = {200, 604, 65000};
    static const char *const path[] = {"carried.png", "carried.png", "carried.jpg"};
    for (int i = 0; i < 3; i++) {
        static struct blob whole;
        use_profile("RGB ", sizes[i]);
        part.size = 128;
        for (struct random random = {1}; part.size < sizes[i];)
            add_be(&part, (uint32_t)random_below(&random, 256), 1);
        whole = part;
        start_jpeg();
        add_segment(0xe2, "ICC_PROFILE\0\1\1", 14);
        for (int n = 0; n < 3; n++) {
            assert_ok(carry(path[n], error));
            load_file(scratch_path(path[n]), &file);
        }
        struct metadata *metadata = read_metadata(1);
        const struct metadata_item *profile = find_item(metadata, METADATA_PROFILE);
        assert_non_null(profile);
        assert_int_equal(profile->size, whole.size);
        assert_memory_equal(profile->bytes, whole.bytes, whole.size);
        metadata_free(metadata);
    }
}

/* A second entry does not replace the first: its keyword is another. */
static void test_software(void **state)
{
    (void)state;
    start_jpeg();
    for (int i = 0; i < 3; i++) {
        assert_ok(carry("carried.png", error));
        load_file(scratch_path("carried.png"), &file);
    }
    struct metadata *metadata = read_metadata(1);
    static const char *const texts[] = {"tEXtSoftware", "tEXtlimn", "tEXtlimn"};
    assert_int_equal(metadata->count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(metadata->items[i].bytes, texts[i]);
    metadata_free(metadata);
}

/* The comments of a JPEG become texts, the texts of a PNG comments. */
static void test_comments(void **state)
{
    (void)state;
    static const struct {
        const char *comment;
        const char *chunk; /* as it is in the PNG, type and data; NULL: none */
        size_t size;
    } cases[] = {
        {"plain", "tEXtComment\0plain", 17},
        {"caf\xc3\xa9", "iTXtComment\0\0\0\0\0caf\xc3\xa9", 21},
        {"caf\xe9", "tEXtComment\0caf\xe9", 16},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start_jpeg();
        use_text(cases[i].comment);
        add_zeros(&part, 2); /* some programs end a comment like a string */
        add_segment(0xfe, "", 0);
        assert_ok(carry("carried.png", error));
        load_file(scratch_path("carried.png"), &file);
        struct metadata *metadata = read_metadata(1);
        assert_int_equal(metadata->items[0].size, cases[i].size);
        assert_memory_equal(metadata->items[0].bytes, cases[i].chunk, cases[i].size);
        metadata_free(metadata);
    }

    const struct png_kind kind = {.colour = 2, .depth = 8, .channels = 3};
    static struct blob packed;
    static const char *const comments[] = {"limn", "J\xc3\xb6rg: caf\xc3\xa9", "Packed: caf\xc3\xa9",
                                           "caf\xc3\xa9", "last"};
    start_png(&file, &kind, 3, 3);
    add_chunk(&file, "tEXt", "Comment\0caf\xe9", 12);
    add_chunk(&file, "tEXt", "J\xf6rg\0caf\xe9", 9);
    packed.size = 0;
    add_bytes(&packed, "Packed\0", 8);
    add_zlib(&packed, "caf\xe9", 4);
    add_chunk(&file, "zTXt", packed.bytes, packed.size);
    packed.size = 0;
    add_bytes(&packed, "Comment\0\1\0en\0Kommentar", 23);
    add_zlib(&packed, "last", 4);
    add_chunk(&file, "iTXt", packed.bytes, packed.size);
    add_chunk(&file, "iTXt", packed.bytes, 12); /* cut in the language */
    add_chunk(&file, "tEXt", "no end of the keyword", 21);
    end_png(&file, &kind, 3, 3);
    assert_ok(carry("carried.jpg", error));
    load_file(scratch_path("carried.jpg"), &file);
    struct metadata *metadata = read_metadata(1);
    assert_int_equal(metadata->count, 5);
    for (size_t i = 0; i < metadata->count; i++) {
        assert_int_equal(metadata->items[i].size, strlen(comments[i]));
        assert_memory_equal(metadata->items[i].bytes, comments[i], metadata->items[i].size);
    }
    metadata_free(metadata);
}

/* ---- memory ------------------------------------------------------------------------------ */

static void test_out_of_memory(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        for (int from_png = 0; from_png < 2; from_png++) {
            build_all();
            if (from_png) {
                assert_ok(carry("source.png", error));
                load_file(scratch_path("source.png"), &file);
            }
            limn_status status = LIMN_E_MEMORY;
            size_t before = mem_in_use();
            for (int nth = 1; status; nth++) {
                limn_error error;
                fault_at(FAULT_MEMORY, nth, false);
                status = carry(names[i], &error);
                fault_at(FAULT_MEMORY, 0, false);
                assert_true(status == LIMN_OK || status == LIMN_E_MEMORY);
                assert_int_equal(mem_in_use(), before);
            }
        }
}

static void test_full_disk(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        build_all();
        limn_status status = LIMN_E_OUTPUT;
        for (int nth = 1; status; nth++) {
            limn_error error;
            fault_at(FAULT_WRITE, nth, false);
            status = carry(names[i], &error);
            fault_at(FAULT_WRITE, 0, false);
            assert_true(status == LIMN_OK || status == LIMN_E_OUTPUT);
        }
    }
}

/* A writer takes no more than it announces, of which the metadata is part. */
static void test_memory_is_announced(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        build_all();
        struct picture picture;
        assert_ok(picture_decode(file.bytes, file.size, "built", true, &picture, error));
        struct picture_target target = {.path = scratch_path(names[i]), .quality = 90, .force = true};
        size_t without = picture_writer_bytes(&target, picture.width, picture.height, 3), held = mem_in_use();
        target.metadata = picture.metadata;
        size_t with = picture_writer_bytes(&target, picture.width, picture.height, 3);
        assert_true(with >= without + 70000);
        mem_set_limit(held + with);
        mem_restart_peak();
        assert_ok(picture_write(&target, &picture, error));
        mem_set_limit(0);
        assert_true(mem_peak() <= held + with);
        picture_free(&picture);
    }
}

/* The C library's memmem is the reference. Two letters, so that many places match in part. */
static void test_find_bytes(void **state)
{
    (void)state;
    uint32_t random = 1;
    for (int round = 0; round < 20000; round++) {
        char text[24] = {0}, wanted[4] = {0};
        for (size_t i = 0; i < sizeof text + sizeof wanted; i++) {
            random = random * 1664525 + 1013904223;
            *(i < sizeof text ? &text[i] : &wanted[i - sizeof text]) = random >> 31 ? 'a' : 'b';
        }
        size_t size = (random >> 8) % (sizeof text + 1), length = 1 + (random >> 16) % sizeof wanted;
        assert_ptr_equal(find_bytes(text, size, wanted, length), memmem(text, size, wanted, length));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exif),
        cmocka_unit_test(test_exif_keeps_orientation),
        cmocka_unit_test(test_exif_resolution),
        cmocka_unit_test(test_exif_damaged),
        cmocka_unit_test(test_xmp),
        cmocka_unit_test(test_xmp_is_linear),
        cmocka_unit_test(test_resources),
        cmocka_unit_test(test_profile_in_parts),
        cmocka_unit_test(test_losses),
        cmocka_unit_test(test_forms_of_xmp),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_all_kinds),
        cmocka_unit_test(test_stored_profile),
        cmocka_unit_test(test_software),
        cmocka_unit_test(test_comments),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_memory_is_announced),
        cmocka_unit_test(test_no_temporary_left),
        cmocka_unit_test(test_find_bytes),
    };
    return cmocka_run_group_tests_name("metadata", tests, NULL, NULL);
}
