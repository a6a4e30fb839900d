/* deflate.c - see deflate.h.
 *
 *     zlib stream   78 9c, blocks, Adler-32 of the text      (RFC 1950)
 *
 * The input is collected into blocks of 65535 bytes, the most that a stored block holds. For each block: find
 * repetitions (lz77.h), count symbols and make their codes (huffman.h), write (deflate_block.h). */
#include "engine/pictures/deflate.h"
#include "engine/base/memory.h"
#include "engine/pictures/deflate_block.h"

#include <string.h>

struct deflate {
    deflate_sink *sink;
    void *context;
    struct lz77 lz77;
    struct bit_writer out;
    uint32_t adler_a, adler_b;
};

limn_status deflate_create(deflate_sink *sink, void *context, struct deflate **deflate, limn_error *error)
{
    struct deflate *made = *deflate = mem_zalloc(1, sizeof *made);
    if (!made)
        return fail_memory(error, "a compressor", sizeof *made);
    made->sink = sink;
    made->context = context;
    made->adler_a = 1;
    bits_put(&made->out, 0x9c78, 16); /* deflate with a window of 32768, default effort */
    return LIMN_OK;
}

void deflate_free(struct deflate *deflate)
{
    mem_free(deflate);
}

static limn_status flush_bytes(struct deflate *deflate, limn_error *error)
{
    limn_status status = LIMN_OK;
    if (deflate->out.size)
        status = deflate->sink(deflate->context, deflate->out.bytes, deflate->out.size, error);
    deflate->out.size = 0;
    return status;
}

static void update_adler(struct deflate *deflate)
{
    enum { MODULUS = 65521, WITHOUT_OVERFLOW = 5552 }; /* RFC 1950, 9: additions that fit in 32 bits */
    const unsigned char *text = lz77_text(&deflate->lz77);
    for (size_t at = 0; at < deflate->lz77.pending;) {
        size_t end =
            at + WITHOUT_OVERFLOW < deflate->lz77.pending ? at + WITHOUT_OVERFLOW : deflate->lz77.pending;
        for (; at < end; at++) {
            deflate->adler_a += text[at];
            deflate->adler_b += deflate->adler_a;
        }
        deflate->adler_a %= MODULUS;
        deflate->adler_b %= MODULUS;
    }
}

static limn_status write_block(struct deflate *deflate, bool final, limn_error *error)
{
    update_adler(deflate);
    lz77_find_tokens(&deflate->lz77);
    deflate_block(&deflate->out, &deflate->lz77, final);
    lz77_next_block(&deflate->lz77);
    return flush_bytes(deflate, error);
}

limn_status deflate_write(struct deflate *deflate, const unsigned char *bytes, size_t size, limn_error *error)
{
    struct lz77 *lz77 = &deflate->lz77;
    while (size > 0) {
        limn_status status = LIMN_OK;
        if (lz77->pending == LZ77_BLOCK)
            status = write_block(deflate, false, error);
        if (status)
            return status;
        size_t room = LZ77_BLOCK - lz77->pending, taken = size < room ? size : room;
        memcpy(lz77->window + LZ77_HISTORY + lz77->pending, bytes, taken);
        lz77->pending += taken;
        bytes += taken;
        size -= taken;
    }
    return LIMN_OK;
}

limn_status deflate_finish(struct deflate *deflate, limn_error *error)
{
    limn_status status = write_block(deflate, true, error);
    if (status)
        return status;
    bits_pad(&deflate->out);
    uint32_t adler = deflate->adler_b << 16 | deflate->adler_a;
    for (int shift = 24; shift >= 0; shift -= 8)
        bits_put(&deflate->out, adler >> shift & 255, 8);
    bits_pad(&deflate->out);
    return flush_bytes(deflate, error);
}
