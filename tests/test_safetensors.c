/* test_safetensors.c - the header reader: every rule broken once, and the element types. */
#include "tests/support.h"
#include "weights/json.h"
#include "weights/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct safetensors_memory memory = {malloc, free};

/* A header, the size of the data that follows it in the file, and the reader's message; NULL: the header is
 * valid. */
static const struct {
    const char *header;
    uint64_t data;
    const char *problem;
} cases[] = {
    {"{}", 0, NULL},
    {"{}    ", 0, NULL},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}", 24, NULL},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, NULL},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[0,0]}}", 0, NULL},
    {"{\"b\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[4,12]},\"a\":{\"dtype\":\"F16\",\"shape\":[2]"
     ","
     "\"data_offsets\":[0,4]}}",
     12, NULL},
    {"{\"a\":{\"data_offsets\":[0,3],\"shape\":[6],\"dtype\":\"F4\"}}", 3, NULL},
    {"{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"BOOL\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
     NULL},
    {"{\"\\u00e9\\ud83d\\ude00\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, NULL},
    /* JSON */
    {" {}", 0, "begin with {"},
    {"[]", 0, "begin with {"},
    {"{", 0, "a string was expected"},
    {"{\"a\"", 0, "colon"},
    {"{\"a\":{}", 0, "comma or a closing"},
    {"{} x", 0, "text after the end"},
    {"{\"a\\x\":1}", 0, "escape"},
    {"{\"\\ud800\":1}", 0, "surrogate"},
    {"{\"\\udc00\":1}", 0, "surrogate"},
    {"{\"\\u12g4\":1}", 0, "hexadecimal"},
    {"{\"\\u0000\":1}", 0, "zero character"},
    {"{\"a\xff\":1}", 0, "UTF-8"},
    {"{\"\xc0\x80\":1}", 0, "UTF-8"},
    {"{\"\xed\xa0\x80\":1}", 0, "UTF-8"},
    {"{\"a\nb\":1}", 0, "control character"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[01],\"data_offsets\":[0,4]}}", 4, "malformed number"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4, "whole number"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "whole number"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,4]}}", 4, "64 bits"},
    {"{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 0, "nested"},
    {"{\"a\":tru}", 0, "unknown word"},
    /* tensors */
    {"{\"a\":1}", 0, "object"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "is missing"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4, "unknown field"},
    {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
     "repeated field"},
    {"{\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "unknown dtype F31"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "more than 8"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]}}", 4, "overflows"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1152921504606846976],\"data_offsets\":[0,4]}}", 4,
     "whole number of bytes"},
    {"{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]}}", 2, "whole number of bytes"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "its shape and dtype need 8"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "before its start"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, "two offsets"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 4, "two offsets"},
    /* layout */
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "gap or overlap"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],"
     "\"data_offsets\":[0,4]}}",
     4, "gap or overlap"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 3, "beyond the file"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5, "1 bytes after"},
    {"{}", 1, "1 bytes after"},
    /* names */
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"\\u0061\":{\"dtype\":\"F32\","
     "\"shape\":[1],"
     "\"data_offsets\":[4,8]}}",
     8, "a occurs twice"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],"
     "\"data_offsets\":[0,4]}}",
     4, "a occurs twice"},
    {"{\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],"
     "\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}",
     12, "b occurs twice"},
    {"{\"__metadata__\":{\"k\":\"v\",\"k\":\"w\"}}", 0, "key k occurs twice"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "occurs twice"},
    {"{\"__metadata__\":{\"k\":1}}", 0, "metadata key k: a number, a string was expected"},
    {"{\"__metadata__\":{\"j\":\"v\",\"k\":null}}", 0, "metadata key k: null, a string was expected"},
    {"{\"__metadata__\":{\"k\":{\"a\":[]}}}", 0, "metadata key k: an object, a string was expected"},
    {"{\"__metadata__\":{\"k\":[1]}}", 0, "metadata key k: an array, a string was expected"},
    {"{\"__metadata__\":{\"k\":true}}", 0, "metadata key k: true or false, a string was expected"},
    {"{\"__metadata__\":[]}", 0, "object"},
};

static void test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char problem[SAFETENSORS_PROBLEM] = "";
        size_t length = strlen(cases[i].header);
        uint64_t file = SAFETENSORS_PREFIX + length + cases[i].data;
        struct safetensors *s = safetensors_parse(cases[i].header, length, file, memory, problem);
        if (!cases[i].problem != !!s || (cases[i].problem && !strstr(problem, cases[i].problem)))
            fail_with("case %zu, %s: \"%s\", expected \"%s\"", i, cases[i].header, problem,
                      cases[i].problem ? cases[i].problem : "");
        free(s);
    }
}

