/* Runs the programs of waf/prefilter/program.py: whether a text holds anything for which some expression might match.
 *
 * The layout is that module's. A program is checked once when it is opened; whatever its numbers say then, nothing is
 * read outside of it. Linear in the text, no allocation.
 */
#ifndef WAF_PREFILTER_H
#define WAF_PREFILTER_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

/* Where the machine's own shifts by a register can be had, they are used: loops over symbols are little else. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define PF_HOT __attribute__((target_clones("bmi2", "default")))
#else
#define PF_HOT
#endif

enum { PF_MAGIC = 0x44505305, PF_EDGE = 1, PF_LONGEST = 12, PF_LEADS = 8, PF_LEAD = 16, PF_LINE_END = 2, PF_BLOCK = 64, PF_UNQUOTED = 1024, PF_MARK = 0x7f };
enum { PF_KEPT = 10 }; /* symbols that a run remembers, of six bits each */
enum { PF_BEFORE = 1, PF_BEHIND = 2, PF_HUMPED = 4, PF_APART = 8, PF_MORE = 16, PF_EDGES = 32 };
enum { PF_MASKS = 2048, PF_WORDS = 8, PF_WHOLES = 32, PF_CLASSES = 264 };

typedef struct {
    uint64_t last;     /* the symbols up to the end of its key as a run has them, PF_KEPT at most */
    uint8_t size, end; /* `end`: how many of its symbols stand before the end of its key */
    uint16_t mask;     /* its number times PF_EDGES, the edges, and whether another atom with the same key follows */
    uint8_t symbols[PF_LONGEST];
} PrefilterAtom;

typedef struct {
    uint32_t key, atom;
} PrefilterSlot;

typedef struct {
    uint64_t words[PF_WORDS];
} PrefilterBits;

typedef struct {
    uint64_t size;
    uint8_t bytes[PF_LEAD][32];
} PrefilterLead;

typedef struct {
    uint32_t magic, atoms, slots, leads, columns, cells, next, check; /* `next`: where another program begins, or 0 */
    uint8_t symbols[256], in_words[64];
    uint16_t single[64];
    /* Symbols: those that are atoms, those that are enough alone, those that may be enough without an atom, those of which
     * the automaton needs one, and those of the texts that this program is for. */
    uint64_t singles, enough, lone, wakes, covered;
    uint64_t shortest; /* bytes of the shortest lead */
    uint64_t wholes, pool; /* how many automata there are for single expressions, and cells of all of them */
    uint64_t calm, back; /* where the rows of calm states end; how many bytes before an alarm the automaton may begin */
    uint64_t threes[4096]; /* by two symbols, the ones behind them with which three symbols that may be the end of something */
    uint8_t ends[4096], near[8192]; /* what two symbols may be the end of: bits for keys of two, three and four; a filter of those */
    PrefilterBits masks[PF_MASKS];
    PrefilterLead lead[PF_LEADS];
    uint8_t classes[PF_CLASSES], alarms[256];
} PrefilterTables;

typedef struct {
    uint32_t first, cells; /* of the pool */
    uint8_t classes[PF_CLASSES];
} PrefilterWhole;

typedef struct {
    const PrefilterTables *tables; /* NULL: there is none */
    const PrefilterSlot *slots;
    const PrefilterAtom *atoms;
    const PrefilterWhole *wholes;
    const uint16_t *cells, *pool;
} PrefilterPart;

typedef struct {
    PrefilterPart whole;
    PrefilterPart ordinary; /* for ordinary texts alone … */
    PrefilterPart quoted;   /* … and for those that have apostrophes as well */
} Prefilter;

