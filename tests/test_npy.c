/* test_npy.c - .npy files: what is written reads back, what NumPy may write is read, all else is refused. */
#include "engine/base/files.h"
#include "engine/base/memory.h"
#include "engine/base/npy.h"
#include "tests/support.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_ROOM = 4096 };

/* A file of any version around this header text; returns its size. The text is padded as NumPy pads it. */
static size_t make_npy(unsigned char *file, int version, const char *header, const void *data,
                       size_t data_bytes)
{
    size_t prefix = version == 1 ? 10 : 12, text = strlen(header), whole = (prefix + text + 64) / 64 * 64;
    size_t length = whole - prefix;
    assert_true(whole + data_bytes <= FILE_ROOM);
    memset(file, ' ', whole);
    memcpy(file, "\x93NUMPY", 6);
    file[6] = (unsigned char)version, file[7] = 0;
    for (size_t i = 8; i < prefix; i++, length >>= 8)
        file[i] = (unsigned char)length;
    memcpy(file + prefix, header, text);
    file[whole - 1] = '\n';
    memcpy(file + whole, data, data_bytes);
    return whole + data_bytes;
}

/* Decodes from a block of exactly this size, so that reading past its end is noticed. */
static limn_status decode(const unsigned char *file, size_t size, struct npy *array, limn_error *error)
{
    unsigned char *exact = malloc(size ? size : 1);
    memcpy(exact, file, size);
    limn_status status = npy_decode(exact, size, "x.npy", array, error);
    free(exact);
    if (status != LIMN_OK && array->data)
        fail_with("data is set after a failure: %s", error ? error->message : "");
    return status;
}

static const float numbers[12] = {0, 1, -2, 0.1F, 1e-42F, 3e38F, -7, 8, 9, 10, 11, 12};

static void test_what_is_written_reads_back(void **state)
{
    (void)state;
    static const int64_t shapes[][4] = {{1, 1, 1, 1}, {2, 1, 3, 2}, {1, 12, 1, 1}, {3, 2, 1, 2}};
    const char *path = scratch_path("written.npy");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const int64_t *s = shapes[i];
        struct npy array;
        unsigned char *bytes;
        size_t size, data_bytes = (size_t)(s[0] * s[1] * s[2] * s[3]) * sizeof(float);
        assert_ok(npy_write(path, s, numbers, true, error));
        assert_ok(npy_read(path, &array, error));
        assert_memory_equal(array.shape, s, sizeof array.shape);
        assert_memory_equal(array.data, numbers, data_bytes);
        npy_free(&array);
        assert_ok(file_read_all(path, 1 << 20, LIMN_E_INPUT, &bytes, &size, error));
        assert_int_equal((size - data_bytes) % 64, 0); /* as the format requires */
        assert_int_equal(bytes[size - data_bytes - 1], '\n');
        mem_free(bytes);
    }
    assert_fails(npy_write(path, shapes[0], numbers, false, error), LIMN_E_OUTPUT, "already exists");
    assert_fails(npy_write("/dev/full", shapes[0], numbers, false, error), LIMN_E_OUTPUT, "No space");
    assert_fails(npy_write(path, (int64_t[4]){1, 0, 1, 1}, numbers, true, error), LIMN_E_OUTPUT,
                 "cannot write an array of this shape");
    assert_fails(npy_write(path, (int64_t[4]){1, INT64_MAX, 3, 1}, numbers, true, error), LIMN_E_OUTPUT,
                 "cannot write an array of this shape");
    struct npy array;
    assert_fails(npy_read(scratch_path("absent.npy"), &array, error), LIMN_E_INPUT, "absent.npy: No such");
    assert_null(array.data);
}

/* Headers that are accepted, with the shape they give. */
static const struct {
    const char *header;
    int64_t shape[4];
} accepted[] = {
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 2, 2), }", {1, 3, 2, 2}},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (12,), }", {1, 1, 1, 12}},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }", {1, 1, 3, 4}},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2, 2), }", {1, 3, 2, 2}},
    {"{'shape': (2,6), 'fortran_order':False,'descr':'<f4'}", {1, 1, 2, 6}},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (4, 3), }", {1, 1, 4, 3}},
};

static void test_what_numpy_writes(void **state)
{
    (void)state;
    unsigned char file[FILE_ROOM];
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++)
        for (int version = 1; version <= 3; version++) {
            bool doubles = strstr(accepted[i].header, "<f8") != NULL;
            double wide[12];
            for (int k = 0; k < 12; k++)
                wide[k] = (double)numbers[k] * (1 + 1e-12); /* rounds to the float again */
            size_t size = make_npy(file, version, accepted[i].header, doubles ? (const void *)wide : numbers,
                                   doubles ? sizeof wide : sizeof numbers);
            struct npy array = {0};
            limn_error error = {0};
            if (decode(file, size, &array, &error) != LIMN_OK ||
                memcmp(array.shape, accepted[i].shape, sizeof array.shape) != 0 ||
                memcmp(array.data, numbers, sizeof numbers) != 0)
                fail_with("version %d, %s: %s", version, accepted[i].header,
                          error.message[0] ? error.message : "another shape or other values");
            npy_free(&array);
            /* Cut anywhere, or with a byte too many. */
            for (size_t cut = 0; cut <= size + 1; cut++)
                if (cut != size && decode(file, cut, &array, &error) != LIMN_E_INPUT)
                    fail_with("version %d, %s: accepted %zu of %zu bytes", version, accepted[i].header, cut,
                              size);
        }
}

