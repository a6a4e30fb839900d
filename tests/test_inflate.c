/* test_inflate.c - zlib streams unpacked: whole, a beginning of every size, cut off, damaged. */
#include "engine/pictures/inflate.h"
#include "tests/support_faults.h"
#include "tests/support_pictures.h"

#include <string.h>

static struct blob text, packed, out;

/* From and to blocks that end where they may be used, so that a sanitizer sees a byte too many. */
static size_t unpack(size_t size, size_t room)
{
    unsigned char *in = test_malloc(size + 1), *got = test_malloc(room + 1);
    memcpy(in + 1, packed.bytes, size);
    size_t count = inflate(in + 1, size, got + 1, room);
    assert_true(count <= room);
    memcpy(out.bytes, got + 1, count);
    test_free(in);
    test_free(got);
    return count;
}

static void check(size_t size, size_t room)
{
    size_t want = room < text.size ? room : text.size, got = unpack(size, room);
    if (size == packed.size ? got != want : got > want)
        fail_with("%zu of %zu bytes, room for %zu: %zu unpacked", size, packed.size, room, got);
    if (memcmp(out.bytes, text.bytes, got) != 0)
        fail_with("%zu of %zu bytes, room for %zu: wrong bytes", size, packed.size, room);
}

/* Every beginning of the text, and of the stream. */
static void check_beginnings(void)
{
    for (size_t room = 0; room < text.size + 2; room++)
        check(packed.size, room);
    for (size_t size = 0; size < packed.size; size++)
        check(size, text.size + 1);
}

static void use(const char *unpacked, const void *bytes, size_t size)
{
    text.size = packed.size = 0;
    add_text(&text, unpacked);
    add_bytes(&packed, bytes, size);
}

/* By zlib 1.2.13: the fixed codes; an empty block after each; a stored block that the next one repeats. */
static void test_streams_by_zlib(void **state)
{
    (void)state;
    static const char twice[] = "limn is to paint, limn is to paint, to make clear; limn is to paint";
    static const char fixed[] =
        "\x78\x01\xca\xc9\xcc\xcd\x53\xc8\x2c\x56\x28\xc9\x57\x28\x48\xcc\xcc\x2b\xd1\x51\xc8\xc1\x10\x01\xb2"
        "\x72\x13\xb3\x53\x15\x92\x73\x52\x13\x8b\xac\x31\x14\x00\x00\x00\x00\xff\xff\x03\x00\x1c\xc6\x17\x7d";
    static const char stored[] =
        "\x78\x01\x00\x12\x00\xed\xfflimn is to paint, "
        "\xcb\xc1\x10\x01\xb2\x72\x13\xb3\x53\x15\x92\x73\x52\x13\x8b\xac\x31\x14\x00\x00";
    use(twice, fixed, sizeof fixed - 1);
    check_beginnings();
    use(twice, stored, sizeof stored - 1);
    check_beginnings();
}

/* By deflate.h: dynamic codes, and blocks that are stored. Lengths and distances of every size. */
static void test_streams_by_limn(void **state)
{
    (void)state;
    struct random random = {7};
    text.size = packed.size = 0;
    add_zeros(&text, 300);
    for (int i = 0; i < 1500; i++)
        add_be(&text, (uint32_t)random_below(&random, i < 700 ? 4 : 256), 1);
    add_zlib(&packed, text.bytes, text.size);
    check_beginnings();

    while (text.size < 120000) {
        size_t length = 1 + (size_t)random_below(&random, 400);
        size_t back = 1 + (size_t)random_below(&random, text.size < 32768 ? (int64_t)text.size : 32768);
        for (; length > 0; length--) /* a repetition */
            add_be(&text, text.bytes[text.size - back], 1);
        for (length = (size_t)random_below(&random, text.size < 70000 ? 4 : 4000); length > 0; length--)
            add_be(&text, (uint32_t)random_below(&random, 256), 1);
        if (text.size > 125000)
            text.size = 125000;
    }
    packed.size = 0;
    add_zlib(&packed, text.bytes, text.size);
    for (size_t room = 1; room < 131072; room += room / 9 + 1)
        check(packed.size, room);
    for (size_t size = 0; size < packed.size; size += packed.size / 50)
        check(size, text.size);
}

/* ---- damage ------------------------------------------------------------------------------ */

static uint32_t bits;
static int bit_count;

/* Bits as a number, the first one lowest. */
static void put(uint32_t value, int count)
{
    bits |= value << bit_count;
    for (bit_count += count; bit_count >= 8; bit_count -= 8, bits >>= 8)
        add_be(&packed, bits, 1);
}

/* A Huffman code, highest bit first. */
static void put_code(uint32_t code, int count)
{
    while (count-- > 0)
        put(code >> count & 1, 1);
}

static void start_stream(void)
{
    packed.size = 0;
    bits = 0;
    bit_count = 0;
    add_bytes(&packed, "\x78\x01", 2);
}

