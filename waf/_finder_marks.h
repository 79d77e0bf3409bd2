/* What is kept and shown of a value: sketches (waf/sensitive/sketch.py, mask.Key) and masks (waf/sensitive/mask.py). */
#ifndef WAF_FINDER_MARKS_H
#define WAF_FINDER_MARKS_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>
#include "_finder_text.h"

/* ------------------------------------------------------------------------------------------------------ sketches */

static const uint64_t blake_iv[8] = {0x6a09e667f3bcc908u, 0xbb67ae8584caa73bu, 0x3c6ef372fe94f82bu, 0xa54ff53a5f1d36f1u,
                                     0x510e527fade682d1u, 0x9b05688c2b3e6c1fu, 0x1f83d9abfb41bd6bu, 0x5be0cd19137e2179u};
static const uint8_t blake_sigma[12][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3}};

/* Keyed BLAKE2b with 8 bytes of digest (RFC 7693). */
typedef struct {
    uint64_t h[8], length;
    uint8_t block[128];
    size_t filled;
} Blake;

static inline uint64_t turned(uint64_t word, int by)
{
    return word >> by | word << (64 - by);
}

static inline __attribute__((always_inline)) void mix(uint64_t *a, uint64_t *b, uint64_t *c, uint64_t *d, uint64_t x, uint64_t y)
{
    *a += *b + x;
    *d = turned(*d ^ *a, 32);
    *c += *d;
    *b = turned(*b ^ *c, 24);
    *a += *b + y;
    *d = turned(*d ^ *a, 16);
    *c += *d;
    *b = turned(*b ^ *c, 63);
}

static void blake_block(Blake *blake, int last)
{
    uint64_t v[16], m[16];
    for (int i = 0; i < 16; i++) {
        m[i] = 0;
        for (int byte = 7; byte >= 0; byte--)
            m[i] = m[i] << 8 | blake->block[8 * i + byte];
    }
    memcpy(v, blake->h, 64);
    memcpy(v + 8, blake_iv, 64);
    v[12] ^= blake->length;
    if (last)
        v[14] = ~v[14];
    /* Unrolled, so that the words of the message are read where they stand. */
#pragma GCC unroll 12
    for (int round = 0; round < 12; round++) {
        const uint8_t *s = blake_sigma[round];
        mix(v + 0, v + 4, v + 8, v + 12, m[s[0]], m[s[1]]);
        mix(v + 1, v + 5, v + 9, v + 13, m[s[2]], m[s[3]]);
        mix(v + 2, v + 6, v + 10, v + 14, m[s[4]], m[s[5]]);
        mix(v + 3, v + 7, v + 11, v + 15, m[s[6]], m[s[7]]);
        mix(v + 0, v + 5, v + 10, v + 15, m[s[8]], m[s[9]]);
        mix(v + 1, v + 6, v + 11, v + 12, m[s[10]], m[s[11]]);
        mix(v + 2, v + 7, v + 8, v + 13, m[s[12]], m[s[13]]);
        mix(v + 3, v + 4, v + 9, v + 14, m[s[14]], m[s[15]]);
    }
    for (int i = 0; i < 8; i++)
        blake->h[i] ^= v[i] ^ v[i + 8];
}

static void blake_put(Blake *blake, uint8_t byte)
{
    if (blake->filled == 128) {
        blake->length += 128;
        blake_block(blake, 0);
        blake->filled = 0;
    }
    blake->block[blake->filled++] = byte;
}

/* A hash with this key of 32 bytes, before any data. The key is a block of its own, and mostly the one of the last time; callers hold the GIL. */
static void blake_begin(Blake *blake, const uint8_t *key)
{
    static struct {
        uint8_t key[32];
        uint64_t h[8];
        int known;
    } last;
    if (!last.known || memcmp(last.key, key, 32) != 0) {
        memcpy(blake->h, blake_iv, 64);
        blake->h[0] ^= 0x01010000u ^ (32u << 8) ^ 8u;
        blake->length = 128;
        memcpy(blake->block, key, 32);
        memset(blake->block + 32, 0, 96);
        blake_block(blake, 0);
        memcpy(last.h, blake->h, 64);
        memcpy(last.key, key, 32);
        last.known = 1;
    }
    memcpy(blake->h, last.h, 64);
    blake->length = 128;
    blake->filled = 0;
}

/* mask.Key.sketch_hash into the registers of sketch.Sketch. */
static void sketch_add(uint8_t *registers, const uint8_t *key, const char *id, const uint8_t *value, Py_ssize_t size)
{
    Blake blake;
    blake_begin(&blake, key); /* an id and its null follow, so the key's block is not the last */
    do
        blake_put(&blake, (uint8_t)*id);
    while (*id++ != 0);
    for (Py_ssize_t i = 0; i < size; i++) {
        uint8_t byte = value[i];
        if (memchr(" -./()\t\r\n", byte, 9) == NULL)
            blake_put(&blake, byte >= 'a' && byte <= 'z' ? byte - 32 : byte);
    }
    blake.length += blake.filled;
    memset(blake.block + blake.filled, 0, 128 - blake.filled);
    blake_block(&blake, 1);
    uint64_t hash = 0; /* the digest is little-endian, the number is read big-endian */
    for (int i = 0; i < 8; i++)
        hash = hash << 8 | (blake.h[0] >> (8 * i) & 0xff);
    unsigned place = hash & 63;
    uint64_t rest = hash >> 6;
    uint8_t rank = 59;
    for (; rest; rest >>= 1)
        rank--;
    if (rank > registers[place])
        registers[place] = rank;
}

/* -------------------------------------------------------------------------------------------------------- masks */

enum { BY_PLACES, EVERYTHING, EMAIL };

static inline int hides(uint8_t byte)
{
    return is(byte, DIGIT | UPPER | LOWER) || byte == '*';
}

static void hide(uint8_t *at, Py_ssize_t size)
{
    for (Py_ssize_t i = 0; i < size; i++)
        if (is(at[i], DIGIT | UPPER | LOWER))
            at[i] = '*';
}

static void hide_beyond_first(uint8_t *at, Py_ssize_t size)
{
    if (size > 1)
        hide(at + 1, size - 1);
    else
        hide(at, size);
}

/* mask.masked, in place. */
static void mask(uint8_t *at, Py_ssize_t size, int format, Py_ssize_t first, Py_ssize_t last)
{
    if (format == EVERYTHING) {
        memset(at, '*', (size_t)size);
        return;
    }
    if (format == EMAIL) {
        Py_ssize_t sign = last_of(at, size, '@');
        uint8_t *domain = at + sign + 1;
        Py_ssize_t dot = last_of(domain, size - sign - 1, '.');
        hide_beyond_first(at, sign < 0 ? 0 : sign);
        hide_beyond_first(domain, dot < 0 ? 0 : dot);
        return;
    }
    Py_ssize_t places = 0, from = 0, upto = size;
    for (Py_ssize_t i = 0; i < size; i++)
        places += hides(at[i]);
    if (places - first - last < 4) {
        first = 0;
        if (places - last < 4)
            last = 0;
    }
    if (places == 0)
        return;
    for (Py_ssize_t seen = 0; from < size; from++)
        if (hides(at[from]) && seen++ == first)
            break;
    for (Py_ssize_t seen = 0; upto > from; upto--)
        if (hides(at[upto - 1]) && seen++ == last)
            break;
    hide(at + from, upto - from);
}

#endif