/* How many bytes the program is that begins there; 0 where none does. */
static inline size_t prefilter_part(const char *program, size_t size, PrefilterPart *out)
{
    const PrefilterTables *tables = (const void *)program;
    if (size < sizeof *tables || tables->magic != PF_MAGIC || tables->slots == 0 ||
        (tables->slots & (tables->slots - 1)) != 0 || tables->slots > 1u << 20 || tables->atoms > 1u << 20 ||
        tables->cells > 1u << 16 || (tables->cells && tables->cells < 256) || tables->leads > PF_LEADS ||
        tables->wholes > PF_WHOLES || tables->pool > 1u << 20)
        return 0;
    size_t own = sizeof *tables + tables->slots * sizeof(PrefilterSlot) + tables->atoms * sizeof(PrefilterAtom) +
                 tables->wholes * sizeof(PrefilterWhole) + (tables->cells + tables->pool) * sizeof(uint16_t);
    own = (own + 7) & ~(size_t)7;
    if (own > size)
        return 0;
    out->tables = tables;
    out->slots = (const PrefilterSlot *)(tables + 1);
    out->atoms = (const PrefilterAtom *)(out->slots + tables->slots);
    out->wholes = (const PrefilterWhole *)(out->atoms + tables->atoms);
    out->cells = (const uint16_t *)(out->wholes + tables->wholes);
    out->pool = out->cells + tables->cells;
    for (uint64_t i = 0; i < tables->wholes; i++) {
        const PrefilterWhole *whole = &out->wholes[i];
        if (whole->first > tables->pool || whole->cells > tables->pool - whole->first || (whole->cells && whole->cells < 256) || whole->cells > 1u << 16)
            return 0;
    }
    return own;
}

/* 1, or 0 without an exception where `program` is None: then nothing is ever let pass. -1 with one if it is no program. */
static inline int prefilter_open(PyObject *program, Prefilter *out)
{
    memset(out, 0, sizeof *out);
    if (program == Py_None)
        return 0;
    const char *at = PyBytes_Check(program) ? PyBytes_AS_STRING(program) : NULL;
    size_t left = at != NULL ? (size_t)PyBytes_GET_SIZE(program) : 0;
    PrefilterPart *const parts[] = {&out->whole, &out->ordinary, &out->quoted};
    for (int i = 0; i < 3; i++) {
        size_t own = at != NULL ? prefilter_part(at, left, parts[i]) : 0;
        left -= own;
        if (own != 0 && parts[i]->tables->next == 0 && left == 0)
            return 1;
        if (own == 0 || parts[i]->tables->next != own)
            break;
        at += own;
    }
    memset(out, 0, sizeof *out);
    PyErr_SetString(PyExc_ValueError, "no program of waf.prefilter");
    return -1;
}

static inline uint8_t prefilter_symbol(const PrefilterTables *tables, const uint8_t *text, Py_ssize_t size, Py_ssize_t at)
{
    return at < 0 || at >= size ? PF_EDGE : tables->symbols[text[at]] & 63;
}

static inline void prefilter_set(PrefilterBits *seen, const PrefilterBits *bits)
{
    for (int i = 0; i < PF_WORDS; i++)
        seen->words[i] |= bits->words[i];
}

/* Where in a text a run is, and what it has met. */
typedef struct {
    uint64_t last;    /* the last PF_KEPT symbols, and what is left of one more */
    int met;          /* atoms, so that `seen` is not empty */
    uint64_t present; /* symbols */
    PrefilterBits seen;
} SymbolRun;

/* What stands before a text: nothing but edges. */
static const uint64_t prefilter_nothing = 0x0041041041041041;

/* Whether an atom whose key ends behind `at` is there. `last` are the symbols up to there. */
static inline int prefilter_there(const PrefilterTables *tables, const PrefilterAtom *atom, uint64_t last, const uint8_t *text,
                                  Py_ssize_t size, Py_ssize_t at)
{
    const int kept = atom->end < PF_KEPT ? atom->end : PF_KEPT;
    if (kept < 1 || (last ^ atom->last) << (64 - 6 * kept))
        return 0;
    const Py_ssize_t first = at + 1 - atom->end, behind = first + atom->size;
    if (atom->size > PF_LONGEST || atom->end > atom->size || first < -1 || behind > size + 1)
        return 0;
    for (int i = 0; i < atom->size; i++) {
        if (i == atom->end - kept) /* these were compared */
            i += kept;
        if (i < atom->size && prefilter_symbol(tables, text, size, first + i) != atom->symbols[i])
            return 0;
    }
    if (atom->mask & PF_BEFORE && tables->in_words[prefilter_symbol(tables, text, size, first - 1)])
        return 0;
    if (atom->mask & PF_BEHIND && tables->in_words[prefilter_symbol(tables, text, size, behind)])
        return 0;
    if (atom->mask & PF_HUMPED && !(first > 0 && first < size && text[first - 1] >= 'a' && text[first - 1] <= 'z' &&
                                    text[first] >= 'A' && text[first] <= 'Z'))
        return 0;
    return !(atom->mask & PF_APART) || behind < 0 || behind >= size || text[behind] < 'a' || text[behind] > 'z';
}