/* A stream with one last block: type 1 with an 'a' as a start, or another type. */
static void start(uint32_t type)
{
    start_stream();
    put(1, 1);
    put(type, 2);
    if (type == 1)
        put_code(0x30 + 'a', 8);
}

/* The first lengths of a dynamic block: those of 18, 17, 16, 0 and 1 in the code of lengths. */
static void start_dynamic(const uint32_t length[5])
{
    start(2);
    put(0, 5 + 5);
    put(18 - 4, 4);
    put(length[2] | length[1] << 3 | length[0] << 6 | length[3] << 9, 12);
    for (int i = 4; i < 17; i++)
        put(0, 3);
    put(length[4], 3);
}

/* What came before the damage is there, and no more. */
static void ends_after(size_t want, const char *what)
{
    for (int i = 0; i < 1000; i++)
        put(0x55, 8);
    size_t got = unpack(packed.size, 40000);
    if (got != want)
        fail_with("%s: %zu bytes unpacked", what, got);
}

static void test_damage(void **state)
{
    (void)state;
    start(3);
    ends_after(0, "no such type");
    start(0);
    put(0, 5);
    put(3, 16);
    put(3, 16);
    ends_after(0, "a stored block whose lengths differ");
    start(1);
    put_code(1, 7);
    put_code(1, 5);
    ends_after(1, "a distance before the start");
    start(1);
    put_code(0xc6, 8);
    put_code(0, 5);
    ends_after(1, "no such length");
    start(1);
    for (int i = 0; i < 130; i++) { /* 258 bytes from 1 back */
        put_code(0xc5, 8);
        put_code(0, 5);
    }
    put_code(1, 7);
    put_code(30, 5);
    put(0, 14);
    ends_after(1 + 130 * 258, "no such distance");
}

/* Lengths of 0, one bit each. */
static void put_zeros(int count)
{
    for (; count > 0; count--)
        put(0, 1);
}

/* The first two unpack to a byte if the mistake is not noticed. */
static void test_damaged_codes(void **state)
{
    (void)state;
    start_dynamic((const uint32_t[5]){1, 0, 0, 1, 1});
    put_code(1, 1); /* 1 for literal 0 and for the end of the block */
    put_zeros(255);
    put_code(1, 1);
    put_zeros(2); /* no distances; the literal */
    ends_after(0, "three codes of one bit");
    start_dynamic((const uint32_t[5]){0, 0, 2, 1, 2});
    put_code(3, 2); /* 16: as the last one, which there is not, three times */
    put(0, 2);
    put_code(2, 2);
    put_zeros(252);
    put_code(2, 2);
    put_zeros(2);
    ends_after(0, "a repetition of no length");
    start_dynamic((const uint32_t[5]){1, 0, 0, 1, 0});
    for (int i = 0; i < 2; i++) {
        put_code(1, 1);
        put(127, 7);
    }
    ends_after(0, "more lengths than there are symbols");
    start_dynamic((const uint32_t[5]){0});
    ends_after(0, "lengths without a code");
}

static void test_heads(void **state)
{
    (void)state;
    static const char *const heads[] = {"\x77\x09", "\x79\x18", "\x78\x02", "\x78\x20"};
    for (int i = 0; i < 4; i++) {
        use("", heads[i], 2);
        add_bytes(&packed, "\xf9\1\0\xfe\xff!", 6); /* what pads a byte is ignored, as is what follows */
        add_bytes(&packed, "\1\1\0\xfe\xff?", 6);
        assert_int_equal(unpack(packed.size, 10), 0);
        memcpy(packed.bytes, "\x78\x01", 2);
        assert_int_equal(unpack(packed.size, 10), 1);
        assert_int_equal(out.bytes[0], '!');
    }
}

/* A stream of empty blocks with fixed codes. */
static void test_nothing(void **state)
{
    (void)state;
    start_stream();
    while (packed.size < 100000) {
        put(2, 3);
        put_code(0, 7);
    }
    assert_int_equal(unpack(packed.size, 1000), 0);
}

/* Whatever a stream is damaged to, it ends, and within its bounds. */
static void test_every_bit(void **state)
{
    (void)state;
    struct random random = {3};
    text.size = packed.size = 0;
    for (int i = 0; i < 200; i++)
        add_be(&text, (uint32_t)random_below(&random, 20), 1);
    add_zeros(&text, 300);
    add_zlib(&packed, text.bytes, text.size);
    for (size_t bit = 0; bit < 8 * packed.size; bit++) {
        packed.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        unpack(packed.size, 5000);
        packed.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams_by_zlib), cmocka_unit_test(test_streams_by_limn),
        cmocka_unit_test(test_damage),          cmocka_unit_test(test_damaged_codes),
        cmocka_unit_test(test_heads),           cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_every_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
