/* test_colour.c - Lab against scikit-image (goldens: tools/reference/golden_colour.py) and OpenCV, CIEDE2000
 * against the pairs its authors published. Run from the repository's root. */
#include "engine/pictures/colour.h"
#include "engine/pictures/opencv.h"
#include "tests/support.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Float32 arithmetic in values of up to 100 that are differences of rounded numbers, times 500. */
static const double LAB_TOLERANCE = 3e-4;

static void check_lab(const double n[6])
{
    unsigned char rgb[4] = {(unsigned char)n[0], (unsigned char)n[1], (unsigned char)n[2], 77};
    float lab[3], again[3];
    lab_from_rgb(rgb, 3, 1, lab);
    lab_from_rgb(rgb, 4, 1, again);
    assert_memory_equal(lab, again, sizeof lab);
    for (int c = 0; c < 3; c++)
        if (!(fabs(lab[c] - n[3 + c]) <= LAB_TOLERANCE))
            fail_with("rgb %d %d %d: Lab[%d] want %.6f, got %.6f", rgb[0], rgb[1], rgb[2], c, n[3 + c],
                      (double)lab[c]);
}

/* `n` has the samples before rounding: nearest, but either of two where they are within 1e-3 of the middle.
 */
static void check_rgb(const double n[6])
{
    const float lab[3] = {(float)n[0], (float)n[1], (float)n[2]};
    unsigned char rgb[3];
    rgb_from_lab(lab, 1, rgb, 3);
    for (int c = 0; c < 3; c++)
        if (!(fabs(rgb[c] - n[3 + c]) <= 0.5 + 1e-3))
            fail_with("Lab %g %g %g: rgb[%d] want %.3f, got %d", n[0], n[1], n[2], c, n[3 + c], rgb[c]);
}

static void check_delta(const double n[7], double tolerance)
{
    const float a[3] = {(float)n[0], (float)n[1], (float)n[2]},
                b[3] = {(float)n[3], (float)n[4], (float)n[5]};
    double forth = delta_e_2000(a, b), back = delta_e_2000(b, a);
    if (!(fabs(forth - n[6]) <= tolerance) || !(fabs(back - n[6]) <= tolerance))
        fail_with("Delta-E of %g %g %g and %g %g %g: want %.7f, got %.7f and %.7f", n[0], n[1], n[2], n[3],
                  n[4], n[5], n[6], forth, back);
}

static void test_goldens(void **state)
{
    (void)state;
    FILE *file = fopen("tests/goldens/colour.txt", "r");
    assert_non_null(file);
    char kind[16];
    double n[7];
    int cases = 0;
    for (; fscanf(file, "%15s", kind) == 1; cases++) {
        bool delta = strcmp(kind, "delta") == 0;
        for (int i = 0; i < (delta ? 7 : 6); i++)
            assert_int_equal(fscanf(file, "%lf", &n[i]), 1);
        if (delta)
            check_delta(n, 1e-6);
        else if (strcmp(kind, "rgb") == 0)
            check_lab(n);
        else
            check_rgb(n);
    }
    fclose(file);
    assert_int_equal(cases, 792);
}

/* Every fifth level of each channel, 0 and 255 among them, comes back as it was; alpha stays. */
static void test_round_trip(void **state)
{
    (void)state;
    enum { COUNT = 52 };
    unsigned char row[COUNT * 4], back[COUNT * 4];
    float lab[COUNT * 3];
    for (int r = 0; r < 256; r += 5)
        for (int g = 0; g < 256; g += 5) {
            for (int i = 0; i < COUNT; i++)
                memcpy(row + 4 * i,
                       (unsigned char[4]){(unsigned char)r, (unsigned char)g, (unsigned char)(5 * i),
                                          (unsigned char)i},
                       4);
            memset(back, 0, sizeof back);
            for (int i = 0; i < COUNT; i++)
                back[4 * i + 3] = (unsigned char)i;
            lab_from_rgb(row, 4, COUNT, lab);
            rgb_from_lab(lab, COUNT, back, 4);
            for (size_t i = 0; i < sizeof row; i++)
                if (row[i] != back[i])
                    fail_with("rgb %d %d, byte %zu: want %d, got %d", r, g, i, row[i], back[i]);
        }
}

static void test_not_a_number(void **state)
{
    (void)state;
    const float lab[6] = {NAN, 0, 0, INFINITY, 0, 0};
    unsigned char rgb[6];
    rgb_from_lab(lab, 2, rgb, 3);
    const unsigned char want[6] = {0, 0, 0};
    assert_memory_equal(rgb, want, 3);
}