/* Takes in the atoms with this key that are there, where it ends behind `at`. */
static void prefilter_atoms(const PrefilterPart *filter, SymbolRun *run, uint32_t key, uint64_t last, const uint8_t *text,
                            Py_ssize_t size, Py_ssize_t at)
{
    const PrefilterTables *const tables = filter->tables;
    uint32_t slot = (key * 0xC2B2AE35u) >> 13;
    for (uint32_t tries = 0; tries < tables->slots; tries++, slot++) {
        const PrefilterSlot *const one = &filter->slots[slot & (tables->slots - 1)];
        if (one->atom == 0)
            return;
        if (one->key != key)
            continue;
        for (uint32_t number = one->atom; number <= tables->atoms; number++) {
            const PrefilterAtom *const atom = &filter->atoms[number - 1];
            if (prefilter_there(tables, atom, last, text, size, at)) {
                run->met = 1;
                prefilter_set(&run->seen, &tables->masks[atom->mask / PF_EDGES % PF_MASKS]);
            }
            if (!(atom->mask & PF_MORE))
                return;
        }
        return;
    }
}

/* The bytes with which a lead may begin, as bits; all of them where a lead has no bytes. */
static void prefilter_first(const PrefilterTables *tables, uint64_t first[4])
{
    memset(first, 0, 4 * sizeof *first);
    for (uint32_t i = 0; i < tables->leads; i++)
        for (int word = 0; word < 4; word++) {
            uint64_t bits;
            memcpy(&bits, tables->lead[i].bytes[0] + 8 * word, sizeof bits);
            first[word] |= tables->lead[i].size ? bits : ~0ull;
        }
}

static int prefilter_leads(const PrefilterTables *tables, const uint8_t *text, Py_ssize_t size)
{
    if ((uint64_t)size < tables->shortest)
        return 0;
    for (uint32_t i = 0; i < tables->leads; i++) {
        const PrefilterLead *lead = &tables->lead[i];
        Py_ssize_t length = lead->size > PF_LEAD ? PF_LEAD : (Py_ssize_t)lead->size, at = 0;
        while (at < length && at < size && lead->bytes[at][text[at] >> 3] >> (text[at] & 7) & 1)
            at++;
        if (at == length)
            return 1;
    }
    return 0;
}

#define PF_BIT(set, number) ((set)[(number) >> 3] >> ((number) & 7) & 1)

/* Whether the automaton finds something. A state is where its row begins. In a calm state nothing is found before the next
 * alarm, and shortly before that it no longer matters which one it was: what lies between is left out. */
static int prefilter_finds(const PrefilterPart *filter, const uint8_t *text, Py_ssize_t size)
{
    const PrefilterTables *tables = filter->tables;
    uint32_t state = 0;
    for (Py_ssize_t at = 0, alarm = -1; at <= size; at++) {
        if (state < tables->calm && alarm < at) {
            const uint8_t *const alarms = tables->alarms;
            for (alarm = at; size - alarm >= 4; alarm += 4)
                if (alarms[text[alarm]] | alarms[text[alarm + 1]] | alarms[text[alarm + 2]] | alarms[text[alarm + 3]])
                    break;
            for (; alarm < size && !alarms[text[alarm]]; alarm++)
                ;
            if (tables->back < (uint64_t)(alarm - at)) {
                at = alarm - (Py_ssize_t)tables->back;
                state = 0;
            }
        }
        state = filter->cells[state + tables->classes[at < size ? text[at] : 256]];
        if (state + 256 > tables->cells)
            return 1;
    }
    return 0;
}

