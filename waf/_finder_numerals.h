/* Where a text holds one of the signs of numbers (waf/sensitive/numerals.py), 64 bytes at a time.
 *
 * How a sign begins is told by classes of bytes: some by six in a row that are digits, capital letters or what may stand between digits, some by six digits with
 * nothing but blanks, dots and dashes between them. Both are rare in prose, and are looked for in all bytes at once; the sign itself is
 * tried only where one of them is. What is full of them is not worth the trying: then the whole text is to be searched.
 */
#ifndef WAF_FINDER_NUMERALS_H
#define WAF_FINDER_NUMERALS_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>
#include "_finder_programs.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define WAF_NUMERALS 1

enum { BLOCK = 64, STRIDE = 56, HEAD = 6, RUN = 6, BYTES_A_TRY = 32 };

typedef struct { /* a bit for each byte of a block */
    uint64_t digits, capitals, between;
} Kinds;

static inline Kinds kinds_by_sse2(const uint8_t *at)
{
    Kinds kinds = {0, 0, 0};
    for (int i = 0; i < 4; i++) {
        __m128i x = _mm_loadu_si128((const __m128i *)(at + 16 * i));
        __m128i digit = _mm_sub_epi8(x, _mm_set1_epi8('0')), capital = _mm_sub_epi8(x, _mm_set1_epi8('A'));
        __m128i blank = _mm_cmpeq_epi8(x, _mm_set1_epi8(' ')), dot = _mm_cmpeq_epi8(x, _mm_set1_epi8('.'));
        __m128i between = _mm_or_si128(_mm_or_si128(blank, dot), _mm_cmpeq_epi8(x, _mm_set1_epi8('-')));
        digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
        capital = _mm_cmpeq_epi8(_mm_min_epu8(capital, _mm_set1_epi8(25)), capital);
        kinds.digits |= (uint64_t)(uint32_t)_mm_movemask_epi8(digit) << (16 * i);
        kinds.capitals |= (uint64_t)(uint32_t)_mm_movemask_epi8(capital) << (16 * i);
        kinds.between |= (uint64_t)(uint32_t)_mm_movemask_epi8(between) << (16 * i);
    }
    return kinds;
}

#define WITH_AVX2 __attribute__((target("avx2,bmi,popcnt")))

WITH_AVX2 static inline Kinds kinds_by_avx2(const uint8_t *at)
{
    Kinds kinds = {0, 0, 0};
    for (int i = 0; i < 2; i++) {
        __m256i x = _mm256_loadu_si256((const __m256i *)(at + 32 * i));
        __m256i digit = _mm256_sub_epi8(x, _mm256_set1_epi8('0')), capital = _mm256_sub_epi8(x, _mm256_set1_epi8('A'));
        __m256i blank = _mm256_cmpeq_epi8(x, _mm256_set1_epi8(' ')), dot = _mm256_cmpeq_epi8(x, _mm256_set1_epi8('.'));
        __m256i between = _mm256_or_si256(_mm256_or_si256(blank, dot), _mm256_cmpeq_epi8(x, _mm256_set1_epi8('-')));
        digit = _mm256_cmpeq_epi8(_mm256_min_epu8(digit, _mm256_set1_epi8(9)), digit);
        capital = _mm256_cmpeq_epi8(_mm256_min_epu8(capital, _mm256_set1_epi8(25)), capital);
        kinds.digits |= (uint64_t)(uint32_t)_mm256_movemask_epi8(digit) << (32 * i);
        kinds.capitals |= (uint64_t)(uint32_t)_mm256_movemask_epi8(capital) << (32 * i);
        kinds.between |= (uint64_t)(uint32_t)_mm256_movemask_epi8(between) << (32 * i);
    }
    return kinds;
}

typedef struct { /* see numerals.Numerals */
    Program headed, longer, fixed;
    const uint8_t *heads; /* HEAD bytes each: 1 for a digit, 2 for a capital, 4 for what may stand between digits; 0 for anything */
    size_t count;
    int mixed; /* in each head a digit and a capital are neighbours */
    int least, exactly;
    const uint8_t *behind;
} Heads;

/* Whether a digit and a capital are neighbours in each head: in texts they seldom are. */
static inline int are_mixed(const Heads *heads)
{
    for (size_t i = 0; i < heads->count; i++) {
        const uint8_t *head = heads->heads + HEAD * i;
        int k = 1;
        while (k < HEAD && !((head[k - 1] == 1 && head[k] == 2) || (head[k - 1] == 2 && head[k] == 1)))
            k++;
        if (k == HEAD)
            return 0;
    }
    return 1;
}

