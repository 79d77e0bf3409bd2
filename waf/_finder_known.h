/* What of a text was searched before, and had no sign in it (waf/sensitive/sieve.py): pages of one application share most of their text.
 *
 * A text is cut into stretches by what stands in it, so that the same lines make the same stretches wherever they stand. Of each stretch only a keyed
 * print is kept: NH (RFC 4418, 5.2), twice over keys that overlap, by which two different stretches come to the same with a probability of 2^-64 at
 * most, to whoever does not know the key. What a stretch holds depends on what stands beside it, as a sign may begin before it:
 * it is known together with both its neighbours.
 */
#ifndef WAF_FINDER_KNOWN_H
#define WAF_FINDER_KNOWN_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#if defined(__SIZEOF_INT128__)
#define WAF_KNOWN 1
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

enum {
    STRETCH_LEAST = 512, /* but for the last of a text; also the most that a sign may reach to either side */
    STRETCH_MOST = 4096,
    LANE = 32,          /* bytes at once */
    KEYS_APART = 16,         /* bytes between the two keys */
    KNOWN_KEY = STRETCH_MOST + KEYS_APART + 64,
    KNOWN_SETS = 2048,
    KNOWN_WAYS = 4,
    STRETCHES = 2048, /* of one text: what is behind them is searched */
};

typedef struct {
    uint64_t low, high;
} Print;

typedef struct {
    Py_ssize_t end;
    Print own, whole; /* of its bytes; of them and its neighbours' */
    char known, marked;
} Stretch;

typedef struct Known {
    uint8_t key[KNOWN_KEY];
    Print slots[KNOWN_SETS][KNOWN_WAYS]; /* all 0 for none */
    unsigned turn;
    Py_ssize_t margin; /* bytes before and behind a stretch on which it depends what is found in it */
    Stretch *stretches;
    int count, room;
} Known;

static inline uint64_t eight(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, 8);
    return word;
}

/* Where the stretch that begins at `from` ends: behind a line break that is told by what follows, so that two texts meet again behind
 * what they differ in. */
static Py_ssize_t stretch_end(const uint8_t *text, Py_ssize_t from, Py_ssize_t size)
{
    if (size - from <= STRETCH_LEAST)
        return size;
    Py_ssize_t limit = size - from > STRETCH_MOST ? from + STRETCH_MOST : size;
    Py_ssize_t at = from + STRETCH_LEAST, first = 0;
    const uint8_t *found;
    while (at < limit && (found = memchr(text + at, '\n', (size_t)(limit - at))) != NULL) {
        at = found - text + 1;
        if (limit - at < LANE)
            break;
        uint64_t ahead = eight(text + at + 8) ^ eight(text + at + 16) << 1 ^ eight(text + at + 24) << 2;
        if (ahead * 0x9E3779B97F4A7C15u >> 62 == 0)
            return at;
        if (first == 0)
            first = at;
    }
    if (first != 0)
        return first;
    Py_ssize_t half = from + STRETCH_MOST / 2;
    found = half < limit ? memchr(text + half, '>', (size_t)(limit - half)) : NULL;
    return found != NULL ? found - text + 1 : limit;
}

#ifdef __x86_64__
#define PRINT_BY(suffix, TARGET, WIDTH, TYPE, LOAD, ADD32, ADD64, SHIFTED, TIMES, ZERO)                                      \
    TARGET static Print print_by_##suffix(const uint8_t *key, const uint8_t *text, Py_ssize_t size)                          \
    {                                                                                                                        \
        TYPE low = ZERO(), high = ZERO();                                                                                    \
        for (Py_ssize_t at = 0; at < size; at += WIDTH) {                                                                    \
            TYPE x = LOAD((const TYPE *)(text + at));                                                                        \
            TYPE one = ADD32(x, LOAD((const TYPE *)(key + at))), two = ADD32(x, LOAD((const TYPE *)(key + at + KEYS_APART)));      \
            low = ADD64(low, TIMES(one, SHIFTED(one, 32)));                                                                  \
            high = ADD64(high, TIMES(two, SHIFTED(two, 32)));                                                                \
        }                                                                                                                    \
        uint64_t lows[WIDTH / 8], highs[WIDTH / 8];                                                                          \
        memcpy(lows, &low, WIDTH);                                                                                           \
        memcpy(highs, &high, WIDTH);                                                                                         \
        Print sum = {0, 0};                                                                                                  \
        for (int i = 0; i < WIDTH / 8; i++) {                                                                                \
            sum.low += lows[i];                                                                                              \
            sum.high += highs[i];                                                                                            \
        }                                                                                                                    \
        return sum;                                                                                                          \
    }

PRINT_BY(avx2, __attribute__((target("avx2"))), 32, __m256i, _mm256_loadu_si256, _mm256_add_epi32, _mm256_add_epi64, _mm256_srli_epi64,
        _mm256_mul_epu32, _mm256_setzero_si256)
PRINT_BY(sse2, , 16, __m128i, _mm_loadu_si128, _mm_add_epi32, _mm_add_epi64, _mm_srli_epi64, _mm_mul_epu32, _mm_setzero_si128)