/* Whether the automaton of a single expression finds it, or the text is too long for it to be tried. */
static int prefilter_whole(const PrefilterPart *filter, uint64_t number, const uint8_t *text, Py_ssize_t size)
{
    if (number >= filter->tables->wholes || filter->wholes[number].cells == 0 || size > PF_UNQUOTED)
        return 1;
    const PrefilterWhole *const whole = &filter->wholes[number];
    const uint16_t *const cells = filter->pool + whole->first;
    uint32_t state = 0;
    for (Py_ssize_t at = 0; at <= size; at++) {
        state = cells[state + whole->classes[at < size ? text[at] : 256]];
        if (state + 256 > whole->cells)
            return 1;
    }
    return 0;
}

/* Whether the symbols of a text and the atoms in it are enough to stop it. Those of the last word tell that one expression must
 * be looked for whole. */
static inline int prefilter_stops(const PrefilterPart *filter, uint64_t present, PrefilterBits *seen, const uint8_t *text,
                                  Py_ssize_t size)
{
    const PrefilterTables *const tables = filter->tables;
    if (present & tables->enough)
        return 1;
    for (uint64_t left = present & tables->singles; left != 0; left &= left - 1)
        prefilter_set(seen, &tables->masks[tables->single[__builtin_ctzll(left)] % PF_MASKS]);
    /* Of the bits each two neighbours are enough together: the second and the third, and so on. */
    const uint64_t firsts = 0x5555555555555555ull, low = seen->words[0] >> 1;
    uint64_t met = (seen->words[0] & 1) | (low & low >> 1 & firsts);
    for (int i = 1; i < PF_WORDS - 1; i++)
        met |= seen->words[i] & seen->words[i] >> 1 & firsts;
    if (met != 0)
        return 1;
    const uint64_t last = seen->words[PF_WORDS - 1];
    for (uint64_t left = last & last >> 1 & firsts; left != 0; left &= left - 1)
        if (prefilter_whole(filter, (uint64_t)__builtin_ctzll(left) / 2, text, size))
            return 1;
    return 0;
}

enum { PF_STOPS, PF_PASSES, PF_NOT_COVERED };

static inline void prefilter_begin(SymbolRun *run)
{
    run->last = prefilter_nothing;
    run->present = 1ull << PF_EDGE;
}

/* Whether the last symbols may be the end of something: four or three of them, told by a filter (Bloom, 1970), or two. */
static inline __attribute__((always_inline)) int prefilter_near(const PrefilterTables *tables, uint64_t last)
{
    const uint32_t four = ((uint32_t)last & 0xFFFFFF) * 0x9E3779B1u >> 16;
    const uint32_t three = ((uint32_t)last & 0x3FFFF) * 0x85EBCA77u >> 16;
    return (PF_BIT(tables->near, four) | PF_BIT(tables->near, three) | tables->ends[last & 0xFFF]) & 1;
}

/* Takes in what the symbols up to `at` are the end of. */
static __attribute__((noinline)) void prefilter_met(const PrefilterPart *filter, SymbolRun *run, uint64_t last, const uint8_t *text,
                                                    Py_ssize_t size, Py_ssize_t at)
{
    const uint32_t ends = filter->tables->ends[last & 0xFFF];
    if (ends & 1)
        prefilter_atoms(filter, run, 2u << 24 | (uint32_t)(last & 0xFFF), last, text, size, at);
    if (ends & 2)
        prefilter_atoms(filter, run, 3u << 24 | (uint32_t)(last & 0x3FFFF), last, text, size, at);
    if (ends & 4)
        prefilter_atoms(filter, run, 4u << 24 | (uint32_t)(last & 0xFFFFFF), last, text, size, at);
}

/* Takes in the symbols of a text from `at` up to `stop`, which may be the edge behind its last byte. Four at a time: hardly any
 * is the end of something. */
