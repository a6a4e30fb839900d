/* inflate.c - see inflate.h, and deflate.c for the form of a stream. Section numbers are those of RFC 1951.
 *
 * A code is decoded a bit at a time, without tables: metadata is small, and this is short. */
#include "engine/pictures/inflate.h"
#include "engine/pictures/bytes.h"

#include <stdbool.h>
#include <string.h>

enum { MOST_BITS = 15, LITERALS = 288, DISTANCES = 32, LENGTH_CODES = 19 };
enum { END_OF_BLOCK = 256, FIRST_LENGTH = 257, LONGEST_SYMBOL = 285, LONGEST = 258, LAST_DISTANCE = 29 };

/* A canonical Huffman code (3.2.2): its symbols in the order of their codes, the shorter ones first. */
struct code {
    int of_length[MOST_BITS + 1]; /* how many symbols */
    uint16_t symbol[LITERALS];
};

struct stream {
    const unsigned char *packed;
    size_t size, at; /* the next byte */
    uint32_t bits;   /* read, but not taken, the oldest lowest */
    int count;       /* of them */
    bool stopped;    /* cut off, or damaged */
    unsigned char *out;
    size_t room, used;
    bool has_fixed;
    struct code fixed_literals, fixed_distances; /* made once: a stream may have millions of empty blocks */
};

/* The next bits as a number, the first one lowest (3.1.1). 0 once the stream has stopped. */
static uint32_t take(struct stream *stream, int count)
{
    while (stream->count < count) {
        if (stream->at == stream->size)
            stream->stopped = true;
        if (stream->stopped)
            return 0;
        stream->bits |= (uint32_t)stream->packed[stream->at++] << stream->count;
        stream->count += 8;
    }
    uint32_t value = stream->bits & ((1u << count) - 1);
    stream->bits >>= count;
    stream->count -= count;
    return value;
}

/* ---- codes ------------------------------------------------------------------------------- */

/* False if there are more codes of these lengths than there can be. 0: a symbol that does not occur. */
static bool make_code(struct code *code, const uint8_t *length, int symbols)
{
    int first[MOST_BITS + 2] = {0}, left = 1;
    memset(code, 0, sizeof *code);
    for (int s = 0; s < symbols; s++)
        code->of_length[length[s]]++;
    code->of_length[0] = 0;
    for (int bits = 1; bits <= MOST_BITS; bits++) {
        left = 2 * left - code->of_length[bits];
        if (left < 0)
            return false;
        first[bits + 1] = first[bits] + code->of_length[bits];
    }
    for (int s = 0; s < symbols; s++)
        if (length[s])
            code->symbol[first[length[s]]++] = (uint16_t)s;
    return true;
}

/* The codes of each length follow one another, and those that start the longer ones follow them. */
static int take_symbol(struct stream *stream, const struct code *code)
{
    int value = 0, before = 0; /* before: symbols of shorter codes */
    for (int bits = 1; bits <= MOST_BITS; bits++) {
        value = value << 1 | (int)take(stream, 1);
        if (value < code->of_length[bits])
            return code->symbol[before + value];
        value -= code->of_length[bits];
        before += code->of_length[bits];
    }
    stream->stopped = true; /* no symbol has this code */
    return 0;
}

/* A length or distance above the least: one for each of the first symbols, then 1 << `more` symbols for every
 * doubling, with extra bits (3.2.5). */
static size_t take_value(struct stream *stream, int symbol, int more)
{
    int extra = (symbol >> more) - 1;
    if (extra <= 0)
        return (size_t)symbol;
    size_t start = (size_t)(symbol - (extra << more)) << extra;
    return start + take(stream, extra);
}

/* ---- blocks ------------------------------------------------------------------------------ */

/* 3.2.4 */
static void unpack_stored(struct stream *stream)
{
    stream->bits = 0; /* the rest of the byte: no more than that was read */
    stream->count = 0;
    size_t length = take(stream, 16), complement = take(stream, 16);
    if (stream->stopped || length != (complement ^ 0xffff)) {
        stream->stopped = true;
        return;
    }
    size_t left = stream->size - stream->at, room = stream->room - stream->used;
    size_t count = length < left ? length : left;
    count = count < room ? count : room;
    memcpy(stream->out + stream->used, stream->packed + stream->at, count);
    stream->at += count;
    stream->used += count;
}

/* Repeats what is `distance` bytes back, which may go on into what is repeated. */
static void repeat(struct stream *stream, size_t length, size_t distance)
{
    if (distance > stream->used)
        stream->stopped = true;
    for (; !stream->stopped && length > 0 && stream->used < stream->room; length--, stream->used++)
        stream->out[stream->used] = stream->out[stream->used - distance];
}