/* No header may be read past its end, wherever it is cut. Exact-size blocks let the sanitizers see it. */
static void test_truncation(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t length = 0; length < strlen(cases[i].header); length++) {
            char problem[SAFETENSORS_PROBLEM];
            char *cut = malloc(length ? length : 1);
            assert_non_null(cut);
            memcpy(cut, cases[i].header, length);
            free(safetensors_parse(cut, length, SAFETENSORS_PREFIX + length, memory, problem));
            free(cut);
        }
}

static void test_prefix(void **state)
{
    (void)state;
    static const struct {
        unsigned char prefix[SAFETENSORS_PREFIX];
        uint64_t file;
        size_t bytes;
    } prefixes[] = {
        {{2}, 10, 2},
        {{2}, 9, 0},
        {{1}, 100, 0},
        {{0}, 100, 0},
        {{0, 0xe1, 0xf5, 5}, UINT64_C(1) << 40, 100000000},
        {{1, 0xe1, 0xf5, 5}, UINT64_C(1) << 40, 0},
        {{255, 255, 255, 255, 255, 255, 255, 255}, 100, 0},
    };
    char problem[SAFETENSORS_PROBLEM];
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        assert_int_equal(safetensors_header_bytes(prefixes[i].prefix, prefixes[i].file, problem),
                         prefixes[i].bytes);
}

static void test_look_up(void **state)
{
    (void)state;
    static const char header[] = "{\"b\":{\"dtype\":\"BF16\",\"shape\":[2,2],\"data_offsets\":[4,12]},\"__"
                                 "metadata__\":{\"x\":\"1\",\"a\":\"\\u00e9\"},"
                                 "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}  ";
    char problem[SAFETENSORS_PROBLEM];
    uint64_t file = SAFETENSORS_PREFIX + strlen(header) + 12;
    struct safetensors *s = safetensors_parse(header, strlen(header), file, memory, problem);
    assert_non_null(s);
    const struct tensor_entry *b = safetensors_find(s, "b");
    assert_non_null(b);
    assert_int_equal(b->dtype, DTYPE_BF16);
    assert_int_equal(b->rank, 2);
    assert_int_equal(b->elements, 4);
    assert_int_equal(b->offset, SAFETENSORS_PREFIX + strlen(header) + 4);
    assert_null(safetensors_find(s, "c"));
    assert_string_equal(safetensors_metadata(s, "a"), "\xc3\xa9");
    assert_null(safetensors_metadata(s, "y"));
    free(s);
}

static void *no_memory(size_t bytes)
{
    (void)bytes;
    return NULL;
}

static void test_no_memory(void **state)
{
    (void)state;
    char problem[SAFETENSORS_PROBLEM] = "x";
    assert_null(safetensors_parse("{}", 2, 10, (struct safetensors_memory){no_memory, free}, problem));
    assert_string_equal(problem, "");
}

/* All 65536 half floats against the definition, (-1)^s 2^(e-15) (1 + f/1024). */
static void test_half_floats(void **state)
{
    (void)state;
    enum { ALL = 65536, LAST = 3 }; /* the last few by themselves, so that counts are no round numbers */
    static unsigned char bytes[1 + 2 * ALL];
    static float floats[ALL];
    for (unsigned bits = 0; bits < ALL; bits++) {
        bytes[1 + 2 * bits] = (unsigned char)bits; /* at odd addresses */
        bytes[2 + 2 * bits] = (unsigned char)(bits >> 8);
    }
    dtype_to_float(DTYPE_F16, bytes + 1, ALL - LAST, floats);
    dtype_to_float(DTYPE_F16, bytes + 1 + 2 * (ALL - LAST), LAST, floats + ALL - LAST);
    for (unsigned bits = 0; bits < ALL; bits++) {
        float got = floats[bits];
        int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
        double want = exponent ? ldexp(1 + fraction / 1024.0, exponent - 15) : ldexp(fraction / 1024.0, -14);
        if (exponent == 31)
            want = fraction ? NAN : INFINITY;
        want = bits & 0x8000 ? -want : want;
        assert_true(isnan(want) ? isnan(got) != 0 : (double)got == want && !signbit(got) == !(bits & 0x8000));
    }
}

static void test_other_floats(void **state)
{
    (void)state;
    static const unsigned char bf16[] = {0x80, 0x3f, 0x49, 0xc0}, f32[] = {0xdb, 0x0f, 0x49, 0x40};
    float values[2];
    dtype_to_float(DTYPE_BF16, bf16, 2, values);
    assert_true(values[0] == 1.0F && values[1] == -3.140625F);
    dtype_to_float(DTYPE_F32, f32, 1, values);
    assert_true(values[0] == 3.14159274F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_prefix),       cmocka_unit_test(test_look_up),
        cmocka_unit_test(test_no_memory),    cmocka_unit_test(test_half_floats),
        cmocka_unit_test(test_other_floats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