static inline __attribute__((always_inline)) void prefilter_take(const PrefilterPart *filter, SymbolRun *run,
                                                                 const uint8_t *text, Py_ssize_t size, Py_ssize_t at,
                                                                 Py_ssize_t stop)
{
    const PrefilterTables *const tables = filter->tables;
    const Py_ssize_t last = stop < size ? stop : size;
    uint64_t present = run->present, symbols = run->last;
    for (; last - at >= 4; at += 4) {
        const uint32_t a = tables->symbols[text[at]] & 63, b = tables->symbols[text[at + 1]] & 63;
        const uint32_t c = tables->symbols[text[at + 2]] & 63, d = tables->symbols[text[at + 3]] & 63;
        const uint64_t first = symbols << 6 | a, second = first << 6 | b, third = second << 6 | c, fourth = third << 6 | d;
        const uint64_t first_ends = tables->threes[symbols & 0xFFF] >> a, second_ends = tables->threes[first & 0xFFF] >> b;
        const uint64_t third_ends = tables->threes[second & 0xFFF] >> c, fourth_ends = tables->threes[third & 0xFFF] >> d;
        present |= 1ull << a | 1ull << b | 1ull << c | 1ull << d;
        symbols = fourth;
        if (__builtin_expect((first_ends | second_ends | third_ends | fourth_ends) & 1, 0)) {
            if (first_ends & 1 && prefilter_near(tables, first))
                prefilter_met(filter, run, first, text, size, at);
            if (second_ends & 1 && prefilter_near(tables, second))
                prefilter_met(filter, run, second, text, size, at + 1);
            if (third_ends & 1 && prefilter_near(tables, third))
                prefilter_met(filter, run, third, text, size, at + 2);
            if (fourth_ends & 1 && prefilter_near(tables, fourth))
                prefilter_met(filter, run, fourth, text, size, at + 3);
            if (run->seen.words[0] & 1)
                break;
        }
    }
    for (; at < stop && !(run->seen.words[0] & 1); at++) {
        const uint32_t symbol = at < size ? tables->symbols[text[at]] & 63 : PF_EDGE;
        const uint64_t ends = tables->threes[symbols & 0xFFF] >> symbol;
        present |= 1ull << symbol;
        symbols = symbols << 6 | symbol;
        if (ends & 1 && prefilter_near(tables, symbols))
            prefilter_met(filter, run, symbols, text, size, at);
    }
    run->present = present;
    run->last = symbols;
}

/* Whether something begins like a lead at the beginning of a text, or behind what parts lines. */
static int prefilter_led(const PrefilterTables *tables, const uint8_t *text, Py_ssize_t size, uint64_t parted)
{
    if (prefilter_leads(tables, text, size))
        return 1;
    const uint64_t begins = 1ull << PF_EDGE | 1ull << PF_LINE_END;
    for (Py_ssize_t at = 0; parted && at < size; at++)
        if (begins >> (tables->symbols[text[at]] & 63) & 1 && prefilter_leads(tables, text + at + 1, size - at - 1))
            return 1;
    return 0;
}

/* PF_PASSES: no expression of the program matches anywhere in the text. PF_STOPS: that is not known. PF_NOT_COVERED: the
 * program is not for such texts. */
PF_HOT static int prefilter_run(const PrefilterPart *filter, const uint8_t *text, Py_ssize_t size)
{
    const PrefilterTables *tables = filter->tables;
    SymbolRun run = {.met = 0};
    prefilter_begin(&run);
    if (tables->covered == ~0ull)
        prefilter_take(filter, &run, text, size, 0, size + 1);
    else
        for (Py_ssize_t at = 0; at <= size;) {
            const Py_ssize_t stop = size - at < PF_BLOCK ? size + 1 : at + PF_BLOCK, last = stop < size ? stop : size;
            uint64_t present = 0;
            for (Py_ssize_t i = at; i < last; i++) /* first, since this is the lesser part of the work */
                present |= 1ull << (tables->symbols[text[i]] & 63);
            if (present & ~tables->covered)
                return PF_NOT_COVERED;
            prefilter_take(filter, &run, text, size, at, stop);
            if (run.seen.words[0] & 1)
                return PF_STOPS;
            at = stop;
        }
    if (prefilter_stops(filter, run.present, &run.seen, text, size))
        return PF_STOPS;
    if (tables->leads && prefilter_led(tables, text, size,
                                       (run.present & 1ull << PF_LINE_END) || memchr(text, PF_MARK, (size_t)size) != NULL))
        return PF_STOPS;
    return tables->cells && run.present & tables->wakes && prefilter_finds(filter, text, size) ? PF_STOPS : PF_PASSES;
}

/* Whether the text passes without its apostrophes; no longer than PF_UNQUOTED. */
static int prefilter_unquoted(const PrefilterPart *filter, const uint8_t *text, Py_ssize_t size)
{
    uint8_t unquoted[PF_UNQUOTED + 1];
    Py_ssize_t length = 0;
    for (Py_ssize_t at = 0; at < size; at++) {
        unquoted[length] = text[at];
        length += text[at] != '\'';
    }
    return prefilter_run(filter, unquoted, length) == PF_PASSES;
}