/* Of whole steps. */
static Print print_steps(const uint8_t *key, const uint8_t *text, Py_ssize_t size)
{
    return __builtin_cpu_supports("avx2") ? print_by_avx2(key, text, size) : print_by_sse2(key, text, size);
}
#else
static Print print_steps(const uint8_t *key, const uint8_t *text, Py_ssize_t size)
{
    Print sum = {0, 0};
    for (Py_ssize_t at = 0; at < size; at += 8) {
        uint32_t x[2], k[2], l[2];
        memcpy(x, text + at, 8);
        memcpy(k, key + at, 8);
        memcpy(l, key + at + KEYS_APART, 8);
        sum.low += (uint64_t)(uint32_t)(x[0] + k[0]) * (uint32_t)(x[1] + k[1]);
        sum.high += (uint64_t)(uint32_t)(x[0] + l[0]) * (uint32_t)(x[1] + l[1]);
    }
    return sum;
}
#endif

static Print print_of(const uint8_t *key, const uint8_t *text, Py_ssize_t size)
{
    Py_ssize_t whole = size / LANE * LANE;
    Print sum = print_steps(key, text, whole);
    if (whole < size) {
        uint8_t rest[LANE] = {0}; /* how long it is goes into the print of the whole */
        memcpy(rest, text + whole, (size_t)(size - whole));
        Print last = print_steps(key + whole, rest, LANE);
        sum.low += last.low;
        sum.high += last.high;
    }
    return sum;
}

/* Of a stretch and its neighbours, each with its size; sizes of 0 stand for an end of the text. */
static Print print_together(const uint8_t *key, const Stretch *before, Py_ssize_t size_before, const Stretch *it, Py_ssize_t size,
                            const Stretch *behind, Py_ssize_t size_behind)
{
    uint64_t words[8] = {0, 0, it->own.low, it->own.high, 0, 0, (uint64_t)size_before << 32 | (uint64_t)size, (uint64_t)size_behind};
    if (size_before != 0) {
        words[0] = before->own.low;
        words[1] = before->own.high;
    }
    if (size_behind != 0) {
        words[4] = behind->own.low;
        words[5] = behind->own.high;
    }
    unsigned __int128 sum = 0;
    const uint8_t *own = key + KNOWN_KEY - 64;
    for (int i = 0; i < 8; i += 2)
        sum += (unsigned __int128)(words[i] + eight(own + 8 * i)) * (words[i + 1] + eight(own + 8 * i + 8));
    Print print = {(uint64_t)sum, (uint64_t)(sum >> 64)};
    if (print.low == 0 && print.high == 0)
        print.low = 1;
    return print;
}

static inline Print *known_set(Known *known, Print print)
{
    return known->slots[((print.low ^ print.high) * 0x9E3779B97F4A7C15u >> 32) % KNOWN_SETS];
}

static inline int is_known(Known *known, Print print)
{
    const Print *set = known_set(known, print);
    int found = 0;
    for (int i = 0; i < KNOWN_WAYS; i++)
        found |= set[i].low == print.low && set[i].high == print.high;
    return found;
}

/* Cuts a text and looks each stretch up; -1 with an exception. What is behind the last stretch is not known. */
static int known_begin(Known *known, const uint8_t *text, Py_ssize_t size)
{
    known->count = 0;
    Py_ssize_t from = 0;
    while (from < size && known->count < STRETCHES) {
        if (known->count == known->room) {
            int room = known->room ? known->room * 2 : 64;
            Stretch *more = PyMem_Realloc(known->stretches, (size_t)room * sizeof *more);
            if (more == NULL) {
                known->count = 0;
                PyErr_NoMemory();
                return -1;
            }
            known->stretches = more;
            known->room = room;
        }
        Stretch *one = known->stretches + known->count++;
        one->end = stretch_end(text, from, size);
        one->own = print_of(known->key, text + from, one->end - from);
        one->known = one->marked = 0;
        from = one->end;
    }
    int last = from < size ? known->count - 1 : known->count; /* of which both neighbours are here */
    Py_ssize_t before = 0;
    from = 0;
    for (int i = 0; i < last; i++) {
        Stretch *one = known->stretches + i;
        Py_ssize_t behind = i + 1 < known->count ? one[1].end - one->end : 0;
        one->whole = print_together(known->key, one - 1, before, one, one->end - from, one + 1, behind);
        one->known = is_known(known, one->whole);
        before = one->end - from;
        from = one->end;
    }
    if (last < known->count)
        known->stretches[last].marked = 1;
    return 0;
}

/* A sign that ends at a place of the text. */
static void known_mark(Known *known, Py_ssize_t end)
{
    int low = 0, high = known->count; /* the first that ends behind all that this might matter to */
    while (low < high) {
        int middle = (low + high) / 2;
        if (known->stretches[middle].end < end - known->margin)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < known->count; low++) {
        known->stretches[low].marked = 1;
        if (known->stretches[low].end > end + known->margin)
            break;
    }
}

/* The text was searched, wherever it was not known: what has no sign in it is known from now on. */
static void known_learn(Known *known)
{
    for (int i = 0; i < known->count; i++) {
        const Stretch *one = known->stretches + i;
        if (one->known || one->marked)
            continue;
        Print *set = known_set(known, one->whole);
        int way = 0;
        while (way < KNOWN_WAYS && (set[way].low | set[way].high) != 0)
            way++;
        set[way < KNOWN_WAYS ? way : (int)(known->turn++ % KNOWN_WAYS)] = one->whole;
    }
    known->count = 0;
}

static void known_free(Known *known)
{
    if (known != NULL)
        PyMem_Free(known->stretches);
    PyMem_Free(known);
}

#else
enum { KNOWN_KEY = 0 };
#endif
#endif