/* Each is followed by the 12 floats of `numbers`; with part of the message. */
static const struct {
    const char *header, *message;
} refused[] = {
    {"{'descr': '<i4', 'fortran_order': False, 'shape': (12,), }", "'<f4' (float32) expected"},
    {"{'descr': '>f4', 'fortran_order': False, 'shape': (12,), }", "elements are '>f4', '<f4'"},
    {"{'descr': '<f2', 'fortran_order': False, 'shape': (24,), }", "elements are '<f2'"},
    {"{'descr': '<c8', 'fortran_order': False, 'shape': (6,), }", "elements are '<c8'"},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (48,), }", "elements are '|u1'"},
    {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (12,), }", "elements are"},
    {"{'fortran_order': False, 'shape': (12,), }", "of no type"},
    {"{'descr': '<f4', 'fortran_order': True, 'shape': (3, 4), }", "Fortran order"},
    {"{'descr': '<f4', 'shape': (3, 4), }", "Fortran order"},
    {"{'descr': '<f4', 'fortran_order': False, }", "axes expected"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (), }", "axes expected"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': 12, }", "axes expected"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (12", "axes expected"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 12), }", "axes expected"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (0,), }", "axes expected"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (12, 0), }", "axes expected"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (-12,), }", "axes expected"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (-3, -4), }", "axes expected"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1.5, 8), }", "axes expected"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (0x0c,), }", "axes expected"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", "axes expected"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", "axes expected"},
    /* A product that is 12 modulo 2^64, and one whose bytes are 48 modulo 2^64. */
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (658812288346769701, 28), }", "axes expected"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387916,), }", "axes expected"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (11,), }", "48 bytes of data; 1x1x1x11 need 44"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 7), }", "48 bytes of data; 1x1x2x7 need 56"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (12,), }", "need 96"},
    {"", "of no type"},
    {"\x01\xff\x00 junk ' : ( ) {", "of no type"},
};

static void test_what_is_refused(void **state)
{
    (void)state;
    unsigned char file[FILE_ROOM];
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct npy array;
        limn_error error = {0};
        size_t size = make_npy(file, 1, refused[i].header, numbers, sizeof numbers);
        limn_status status = decode(file, size, &array, &error);
        if (status != LIMN_E_INPUT || !strstr(error.message, refused[i].message))
            fail_with("%s: status %d, message \"%s\", expected one with \"%s\"", refused[i].header,
                      (int)status, error.message, refused[i].message);
    }
}

static void test_lying_prefixes(void **state)
{
    (void)state;
    unsigned char file[FILE_ROOM];
    struct npy array;
    size_t size = make_npy(file, 1, accepted[0].header, numbers, sizeof numbers);
    file[8] = 0xFF, file[9] = 0xFF; /* a header longer than the file */
    assert_fails(decode(file, size, &array, error), LIMN_E_INPUT, "header of 65535 bytes");
    file[8] = file[9] = 0;
    assert_fails(decode(file, size, &array, error), LIMN_E_INPUT, "of no type");
    size = make_npy(file, 2, accepted[0].header, numbers, sizeof numbers);
    memset(file + 8, 0xFF, 4);
    assert_fails(decode(file, size, &array, error), LIMN_E_INPUT, "header of 4294967295 bytes");
    for (int version = 0; version < 256; version++) {
        file[6] = (unsigned char)version;
        if (version < 1 || version > 3)
            assert_fails(decode(file, size, &array, error), LIMN_E_INPUT, ".npy version");
    }
    file[0] = 'x';
    assert_fails(decode(file, size, &array, error), LIMN_E_INPUT, "not a .npy file");
}

/* Any byte of the header changed to any other: accepted or refused, but never more data than there is. */
static void test_damaged_headers(void **state)
{
    (void)state;
    unsigned char file[FILE_ROOM];
    size_t size = make_npy(file, 1, accepted[0].header, numbers, sizeof numbers);
    for (size_t at = 0; at < size - sizeof numbers; at++)
        for (int bit = 0; bit < 8; bit++) {
            struct npy array;
            file[at] ^= (unsigned char)(1 << bit);
            if (decode(file, size, &array, NULL) == LIMN_OK) {
                const int64_t *s = array.shape;
                if (s[0] * s[1] * s[2] * s[3] != 12)
                    fail_with("bit %d of byte %zu: a shape of %" PRId64 " elements", bit, at,
                              s[0] * s[1] * s[2] * s[3]);
            }
            npy_free(&array);
            file[at] ^= (unsigned char)(1 << bit);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_reads_back),
        cmocka_unit_test(test_what_numpy_writes),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_lying_prefixes),
        cmocka_unit_test(test_damaged_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