/* Where one of the heads stands. */
static inline uint64_t headed(const Kinds *kinds, const Heads *heads)
{
    uint64_t d = kinds->digits, c = kinds->capitals, b = kinds->between, found = 0;
    if (heads->mixed && ((d & c >> 1) | (c & d >> 1)) == 0)
        return 0;
    uint64_t any[8] = {~0ull, d, c, d | c, b, d | b, c | b, d | c | b};
    if ((d & any[3] >> 1) == 0)
        return 0; /* of each head two neighbours are so */
    for (size_t i = 0; i < heads->count; i++) {
        const uint8_t *head = heads->heads + HEAD * i;
        uint64_t here = any[head[0] & 7];
        for (int k = 1; k < HEAD && here != 0; k++)
            here &= head[k] ? any[head[k] & 7] >> k : ~0ull;
        found |= here;
    }
    return found;
}

/* Where a digit begins a run with nothing but what may stand between digits that holds as many as a sign must; a run that goes beyond
 * the block counts. */
static inline uint64_t running(const Kinds *kinds, const Heads *heads, const uint8_t *at, uint64_t *fixed)
{
    uint64_t run = kinds->digits | kinds->between, all = run, found = 0;
    run &= run >> 1;
    run &= run >> 2;
    run &= run >> 2; /* RUN of them from here on */
    run &= kinds->digits;
    for (uint64_t left = run; left != 0; left &= left - 1) {
        int first = __builtin_ctzll(left);
        uint64_t ended = ~(all >> first);
        int size = ended != 0 ? __builtin_ctzll(ended) : BLOCK;
        int digits = size < BLOCK ? __builtin_popcountll(kinds->digits >> first & ((1ull << size) - 1)) : BLOCK;
        int cut = first + size >= BLOCK;
        uint8_t behind = cut ? 0 : at[first + size];
        if (heads->least && (cut || digits >= heads->least))
            found |= 1ull << first;
        if (heads->exactly && (cut ? digits <= heads->exactly || size >= BLOCK : digits == heads->exactly && heads->behind[behind >> 3] >> (behind & 7) & 1))
            *fixed |= 1ull << first;
    }
    return found;
}

typedef int (*Noted)(void *to, uint64_t place);

/* Each bit of `found` tried by a program; 1 where it is enough, also of tries; -1 with an exception. */
static int tried(uint64_t found, const Program *program, const uint8_t *text, Py_ssize_t size, Py_ssize_t base, Py_ssize_t *tries,
                 Noted noted, void *to)
{
    Running run;
    for (found &= (1ull << STRIDE) - 1; found != 0; found &= found - 1) {
        Py_ssize_t place = base + __builtin_ctzll(found);
        if (run_at(program, &run, text, size, place) >= 0) {
            int enough = noted(to, (uint64_t)(place + program->least));
            if (enough != 0)
                return enough;
        }
        else if ((*tries)-- <= 0)
            return 1;
    }
    return 0;
}

/* The whole of it, with the instructions of whoever calls. */
__attribute__((always_inline)) static inline int note_all(const uint8_t *text, Py_ssize_t size, const Heads *heads, Noted noted,
                                                          void *to, Kinds (*kinds_of)(const uint8_t *))
{
    Py_ssize_t tries = size / BYTES_A_TRY + BYTES_A_TRY;
    uint8_t rest[BLOCK];
    int enough = 0;
    for (Py_ssize_t base = 0; base < size && enough == 0; base += STRIDE) {
        const uint8_t *at = text + base;
        if (size - base < BLOCK) {
            memset(rest, 0, sizeof rest);
            memcpy(rest, at, (size_t)(size - base));
            at = rest;
        }
        Kinds kinds = kinds_of(at);
        if (kinds.digits == 0)
            continue; /* there is one among the first bytes of each */
        uint64_t heady = headed(&kinds, heads), fixed = 0, longer = running(&kinds, heads, at, &fixed);
        if (heady)
            enough = tried(heady, &heads->headed, text, size, base, &tries, noted, to);
        if (longer && enough == 0)
            enough = tried(longer, &heads->longer, text, size, base, &tries, noted, to);
        if (fixed && enough == 0)
            enough = tried(fixed, &heads->fixed, text, size, base, &tries, noted, to);
    }
    return enough;
}

WITH_AVX2 static int note_by_avx2(const uint8_t *text, Py_ssize_t size, const Heads *heads, Noted noted, void *to)
{
    return note_all(text, size, heads, noted, to, kinds_by_avx2);
}

static int note_by_sse2(const uint8_t *text, Py_ssize_t size, const Heads *heads, Noted noted, void *to)
{
    return note_all(text, size, heads, noted, to, kinds_by_sse2);
}

/* Tells `noted` a place within each sign; it says by 1 that it has enough, by -1 that it failed. 1 also where the text is too full to
 * try. */
static int note_numerals(const uint8_t *text, Py_ssize_t size, const Heads *heads, Noted noted, void *to)
{
    int modern =
        __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt");
    return (modern ? note_by_avx2 : note_by_sse2)(text, size, heads, noted, to);
}

enum { NUMERALS = 1 };
#else
enum { NUMERALS = 0 };
#endif
#endif