/* As cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB) of opencv-python-headless has them. The last two show the roots
 * that are a half. */
static void test_opencv_lab(void **state)
{
    (void)state;
    enum { COUNT = 14 };
    static const unsigned char rows[COUNT][6] = {
        {0, 0, 0, 0, 128, 128},       {255, 255, 255, 255, 128, 128}, {255, 0, 0, 136, 208, 195},
        {0, 255, 0, 224, 42, 211},    {0, 0, 255, 82, 207, 20},       {255, 255, 0, 248, 106, 223},
        {255, 0, 255, 154, 226, 67},  {0, 255, 255, 233, 80, 114},    {10, 11, 12, 8, 128, 127},
        {128, 64, 200, 107, 181, 68}, {200, 90, 30, 131, 169, 180},   {1, 2, 3, 1, 128, 127},
        {250, 45, 15, 139, 201, 192}, {163, 169, 0, 170, 110, 197},
    };
    unsigned char rgb[3 * COUNT], lab[3 * COUNT];
    for (int i = 0; i < COUNT; i++)
        memcpy(rgb + 3 * i, rows[i], 3);
    opencv_lab(rgb, COUNT, lab);
    for (int i = 0; i < COUNT; i++)
        if (memcmp(lab + 3 * i, rows[i] + 3, 3) != 0)
            fail_with("rgb %d %d %d: want %d %d %d, got %d %d %d", rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2],
                      rows[i][3], rows[i][4], rows[i][5], lab[3 * i], lab[3 * i + 1], lab[3 * i + 2]);
}

/* Table 1 of the paper that colour.h names: two Lab colours and their difference to four decimals. Pairs 9 to
 * 15 lie about the jump of the mean hue. */
static const double published[][7] = {
    {50, 2.6772, -79.7751, 50, 0, -82.7485, 2.0425},
    {50, 3.1571, -77.2803, 50, 0, -82.7485, 2.8615},
    {50, 2.8361, -74.02, 50, 0, -82.7485, 3.4412},
    {50, -1.3802, -84.2814, 50, 0, -82.7485, 1.0000},
    {50, -1.1848, -84.8006, 50, 0, -82.7485, 1.0000},
    {50, -0.9009, -85.5211, 50, 0, -82.7485, 1.0000},
    {50, 0, 0, 50, -1, 2, 2.3669},
    {50, -1, 2, 50, 0, 0, 2.3669},
    {50, 2.49, -0.001, 50, -2.49, 0.0009, 7.1792},
    {50, 2.49, -0.001, 50, -2.49, 0.001, 7.1792},
    {50, 2.49, -0.001, 50, -2.49, 0.0011, 7.2195},
    {50, 2.49, -0.001, 50, -2.49, 0.0012, 7.2195},
    {50, -0.001, 2.49, 50, 0.0009, -2.49, 4.8045},
    {50, -0.001, 2.49, 50, 0.001, -2.49, 4.8045},
    {50, -0.001, 2.49, 50, 0.0011, -2.49, 4.7461},
    {50, 2.5, 0, 50, 0, -2.5, 4.3065},
    {50, 2.5, 0, 73, 25, -18, 27.1492},
    {50, 2.5, 0, 61, -5, 29, 22.8977},
    {50, 2.5, 0, 56, -27, -3, 31.9030},
    {50, 2.5, 0, 58, 24, 15, 19.4535},
    {50, 2.5, 0, 50, 3.1736, 0.5854, 1.0000},
    {50, 2.5, 0, 50, 3.2972, 0, 1.0000},
    {50, 2.5, 0, 50, 1.8634, 0.5757, 1.0000},
    {50, 2.5, 0, 50, 3.2592, 0.335, 1.0000},
    {60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644},
    {63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630},
    {61.2901, 3.7196, -5.3901, 61.4292, 2.248, -4.962, 1.8731},
    {35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645},
    {22.7233, 20.0904, -46.694, 23.0331, 14.973, -42.5619, 2.0373},
    {36.4612, 47.858, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146},
    {90.8027, -2.0831, 1.441, 91.1528, -1.6435, 0.0447, 1.4441},
    {90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381},
    {6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377},
    {2.0776, 0.0795, -1.135, 0.9033, -0.0636, -0.5514, 0.9082},
};

static void test_published_pairs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof published / sizeof *published; i++)
        check_delta(published[i], 0.51e-4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goldens),         cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_not_a_number),    cmocka_unit_test(test_opencv_lab),
        cmocka_unit_test(test_published_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
