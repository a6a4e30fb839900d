/* maths.h - functions that have the same bits with every compiler, C library and instruction set.
 *
 * The last bits of exp, sin and pow differ between C libraries, and between versions of one. These functions
 * use only + - * / of double, comparisons and the bits of numbers, which IEEE 754 defines to the last bit; so
 * is sqrt, and limn calls the C library's. The Makefile turns the fusing of a * b + c off
 * (-ffp-contract=off), and maths.c refuses to compile where double is computed in the 80 bits of the x87
 * (32-bit x86 without -msse2 -mfpmath=sse). Rounding is to nearest, the default; numbers below 2^-1022 are
 * kept unless cpu_flush_denormals was called.
 *
 * Errors are in units in the last place of the result (ulp), bounds that tests/test_maths.c checks. NaN gives
 * NaN; infinities and zeros give what C11, Annex F, says. No function sets errno. Thread-safe.
 *
 * The methods: J.-M. Muller et al., Handbook of Floating-Point Arithmetic, 2nd edition, 2018, chapters 4
 * (error-free sums and products) and 10 (evaluating functions); W. J. Cody, W. Waite, Software Manual for the
 * Elementary Functions, 1980 (reduction by a constant in parts). The series are Taylor's. */
#ifndef LIMN_MATHS_H
#define LIMN_MATHS_H

/* e^x; error below 1 ulp. */
double maths_exp(double x);

/* ln x; error below 1 ulp. -inf for 0, NaN for x < 0. */
double maths_log(double x);

/* x^y = e^(y ln x) for x >= 0 and y > 0. The relative error is below 2^-52 (1 + |y ln x|), so that a result
 * rounded to float is nearly always the float nearest to x^y. */
double maths_power(double x, double y);

/* x in radians, |x| <= 1024; beyond that, NaN. Error below 1 ulp. */
double maths_sin(double x);
double maths_cos(double x);

/* The angle of the point (x, y), -pi .. pi; error below 1 ulp where the result is above 2^-1022. */
double maths_atan2(double y, double x);

#endif
