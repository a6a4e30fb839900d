/* hide_avx512.c - hides AVX-512 and AMX from a program, so that its libraries choose their kernels for AVX2.
 *
 *     cc -O2 -shared -fPIC hide_avx512.c -o hide_avx512.so
 *     LD_PRELOAD=./hide_avx512.so PROGRAM
 *
 * A library learns from the CPUID instruction which instruction sets exist. Here a signal handler answers
 * instead, without the bits of AVX-512 and AMX. CPUID raises a general protection fault (SIGSEGV with code
 * SI_KERNEL):
 *
 *   - where the processor can fault on CPUID: Intel since Ivy Bridge, AMD since Zen 5 (arch_prctl(2))
 *   - elsewhere in copies of libraries, in which limits.py has replaced CPUID (0f a2) by INT 0xa2 (cd a2)
 *
 * The C library has executed CPUID before; GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F,.. limits it.
 * Bits: Intel's Software Developer's Manual, volume 2, CPUID. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { SET_CPUID = 0x1012 }; /* arch_prctl: 0 makes CPUID fault in this thread and those that it starts */

static const unsigned char cpuid_bytes[] = {0x0f, 0xa2}, int_bytes[] = {0xcd, 0xa2};
static bool faults; /* the processor faults on CPUID */
static struct sigaction previous;

static bool set_cpuid(bool works)
{
    return syscall(SYS_arch_prctl, SET_CPUID, (unsigned long)works) == 0;
}

/* Registers of CPUID: eax, ebx, ecx, edx. On entry eax is the leaf, ecx the subleaf. */
static void answer(unsigned r[4])
{
    unsigned leaf = r[0], subleaf = r[2];
    __cpuid_count(leaf, subleaf, r[0], r[1], r[2], r[3]);
    if (leaf == 7 && subleaf == 0) {
        r[0] = 0; /* no further subleaves: AVX512-BF16, AMX-FP16, AVX10 */
        r[1] &= ~(1U << 16 | 1U << 17 | 1U << 21 | 1U << 26 | 1U << 27 | 1U << 28 | 1U << 30 | 1U << 31);
        r[2] &= ~(1U << 1 | 1U << 6 | 1U << 11 | 1U << 12 | 1U << 14);
        r[3] &= ~(1U << 2 | 1U << 3 | 1U << 8 | 1U << 22 | 1U << 23 | 1U << 24 | 1U << 25);
    } else if (leaf == 7) {
        memset(r, 0, 4 * sizeof *r);
    } else if (leaf == 0xd && subleaf == 0) {
        r[0] &= ~(7U << 5 | 3U << 17); /* registers to save: ZMM and masks, tiles */
    }
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
    greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
    const void *ip = (const void *)g[REG_RIP];
    if (info->si_code != SI_KERNEL || (memcmp(ip, cpuid_bytes, 2) != 0 && memcmp(ip, int_bytes, 2) != 0)) {
        sigaction(signal, &previous, NULL); /* another fault: it repeats under the previous handler */
        return;
    }
    unsigned r[4] = {(unsigned)g[REG_RAX], 0, (unsigned)g[REG_RCX], 0};
    if (faults)
        set_cpuid(true);
    answer(r);
    if (faults)
        set_cpuid(false);
    g[REG_RAX] = r[0];
    g[REG_RBX] = r[1];
    g[REG_RCX] = r[2];
    g[REG_RDX] = r[3];
    g[REG_RIP] += 2;
}

__attribute__((constructor)) static void start(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, &previous);
    faults = set_cpuid(false);
}