/* 1: no expression of the program matches anywhere in the text, or none but those that are about apostrophes, and none in
 * the text without them. 0: that is not known. */
static int prefilter_passes(const Prefilter *filter, const uint8_t *text, Py_ssize_t size)
{
    if (filter->whole.tables == NULL)
        return 0;
    /* What stops in a part stops in the whole as well. */
    if (filter->ordinary.tables != NULL) {
        int found = prefilter_run(&filter->ordinary, text, size);
        if (found != PF_NOT_COVERED)
            return found == PF_PASSES;
    }
    if (filter->quoted.tables != NULL && size <= PF_UNQUOTED) {
        int found = prefilter_run(&filter->quoted, text, size);
        if (found == PF_STOPS || (found == PF_PASSES && prefilter_unquoted(&filter->ordinary, text, size)))
            return found == PF_PASSES;
    }
    return prefilter_run(&filter->whole, text, size) == PF_PASSES;
}

/* Of the values between marks those that do not pass, with marks between them; `out` may be `text`. Gives their length.
 *
 * What `prefilter_passes` gives for each, in one run over all of them: most values are ordinary and short, and to begin
 * anew with each costs more than to look at it. */
PF_HOT static Py_ssize_t prefilter_sift(const Prefilter *filter, const uint8_t *text, Py_ssize_t size, uint8_t *out)
{
    const PrefilterPart *const part = filter->ordinary.tables != NULL ? &filter->ordinary : &filter->whole;
    const PrefilterTables *const tables = part->tables;
    uint8_t *const first = out;
    if (tables == NULL) { /* nothing is known of any value */
        memmove(out, text, (size_t)size);
        return size;
    }
    /* Symbols with which a value is not done with when it has no atom. */
    const uint64_t odd = tables->enough | tables->lone;
    uint64_t first_bytes[4];
    prefilter_first(tables, first_bytes);
    int any = 0;
    SymbolRun run = {.met = 0};
    for (Py_ssize_t start = 0, length; start <= size; start += length + 1) {
        const uint8_t *const value = text + start, *const mark = memchr(value, PF_MARK, (size_t)(size - start));
        length = mark != NULL ? mark - value : size - start;
        uint64_t symbols = prefilter_nothing, present = 1ull << PF_EDGE;
        for (const uint8_t *at = value, *const end = value + length; at < end; at++) {
            const uint32_t symbol = tables->symbols[*at] & 63;
            const uint64_t bit = 1ull << symbol, ends = tables->threes[symbols & 0xFFF] & bit;
            present |= bit;
            symbols = symbols << 6 | symbol;
            if (__builtin_expect(ends != 0, 0) && prefilter_near(tables, symbols))
                prefilter_met(part, &run, symbols, value, length, at - value);
        }
        if (tables->threes[symbols & 0xFFF] & 1ull << PF_EDGE && prefilter_near(tables, symbols << 6 | PF_EDGE))
            prefilter_met(part, &run, symbols << 6 | PF_EDGE, value, length, length);
        int clean;
        if (present & ~tables->covered)
            clean = prefilter_passes(filter, value, length);
        else
            clean = !((run.met || present & odd) && prefilter_stops(part, present, &run.seen, value, length)) &&
                    !(present & tables->wakes && tables->cells && prefilter_finds(part, value, length)) &&
                    !(tables->leads && (uint64_t)length >= tables->shortest &&
                      (length == 0 || first_bytes[value[0] >> 6] >> (value[0] & 63) & 1 || present & 1ull << PF_LINE_END) &&
                      prefilter_led(tables, value, length, present & 1ull << PF_LINE_END));
        if (!clean) {
            if (any)
                *out++ = PF_MARK;
            memmove(out, value, (size_t)length);
            out += length;
            any = 1;
        }
        if (run.met || present & odd) { /* what is lone was taken in as well, where it was asked for */
            run.met = 0;
            memset(&run.seen, 0, sizeof run.seen);
        }
    }
    return out - first;
}

#endif