/* 3.2.3 */
static void unpack_coded(struct stream *stream, const struct code *literals, const struct code *distances)
{
    while (stream->used < stream->room) {
        int symbol = take_symbol(stream, literals);
        if (stream->stopped || symbol == END_OF_BLOCK)
            return;
        if (symbol < END_OF_BLOCK) {
            stream->out[stream->used++] = (unsigned char)symbol;
            continue;
        }
        size_t length =
            symbol < LONGEST_SYMBOL ? 3 + take_value(stream, symbol - FIRST_LENGTH, 2) : (size_t)LONGEST;
        int far = take_symbol(stream, distances);
        stream->stopped = stream->stopped || symbol > LONGEST_SYMBOL || far > LAST_DISTANCE;
        repeat(stream, length, 1 + take_value(stream, far, 1));
    }
}

/* 3.2.6 */
static void unpack_fixed(struct stream *stream)
{
    uint8_t length[LITERALS];
    if (!stream->has_fixed) {
        for (int s = 0; s < LITERALS; s++)
            length[s] = s < 144 ? 8 : s < 256 ? 9 : s < 280 ? 7 : 8;
        make_code(&stream->fixed_literals, length, LITERALS);
        memset(length, 5, DISTANCES);
        make_code(&stream->fixed_distances, length, DISTANCES);
        stream->has_fixed = true;
    }
    unpack_coded(stream, &stream->fixed_literals, &stream->fixed_distances);
}

/* The lengths of both codes in one sequence, themselves coded: 16 repeats the last, 17 and 18 repeat 0. */
static void take_lengths(struct stream *stream, const struct code *code, uint8_t *length, int count)
{
    static const struct {
        int least, bits;
    } repeats[] = {{3, 2}, {3, 3}, {11, 7}};
    for (int s = 0; s < count && !stream->stopped;) {
        int symbol = take_symbol(stream, code), times = 1, value = symbol;
        if (symbol >= 16) {
            times = repeats[symbol - 16].least + (int)take(stream, repeats[symbol - 16].bits);
            value = symbol == 16 && s > 0 ? length[s - 1] : 0;
            stream->stopped = stream->stopped || (symbol == 16 && s == 0) || times > count - s;
        }
        for (; !stream->stopped && times > 0; times--)
            length[s++] = (uint8_t)value;
    }
}

/* 3.2.7 */
static void unpack_dynamic(struct stream *stream)
{
    static const uint8_t order[LENGTH_CODES] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                11, 4,  12, 3, 13, 2, 14, 1, 15};
    struct code lengths, literals, distances;
    uint8_t length[LITERALS + DISTANCES] = {0};
    int literal_count = 257 + (int)take(stream, 5), distance_count = 1 + (int)take(stream, 5);
    int count = 4 + (int)take(stream, 4);
    for (int i = 0; i < count; i++)
        length[order[i]] = (uint8_t)take(stream, 3);
    if (stream->stopped || !make_code(&lengths, length, LENGTH_CODES)) {
        stream->stopped = true;
        return;
    }
    take_lengths(stream, &lengths, length, literal_count + distance_count);
    if (stream->stopped || !make_code(&literals, length, literal_count) ||
        !make_code(&distances, length + literal_count, distance_count)) {
        stream->stopped = true;
        return;
    }
    unpack_coded(stream, &literals, &distances);
}

/* RFC 1950, 2.2: method 8, the check of both bytes, no dictionary. */
static bool is_zlib_head(const unsigned char *packed, size_t size)
{
    return size >= 2 && (packed[0] & 15) == 8 && read_16be(packed) % 31 == 0 && !(packed[1] & 32);
}

size_t inflate(const unsigned char *packed, size_t packed_size, unsigned char *out, size_t room)
{
    struct stream stream = {.packed = packed, .size = packed_size, .at = 2, .room = room};
    stream.out = out;
    bool final = !is_zlib_head(packed, packed_size);
    while (!final && !stream.stopped && stream.used < room) {
        final = take(&stream, 1);
        uint32_t type = take(&stream, 2);
        if (type == 0)
            unpack_stored(&stream);
        else if (type == 1)
            unpack_fixed(&stream);
        else if (type == 2)
            unpack_dynamic(&stream);
        else
            stream.stopped = true;
    }
    return stream.used;
}

size_t inflate_head(const unsigned char *packed, size_t packed_size, unsigned char *out, size_t room)
{
    enum { MOST = 8192 };
    return inflate(packed, packed_size < MOST ? packed_size : MOST, out, room);
}
