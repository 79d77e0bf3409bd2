/* Candidates of sensitive values judged at the speed of C.
 *
 * `Judge.find` is waf/sensitive/find.py's loop over candidates: spans, edges, labels, words near a value, scores. What is
 * not arithmetic or a look at a few bytes stays where it was: patterns are run by `re`, validators without a twin here are
 * called, overlaps are settled in Python. Each step does what the function of the same name in waf/sensitive does, which is
 * the reference; tests hold the two together.
 *
 * Nothing is kept between calls but what was compiled. All reads are bounded by the text at hand; memory grows with the
 * candidates of the text alone.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { NEAR = 30, LOOK_BEHIND = 200, LED_REACH = 96, LEAD_IN = 128, MOST_RETRIES = 20000, MOST_CUTS = 8, SHORTER = 28 };
enum { ANY, CARD, MAESTRO }; /* validators that have a twin here */
enum { DIGIT = 1, UPPER = 2, LOWER = 4, WIDE = 8, NAME = 16, SPACE = 32, TRIMMED = 64, PAIRED = 128 };

static const double ACT = 0.8, REPORT = 0.5, CONTEXT = 0.3, NEGATIVE = 0.45, LACKING = -1.0;

static uint8_t kind[256];

static inline int is(uint8_t byte, int kinds)
{
    return kind[byte] & kinds;
}

static inline uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? byte + 32 : byte;
}

/* ------------------------------------------------------------------------------------------------ labels, words */

typedef struct {
    const uint8_t *at;
    Py_ssize_t size;
} Run;

static const Run NOTHING = {(const uint8_t *)"", 0};

static Py_ssize_t last_of(const uint8_t *at, Py_ssize_t size, uint8_t byte)
{
    while (size > 0)
        if (at[--size] == byte)
            return size;
    return -1;
}

static Py_ssize_t trimmed(const uint8_t *at, Py_ssize_t size, int kinds)
{
    while (size > 0 && is(at[size - 1], kinds))
        size--;
    return size;
}

static Py_ssize_t without_blanks(const uint8_t *at, Py_ssize_t size)
{
    while (size > 0 && (at[size - 1] == ' ' || at[size - 1] == '\t'))
        size--;
    return size;
}

/* context.label_before: the key, name or element that directly precedes the value. */
static Run label_before(const uint8_t *text, Py_ssize_t start)
{
    Py_ssize_t low = start > LOOK_BEHIND ? start - LOOK_BEHIND : 0;
    const uint8_t *at = text + low;
    Py_ssize_t size = trimmed(at, start - low, TRIMMED);
    if (size == 0)
        return NOTHING;
    uint8_t last = at[size - 1];
    if (last == ':') {
        size = trimmed(at, size - 1, SPACE);
        if (size > 0 && (at[size - 1] == '"' || at[size - 1] == '\'')) {
            Py_ssize_t opening = last_of(at, size - 1, at[size - 1]);
            return opening >= 0 ? (Run){at + opening + 1, size - 1 - (opening + 1)} : NOTHING;
        }
        Py_ssize_t name = trimmed(at, size, NAME);
        Py_ssize_t before = without_blanks(at, name);
        if (before == 0 || memchr("\n{,;-", at[before - 1], 5) != NULL)
            return (Run){at + name, size - name};
        return NOTHING;
    }
    if (last == '=') {
        size = trimmed(at, size - 1, SPACE);
        Py_ssize_t name = trimmed(at, size, NAME);
        if (name > 1 && at[name - 1] == ' ' && is(at[name - 2], UPPER | LOWER)) {
            Py_ssize_t far = name > 80 ? name - 80 : 0;
            if (memchr(at + far, '<', (size_t)(name - far)) == NULL)
                return NOTHING; /* more than one word: the words near tell more than the last of them */
        }
        return (Run){at + name, size - name};
    }
    if (last == '>') {
        Py_ssize_t opening = last_of(at, size, '<');
        if (opening < 0 || opening + 1 >= size || memchr("/!?", at[opening + 1], 3) != NULL)
            return NOTHING;
        Py_ssize_t end = opening + 1;
        while (end < size && memchr(" \t\r\n/>", at[end], 6) == NULL)
            end++;
        return (Run){at + opening + 1, end - (opening + 1)};
    }
    return NOTHING;
}

/* context.plain_words: `_HUMP.sub(b"_", …).lower()`. `out` holds twice `size` bytes. */
static Py_ssize_t plain_words(const uint8_t *at, Py_ssize_t size, uint8_t *out)
{
    Py_ssize_t made = 0;
    for (Py_ssize_t i = 0; i < size; i++) {
        if (i > 0 && is(at[i], UPPER) &&
            (is(at[i - 1], LOWER | DIGIT) || (is(at[i - 1], UPPER) && i + 1 < size && is(at[i + 1], LOWER))))
            out[made++] = '_';
        out[made++] = lower(at[i]);
    }
    return made;
}

static int is_word(uint8_t byte)
{
    return is(byte, DIGIT | UPPER | LOWER) || byte == '_';
}

/* Whether the mark-up at `at`, behind its "<", is a tag where a line ends: context._BLOCK up to its `\b`. */
static int ends_line(const uint8_t *at, const uint8_t *end)
{
    static const char *const closed[] = {"tr",   "p",  "div", "li",  "dl",  "table", "h1",      "h2",     "h3",
                                         "h4",   "h5", "h6",  "row", "item", "option", "section", "record", NULL};
    static const char *const open[] = {"br", "tr", "hr", NULL};
    const char *const *name = open;
    if (at < end && *at == '/') {
        name = closed;
        at++;
    }
    for (; *name != NULL; name++) {
        size_t size = strlen(*name);
        if ((size_t)(end - at) >= size && memcmp(at, *name, size) == 0 &&
            ((size_t)(end - at) == size || !is_word(at[size])))
            return 1;
    }
    return 0;
}

/* Behind the ">" of the tag that begins with the "<" at `at`; NULL where another "<" or the end comes first. */
static const uint8_t *behind_tag(const uint8_t *at, const uint8_t *end)
{
    for (at++; at < end && *at != '<'; at++)
        if (*at == '>')
            return at + 1;
    return NULL;
}

/* Tags become one byte each: those that end a line "\n" where `blocks`, else all of them a blank. In place. */
static Py_ssize_t without_tags(uint8_t *at, Py_ssize_t size, int blocks)
{
    Py_ssize_t made = 0;
    const uint8_t *end = at + size;
    for (Py_ssize_t i = 0; i < size;) {
        const uint8_t *behind = NULL;
        if (at[i] == '<' && (!blocks || ends_line(at + i + 1, end)))
            behind = behind_tag(at + i, end);
        if (behind != NULL) {
            at[made++] = blocks ? '\n' : ' ';
            i = behind - at;
        }
        else
            at[made++] = at[i++];
    }
    return made;
}

/* Where the text behind the last "&name=" begins, context._PAIR; 0 for none. */
static Py_ssize_t behind_pair(const uint8_t *at, Py_ssize_t size)
{
    for (Py_ssize_t i = size - 1; i >= 0; i--) {
        if (at[i] != '&')
            continue;
        Py_ssize_t end = i + 1;
        while (end < size && is(at[end], PAIRED))
            end++;
        if (end > i + 1 && end - (i + 1) <= 64 && end < size && at[end] == '=')
            return i + 1;
    }
    return 0;
}

/* The same for the last comma between members, context._MEMBER: matches are looked for from the left and apart. */
static Py_ssize_t behind_member(const uint8_t *at, Py_ssize_t size)
{
    Py_ssize_t done = 0;
    for (Py_ssize_t i = 0; i < size;) {
        uint8_t byte = at[i];
        if (!(is(byte, DIGIT) || (byte && memchr("\"'el}]", byte, 6) != NULL))) {
            i++;
            continue;
        }
        Py_ssize_t next = i + 1;
        while (next < size && (at[next] == ' ' || at[next] == '\t'))
            next++;
        if (next < size && at[next] == ',') {
            next++;
            while (next < size && (at[next] == ' ' || at[next] == '\t' || at[next] == '\r' || at[next] == '\n'))
                next++;
            if (next < size && (at[next] == '"' || at[next] == '\'')) {
                done = i = next + 1;
                continue;
            }
        }
        i++;
    }
    return done;
}

/* context.Surroundings.near into `out`, which holds 2 * (NEAR + 8) bytes; gives its length. */
static Py_ssize_t words_near(const uint8_t *text, Py_ssize_t start, Py_ssize_t floor, int labelled, uint8_t *out)
{
    uint8_t room[LOOK_BEHIND];
    Py_ssize_t low = start - LOOK_BEHIND;
    if (low < floor)
        low = floor;
    if (low < 0)
        low = 0;
    if (low >= start)
        return 0;
    Py_ssize_t size = start - low;
    memcpy(room, text + low, (size_t)size);
    if (memchr(room, '<', (size_t)size) != NULL) {
        for (Py_ssize_t i = 0; i < size; i++)
            if (room[i] == '\n')
                room[i] = ' ';
        size = without_tags(room, size, 1);
        size = without_tags(room, size, 0);
    }
    const uint8_t *at = room;
    Py_ssize_t line = last_of(at, size, '\n');
    /* `line and …` of the reference: the separator was found. */
    for (Py_ssize_t i = line + 1; line >= 0 && i < size; i++)
        if (is(at[i], UPPER | LOWER | WIDE)) {
            at += line + 1;
            size -= line + 1;
            break;
        }
    if (size > 2 * NEAR + 16) {
        at += size - (2 * NEAR + 16);
        size = 2 * NEAR + 16;
    }
    Py_ssize_t skip = memchr(at, '&', (size_t)size) != NULL ? behind_pair(at, size) : 0;
    at += skip;
    size -= skip;
    if (!labelled && memchr(at, ',', (size_t)size) != NULL) {
        skip = behind_member(at, size);
        at += skip;
        size -= skip;
    }
    uint8_t words[2 * NEAR + 16];
    Py_ssize_t made = 0;
    for (Py_ssize_t i = 0; i < size; i++) {
        int blank = at[i] == ' ' || at[i] == '\t' || at[i] == '\r' || at[i] == '\n';
        if (!blank)
            words[made++] = at[i];
        else if (i == 0 || !(at[i - 1] == ' ' || at[i - 1] == '\t' || at[i - 1] == '\r' || at[i - 1] == '\n'))
            words[made++] = ' ';
    }
    skip = made > NEAR + 8 ? made - (NEAR + 8) : 0;
    return plain_words(words + skip, made - skip, out);
}

/* ------------------------------------------------------------------------------------------------------- cards */

static int luhn(const uint8_t *digits, Py_ssize_t size)
{
    static const uint8_t doubled[] = {0, 2, 4, 6, 8, 1, 3, 5, 7, 9};
    int sum = 0;
    for (Py_ssize_t i = 1; i <= size; i++) {
        int digit = digits[size - i] - '0';
        sum += i & 1 ? digit : doubled[digit];
    }
    return sum % 10 == 0;
}

static int one_digit(const uint8_t *digits, Py_ssize_t size)
{
    for (Py_ssize_t i = 1; i < size; i++)
        if (digits[i] != digits[0])
            return 0;
    return 1;
}

/* cards._ungrouped: the digits alone into `out` of 32 bytes; 0 where they are grouped as nobody does, -1 if too long. */
static Py_ssize_t ungrouped(const uint8_t *value, Py_ssize_t size, uint8_t *out)
{
    /* cards._GROUPS: lengths of groups as hexadecimal digits behind a 1. */
    static const uint32_t known[] = {0x14444, 0x1465, 0x14443, 0x1456, 0x1464, 0x14442, 0x14441, 0x14333,
                                     0x1445, 0x144443, 0x144442, 0x144441, 0x16d, 0x16a, 0x188, 0x1444};
    if (size > 32)
        return -1;
    uint8_t separator = memchr(value, ' ', (size_t)size) != NULL ? ' ' : '-';
    uint32_t groups = 1;
    Py_ssize_t made = 0, group = 0;
    for (Py_ssize_t i = 0; i <= size; i++) {
        if (i < size && is(value[i], DIGIT)) {
            out[made++] = value[i];
            group++;
            continue;
        }
        if (i < size && value[i] != separator)
            return 0;
        if (group > 15 && made == size)
            return made; /* without groups any length will do */
        if (group > 15 || groups >> 28)
            return 0;
        groups = groups << 4 | (uint32_t)group;
        group = 0;
    }
    if (made == size)
        return made;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i] == groups)
            return made;
    return 0;
}

/* cards._ISSUER */
static int issued(const uint8_t *digits, Py_ssize_t size)
{
    if (size < 13 || size > 19)
        return 0;
    int two = (digits[0] - '0') * 10 + digits[1] - '0';
    int four = two * 100 + (digits[2] - '0') * 10 + digits[3] - '0';
    switch (digits[0]) {
    case '4':
        return size == 13 || size == 16 || size == 19;
    case '5':
        return two >= 51 && two <= 55 && size == 16;
    case '2':
        return four >= 2221 && four <= 2720 && size == 16;
    case '3':
        if (two == 34 || two == 37)
            return size == 15;
        if (two == 36 || two == 38 || two == 39 || (four >= 3000 && four <= 3059))
            return size >= 14;
        return four >= 3528 && four <= 3589 && size >= 16;
    case '6':
        return (four == 6011 || (four >= 6440 && four <= 6599) || two == 62) && size >= 16;
    default:
        return 0;
    }
}

static double card(const uint8_t *value, Py_ssize_t size)
{
    uint8_t digits[32];
    Py_ssize_t count = ungrouped(value, size, digits);
    if (count <= 0 || !luhn(digits, count) || !issued(digits, count) || one_digit(digits, count))
        return 0.0;
    if (count == 17 || count == 18)
        return 0.6;
    if (count == 13) {
        int sum = 0;
        for (int i = 0; i < 13; i++)
            sum += (digits[12 - i] - '0') * (i & 1 ? 3 : 1);
        if (sum % 10 == 0)
            return 0.6; /* a right EAN as well */
    }
    return 1.0;
}

static double maestro(const uint8_t *value, Py_ssize_t size)
{
    uint8_t digits[32];
    Py_ssize_t count = ungrouped(value, size, digits);
    if (count < 12 || count > 19 || !luhn(digits, count) || one_digit(digits, count))
        return 0.0;
    return digits[0] == '6' || (digits[0] == '5' && (digits[1] == '0' || digits[1] >= '6')) ? 1.0 : 0.0;
}

/* ------------------------------------------------------------------------------------------- numbers in a row */

typedef struct {
    const uint8_t *at;
    Py_ssize_t size;
    PyObject *bytes;
    uint8_t *ends; /* a bit for each place of the text where a value ended; NULL while there is none */
} Text;

static int ended(const Text *text, Py_ssize_t place)
{
    return text->ends != NULL && (text->ends[place >> 3] >> (place & 7) & 1);
}

static int all_digits(const uint8_t *at, Py_ssize_t size)
{
    for (Py_ssize_t i = 0; i < size; i++)
        if (!is(at[i], DIGIT))
            return 0;
    return size > 0;
}

/* readings.continues */
static int continues(const Text *text, Py_ssize_t start, Py_ssize_t end, int regroups)
{
    const uint8_t *at = text->at;
    if (start > 0 && (at[start - 1] == ' ' || at[start - 1] == '-') && !(start < text->size && at[start] == '+')) {
        uint8_t before = at[start - 1];
        if (before == '-' && start > 1 && is(at[start - 2], DIGIT))
            return 1;
        if (end > start && memchr(at + start, before, (size_t)(end - start)) != NULL && !ended(text, start - 1)) {
            Py_ssize_t low = start > 6 ? start - 6 : 0, first = start - 1;
            while (first > low && at[first - 1] != before)
                first--;
            Py_ssize_t size = start - 1 - first;
            int letters = 0;
            for (Py_ssize_t i = first; i < start - 1 && letters >= 0; i++)
                letters = is(at[i], DIGIT) ? letters : is(at[i], UPPER | LOWER) ? 1 : -1;
            if (size >= 4 && letters >= 0 && (letters == 0 || (size == 4 && is(at[start - 2], DIGIT))))
                return 1;
        }
    }
    if (regroups || end >= text->size)
        return 0;
    uint8_t behind = at[end];
    return (behind == ' ' || behind == '-') && end > start && memchr(at + start, behind, (size_t)(end - start)) != NULL &&
           text->size - end > 3 && all_digits(at + end + 1, 3);
}

/* readings.follows_group */
static int follows_group(const Text *text, Py_ssize_t start)
{
    if (start <= 0 || start > text->size || (text->at[start - 1] != ' ' && text->at[start - 1] != '-') ||
        ended(text, start - 1))
        return 0;
    Py_ssize_t low = start > 5 ? start - 5 : 0;
    return all_digits(text->at + low, start - 1 - low);
}

/* ------------------------------------------------------------------------------------------------------- forms */

typedef struct { /* which beginnings of words there are: what no word begins with needs no look by the pattern */
    int holds;   /* 0: nothing is known */
    uint32_t pairs[32], triples[64];
} Beginnings;

typedef struct {
    PyObject *entity; /* NULL: a form that is not looked at */
    PyObject *form, *match, *iterate, *before, *after, *endless, *validate, *context, *denied, *said, *tests;
    int led, group, numeric, regroups, labelled, validator;
    double confidence;
    Beginnings context_words, denied_words;
} Form;

static inline uint32_t triple(const uint8_t *at)
{
    return ((uint32_t)at[0] * 1249u ^ (uint32_t)at[1] * 331u ^ at[2]) & 2047;
}

static int begins_here(const Beginnings *words, const uint8_t *at, Py_ssize_t size)
{
    if (!words->holds)
        return 1;
    for (Py_ssize_t i = 0; i + 1 < size; i++) {
        if (words->pairs[at[i] & 31] >> (at[i + 1] & 31) & 1)
            return 1;
        if (i + 2 < size) {
            uint32_t hash = triple(at + i);
            if (words->triples[hash >> 5] >> (hash & 31) & 1)
                return 1;
        }
    }
    return 0;
}

static int read_beginnings(PyObject *tuple, Beginnings *words)
{
    if (tuple == Py_None)
        return 0;
    if (!PyTuple_Check(tuple)) {
        PyErr_SetString(PyExc_TypeError, "beginnings of words are a tuple or None");
        return -1;
    }
    words->holds = 1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        PyObject *word = PyTuple_GET_ITEM(tuple, i);
        if (!PyBytes_Check(word) || PyBytes_GET_SIZE(word) < 2) {
            PyErr_SetString(PyExc_TypeError, "a beginning is of two bytes at least");
            return -1;
        }
        const uint8_t *at = (const uint8_t *)PyBytes_AS_STRING(word);
        if (PyBytes_GET_SIZE(word) == 2)
            words->pairs[at[0] & 31] |= 1u << (at[1] & 31);
        else {
            uint32_t hash = triple(at);
            words->triples[hash >> 5] |= 1u << (hash & 31);
        }
    }
    return 0;
}

typedef struct {
    PyObject_HEAD
    Form *forms;
    Py_ssize_t count;
    int strict;
    PyObject *hit, *say, *apart, *quiet, *elements, *span;
} Judge;

/* -------------------------------------------------------------------------------------------- one text's state */

typedef struct {
    Py_ssize_t number, start, end;
} Reading;

typedef struct {
    Text text;
    Py_ssize_t floor;
    PyObject *field_at;
    PyObject *hits;
    Reading *judged; /* an open table; `number` -1 is free */
    size_t judged_size, judged_used;
    Py_ssize_t retries;
    /* what stands before the value at `around` */
    Py_ssize_t around, field;
    PyObject *label; /* NULL: not known yet */
    int decisive;    /* -1: not known yet */
    PyObject *near;  /* NULL: not known yet */
    Py_ssize_t last_end;
    int overlap;
} Search;

static int grow_judged(Search *search)
{
    size_t size = search->judged_size ? search->judged_size * 2 : 64;
    Reading *table = PyMem_Malloc(size * sizeof *table);
    if (table == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < size; i++)
        table[i].number = -1;
    for (size_t i = 0; i < search->judged_size; i++) {
        Reading *old = &search->judged[i];
        if (old->number < 0)
            continue;
        size_t slot = ((size_t)old->start * 31 + (size_t)old->end * 7 + (size_t)old->number * 131) & (size - 1);
        while (table[slot].number >= 0)
            slot = (slot + 1) & (size - 1);
        table[slot] = *old;
    }
    PyMem_Free(search->judged);
    search->judged = table;
    search->judged_size = size;
    return 0;
}

/* 1 if the reading is new, 0 if it was judged before, -1 with an exception. */
static int note_judged(Search *search, Py_ssize_t number, Py_ssize_t start, Py_ssize_t end)
{
    if (search->judged_used * 2 >= search->judged_size && grow_judged(search) < 0)
        return -1;
    size_t mask = search->judged_size - 1;
    size_t slot = ((size_t)start * 31 + (size_t)end * 7 + (size_t)number * 131) & mask;
    for (; search->judged[slot].number >= 0; slot = (slot + 1) & mask) {
        Reading *known = &search->judged[slot];
        if (known->start == start && known->end == end && known->number == number)
            return 0;
    }
    search->judged[slot] = (Reading){number, start, end};
    search->judged_used++;
    return 1;
}

static int note_end(Search *search, Py_ssize_t place)
{
    Text *text = &search->text;
    if (text->ends == NULL) {
        text->ends = PyMem_Calloc((size_t)(text->size >> 3) + 1, 1);
        if (text->ends == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    text->ends[place >> 3] |= (uint8_t)(1 << (place & 7));
    return 0;
}

static int stand_before(Search *search, Py_ssize_t start)
{
    if (search->around == start)
        return 0;
    Py_CLEAR(search->label);
    Py_CLEAR(search->near);
    search->decisive = -1;
    search->field = 0;
    search->around = start;
    if (search->field_at == Py_None)
        return 0;
    PyObject *place = PyLong_FromSsize_t(start);
    if (place == NULL)
        return -1;
    PyObject *arguments[] = {search->text.bytes, place};
    PyObject *pair = PyObject_Vectorcall(search->field_at, arguments, 2, NULL);
    Py_DECREF(place);
    if (pair == NULL)
        return -1;
    int bad = !PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2 ||
              !(PyTuple_GET_ITEM(pair, 0) == Py_None || PyBytes_Check(PyTuple_GET_ITEM(pair, 0)));
    if (bad)
        PyErr_SetString(PyExc_TypeError, "a field is its name or None, and where it begins");
    else {
        if (PyTuple_GET_ITEM(pair, 0) != Py_None)
            search->label = Py_NewRef(PyTuple_GET_ITEM(pair, 0));
        search->field = PyLong_AsSsize_t(PyTuple_GET_ITEM(pair, 1));
        bad = search->field == -1 && PyErr_Occurred();
    }
    Py_DECREF(pair);
    return bad ? -1 : 0;
}

static int know_label(Search *search)
{
    if (search->label == NULL) {
        Run run = label_before(search->text.at, search->around);
        search->label = PyBytes_FromStringAndSize((const char *)run.at, run.size);
    }
    return search->label == NULL ? -1 : 0;
}

static int know_near(Search *search)
{
    if (search->near != NULL)
        return 0;
    /* The label matters only where a comma might part two members; to know it is cheap. */
    if (know_label(search) < 0)
        return -1;
    uint8_t out[2 * (NEAR + 8)];
    Py_ssize_t size = words_near(search->text.at, search->around, search->field, PyBytes_GET_SIZE(search->label) > 0, out);
    search->near = PyBytes_FromStringAndSize((const char *)out, size);
    return search->near == NULL ? -1 : 0;
}

/* context.is_decisive */
static int is_decisive(Judge *self, PyObject *label)
{
    const uint8_t *at = (const uint8_t *)PyBytes_AS_STRING(label);
    Py_ssize_t size = PyBytes_GET_SIZE(label), first = 0;
    if (size == 0)
        return 0;
    for (Py_ssize_t i = size; i-- > 0;)
        if (at[i] == '.' || at[i] == ':') {
            first = i + 1;
            break;
        }
    /* `rpartition(".")` comes before `rpartition(":")`: the last of either is where both end. */
    while (first < size && memchr("[]$_-", at[first], 5) != NULL)
        first++;
    while (size > first && memchr("[]$_-", at[size - 1], 5) != NULL)
        size--;
    uint8_t word[32];
    if (size - first > (Py_ssize_t)sizeof word)
        return 1; /* longer than any word that says nothing */
    for (Py_ssize_t i = first; i < size; i++)
        word[i - first] = lower(at[i]);
    PyObject *last = PyBytes_FromStringAndSize((const char *)word, size - first);
    if (last == NULL)
        return -1;
    int known = PySet_Contains(self->quiet, last);
    if (known == 0)
        known = PySet_Contains(self->elements, last);
    Py_DECREF(last);
    return known < 0 ? -1 : !known;
}

static int found_by(PyObject *search, PyObject *text)
{
    PyObject *match = PyObject_CallOneArg(search, text);
    if (match == NULL)
        return -1;
    Py_DECREF(match);
    return match != Py_None;
}

static int speaks(PyObject *pattern, const Beginnings *words, PyObject *near)
{
    if (!begins_here(words, (const uint8_t *)PyBytes_AS_STRING(near), PyBytes_GET_SIZE(near)))
        return 0;
    return found_by(pattern, near);
}

/* find._weigh; -1 with an exception. */
static int weigh(Judge *self, Form *form, Search *search, double *weight)
{
    if (know_label(search) < 0)
        return -1;
    if (search->decisive < 0 && (search->decisive = is_decisive(self, search->label)) < 0)
        return -1;
    if (search->decisive) {
        PyObject *said = PyDict_GetItemWithError(form->said, search->label); /* borrowed */
        PyObject *asked = NULL;
        if (said == NULL) {
            if (PyErr_Occurred())
                return -1;
            PyObject *arguments[] = {form->form, search->label};
            said = asked = PyObject_Vectorcall(self->say, arguments, 2, NULL);
            if (said == NULL)
                return -1;
        }
        *weight = PyFloat_AsDouble(said);
        Py_XDECREF(asked);
        return *weight == -1.0 && PyErr_Occurred() ? -1 : 0;
    }
    *weight = LACKING;
    if (form->labelled)
        return 0;
    int speaking;
    if (form->denied != NULL) {
        if (know_near(search) < 0 || (speaking = speaks(form->denied, &form->denied_words, search->near)) < 0)
            return -1;
        if (speaking) {
            *weight = -NEGATIVE;
            return 0;
        }
    }
    *weight = 0.0;
    if (form->context == NULL || !(form->led || form->confidence < ACT))
        return 0;
    if (know_near(search) < 0 || (speaking = speaks(form->context, &form->context_words, search->near)) < 0)
        return -1;
    *weight = speaking ? CONTEXT : form->led ? LACKING : 0.0;
    return 0;
}

/* `form.validate(value)`; what it raises of ValueError, IndexError, KeyError is 0.0. -1 with any other exception. */
static int validated(Form *form, Search *search, Py_ssize_t start, Py_ssize_t end, double *factor)
{
    const uint8_t *at = search->text.at + start;
    if (form->validator == CARD) {
        *factor = card(at, end - start);
        return 0;
    }
    if (form->validator == MAESTRO) {
        *factor = maestro(at, end - start);
        return 0;
    }
    PyObject *value = PyBytes_FromStringAndSize((const char *)at, end - start);
    if (value == NULL)
        return -1;
    PyObject *given = PyObject_CallOneArg(form->validate, value);
    Py_DECREF(value);
    if (given != NULL) {
        *factor = PyFloat_AsDouble(given);
        Py_DECREF(given);
        return *factor == -1.0 && PyErr_Occurred() ? -1 : 0;
    }
    if (PyErr_ExceptionMatches(PyExc_ValueError) || PyErr_ExceptionMatches(PyExc_IndexError) ||
        PyErr_ExceptionMatches(PyExc_KeyError)) {
        PyErr_Clear();
        *factor = 0.0;
        return 0;
    }
    return -1;
}

/* `_plain(value) in entity.tests` */
static int is_test(Form *form, Search *search, Py_ssize_t start, Py_ssize_t end)
{
    if (PySet_GET_SIZE(form->tests) == 0)
        return 0;
    PyObject *value = PyBytes_FromStringAndSize(NULL, end - start);
    if (value == NULL)
        return -1;
    char *at = PyBytes_AS_STRING(value);
    Py_ssize_t made = 0;
    for (Py_ssize_t i = start; i < end; i++) {
        uint8_t byte = search->text.at[i];
        if (memchr(" -./()", byte, 6) == NULL)
            at[made++] = (char)(byte >= 'a' && byte <= 'z' ? byte - 32 : byte);
    }
    if (made != end - start && _PyBytes_Resize(&value, made) < 0)
        return -1;
    int known = PySet_Contains(form->tests, value);
    Py_DECREF(value);
    return known;
}

/* The span of a match's group; -1 with an exception. Takes the match. */
static int span_of(Judge *self, PyObject *match, int group, Py_ssize_t *start, Py_ssize_t *end)
{
    PyObject *number = PyLong_FromLong(group);
    PyObject *pair = number == NULL ? NULL : PyObject_CallMethodOneArg(match, self->span, number);
    Py_XDECREF(number);
    Py_DECREF(match);
    if (pair == NULL)
        return -1;
    int bad = !PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2;
    if (bad)
        PyErr_SetString(PyExc_TypeError, "a span is a pair");
    else {
        *start = PyLong_AsSsize_t(PyTuple_GET_ITEM(pair, 0));
        *end = PyLong_AsSsize_t(PyTuple_GET_ITEM(pair, 1));
        bad = PyErr_Occurred() != NULL;
    }
    Py_DECREF(pair);
    return bad ? -1 : 0;
}

/* A bound method of a pattern, over the text from one place on, and up to another unless that is negative. */
static PyObject *run(PyObject *method, Search *search, Py_ssize_t from, Py_ssize_t upto)
{
    PyObject *arguments[3] = {search->text.bytes, PyLong_FromSsize_t(from), NULL};
    if (arguments[1] == NULL)
        return NULL;
    size_t count = 2;
    if (upto >= 0) {
        arguments[2] = PyLong_FromSsize_t(upto);
        if (arguments[2] == NULL) {
            Py_DECREF(arguments[1]);
            return NULL;
        }
        count = 3;
    }
    PyObject *match = PyObject_Vectorcall(method, arguments, count, NULL);
    Py_DECREF(arguments[1]);
    Py_XDECREF(arguments[2]);
    return match;
}

/* find._judge: 1 if a hit was added, 0 if not, -1 with an exception. */
static int judge(Judge *self, Form *form, Search *search, Py_ssize_t start, Py_ssize_t end)
{
    double score = form->confidence, weight, factor;
    if (form->led) {
        if (weigh(self, form, search, &weight) < 0)
            return -1;
        score += weight;
        if (score < REPORT - 1e-9)
            return 0;
    }
    if (form->validate != NULL) {
        if (validated(form, search, start, end, &factor) < 0)
            return -1;
        if (factor <= 0)
            return 0;
        score -= form->confidence * (1 - factor);
    }
    if (!form->led) {
        if (weigh(self, form, search, &weight) < 0)
            return -1;
        score += self->strict && weight == -NEGATIVE ? 0.0 : weight;
    }
    if (score < REPORT - 1e-9)
        return 0;
    int test = is_test(form, search, start, end);
    if (test < 0)
        return -1;
    if (form->endless != NULL) {
        PyObject *tail = run(form->endless, search, end, -1);
        Py_ssize_t first;
        if (tail == NULL || (tail != Py_None && span_of(self, tail, 0, &first, &end) < 0))
            return -1;
        if (tail == Py_None)
            Py_DECREF(tail);
    }
    PyObject *arguments[5] = {form->entity, PyLong_FromSsize_t(start), PyLong_FromSsize_t(end),
                              PyFloat_FromDouble(score < 1.0 ? score : 1.0), test ? Py_True : Py_False};
    PyObject *hit = NULL;
    if (arguments[1] != NULL && arguments[2] != NULL && arguments[3] != NULL)
        hit = PyObject_Vectorcall(self->hit, arguments, 5, NULL);
    Py_XDECREF(arguments[1]);
    Py_XDECREF(arguments[2]);
    Py_XDECREF(arguments[3]);
    if (hit == NULL)
        return -1;
    int failed = PyList_Append(search->hits, hit);
    Py_DECREF(hit);
    if (failed)
        return -1;
    search->overlap |= start < search->last_end;
    if (end > search->last_end)
        search->last_end = end;
    return 1;
}

/* One reading of a candidate: 1 if it is a hit, 0 if not, -1 with an exception. */
static int try_reading(Judge *self, Form *form, Search *search, Py_ssize_t start, Py_ssize_t end)
{
    if (start < 0 || end < start || end > search->text.size) { /* a group that took no part in the match */
        return 0;
    }
    if (end <= search->floor)
        return 0;
    int fresh = note_judged(search, form - self->forms, start, end);
    if (fresh <= 0)
        return fresh;
    if (stand_before(search, start) < 0)
        return -1;
    if (form->numeric && continues(&search->text, start, end, form->regroups))
        return 0;
    int hit = judge(self, form, search, start, end);
    if (hit > 0 && note_end(search, end) < 0)
        return -1;
    return hit;
}

/* readings._shorter, each run tried at once. */
static int try_shorter(Judge *self, Form *form, Search *search, Py_ssize_t start, Py_ssize_t end)
{
    const uint8_t *at = search->text.at;
    if (end > search->text.size)
        end = search->text.size;
    Py_ssize_t cuts[MOST_CUTS + 2], count = 1;
    cuts[0] = -1;
    for (Py_ssize_t i = start; i < end && count <= MOST_CUTS; i++)
        if (at[i] == ' ' || at[i] == '-')
            cuts[count++] = i - start;
    if (count == 1)
        return 0;
    cuts[count] = end - start;
    for (Py_ssize_t first = 0; first < count; first++)
        for (Py_ssize_t last = count; last > 0; last--) {
            if (cuts[last] - cuts[first] <= 6 || (first == 0 && last == count))
                continue;
            Py_ssize_t upto = start + cuts[last], low, high;
            PyObject *match = run(form->match, search, start + cuts[first] + 1, upto);
            if (match == NULL)
                return -1;
            if (match == Py_None) {
                Py_DECREF(match);
                continue;
            }
            Py_INCREF(match);
            if (span_of(self, match, 0, &low, &high) < 0) {
                Py_DECREF(match);
                return -1;
            }
            if (high == upto) {
                PyObject *behind = run(form->after, search, high, -1);
                if (behind == NULL) {
                    Py_DECREF(match);
                    return -1;
                }
                Py_DECREF(behind);
                if (behind != Py_None) {
                    if (span_of(self, match, form->group, &low, &high) < 0)
                        return -1;
                    search->retries++;
                    int hit = try_reading(self, form, search, low, high);
                    if (hit != 0)
                        return hit;
                    continue;
                }
            }
            Py_DECREF(match);
        }
    return 0;
}

/* readings.form_spans, each span tried at once. */
static int try_candidate(Judge *self, Form *form, Search *search, Py_ssize_t place)
{
    int again = form->regroups && search->retries < MOST_RETRIES && !follows_group(&search->text, place);
    Py_ssize_t start, end;
    if (form->led) {
        PyObject *matches = run(form->iterate, search, place > LED_REACH ? place - LED_REACH : 0, place + LED_REACH);
        if (matches == NULL)
            return -1;
        PyObject *match;
        while ((match = PyIter_Next(matches)) != NULL) {
            if (span_of(self, match, form->group, &start, &end) < 0) {
                Py_DECREF(matches);
                return -1;
            }
            if (start < place && place <= end) {
                Py_DECREF(matches);
                int hit = try_reading(self, form, search, start, end);
                return hit != 0 || !again ? hit : try_shorter(self, form, search, start, end);
            }
        }
        Py_DECREF(matches);
        return PyErr_Occurred() ? -1 : 0;
    }
    if (form->before != NULL) {
        PyObject *left = run(form->before, search, place > 64 ? place - 64 : 0, place);
        if (left == NULL)
            return -1;
        if (left == Py_None)
            Py_DECREF(left);
        else {
            if (span_of(self, left, 0, &start, &end) < 0)
                return -1;
            place = start;
        }
    }
    PyObject *match = run(form->match, search, place, -1);
    if (match == NULL)
        return -1;
    if (match == Py_None) {
        Py_DECREF(match);
        start = end = place;
    }
    else {
        if (span_of(self, match, form->group, &start, &end) < 0)
            return -1;
        int hit = try_reading(self, form, search, start, end);
        if (hit != 0)
            return hit;
    }
    return again ? try_shorter(self, form, search, place, end > place + SHORTER ? end : place + SHORTER) : 0;
}

PyDoc_STRVAR(find_doc,
             "find(text, floor, ceiling, field_at, found) -> list\n\n"
             "`Finder.find` for candidates `found`, which are in order; `floor` and `ceiling` as there, `ceiling` negative "
             "for none.");

static PyObject *judge_find(Judge *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 5 || !PyBytes_Check(args[0]) || !PyList_Check(args[4])) {
        PyErr_SetString(PyExc_TypeError, "find(text, floor, ceiling, field_at, found)");
        return NULL;
    }
    Search search = {.text = {(const uint8_t *)PyBytes_AS_STRING(args[0]), PyBytes_GET_SIZE(args[0]), args[0], NULL},
                     .field_at = args[3], .around = -1, .decisive = -1, .last_end = -1};
    search.floor = PyLong_AsSsize_t(args[1]);
    Py_ssize_t high = PyLong_AsSsize_t(args[2]);
    if (PyErr_Occurred())
        return NULL;
    Py_ssize_t low = search.floor - LEAD_IN;
    if (high < 0)
        high = search.text.size;
    search.hits = PyList_New(0);
    int failed = search.hits == NULL;
    for (Py_ssize_t i = 0; !failed && i < PyList_GET_SIZE(args[4]); i++) {
        long long found = PyLong_AsLongLong(PyList_GET_ITEM(args[4], i));
        if (found < 0) {
            failed = 1;
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_ValueError, "not a candidate");
            break;
        }
        Py_ssize_t place = (Py_ssize_t)(found >> 16), number = (Py_ssize_t)(found & 0xffff);
        if (place < low || place > high || place > search.text.size || number >= self->count ||
            self->forms[number].entity == NULL)
            continue;
        failed = try_candidate(self, &self->forms[number], &search, place) < 0;
    }
    PyMem_Free(search.judged);
    PyMem_Free(search.text.ends);
    Py_XDECREF(search.label);
    Py_XDECREF(search.near);
    if (failed) {
        Py_XDECREF(search.hits);
        return NULL;
    }
    if (!search.overlap) /* in order and apart already */
        return search.hits;
    PyObject *apart = PyObject_CallOneArg(self->apart, search.hits);
    Py_DECREF(search.hits);
    return apart;
}

/* -------------------------------------------------------------------------------------------------- the type */

static int traverse_form(Form *form, visitproc visit, void *arg)
{
    Py_VISIT(form->entity);
    Py_VISIT(form->form);
    Py_VISIT(form->match);
    Py_VISIT(form->iterate);
    Py_VISIT(form->before);
    Py_VISIT(form->after);
    Py_VISIT(form->endless);
    Py_VISIT(form->validate);
    Py_VISIT(form->context);
    Py_VISIT(form->denied);
    Py_VISIT(form->said);
    Py_VISIT(form->tests);
    return 0;
}

static int judge_traverse(Judge *self, visitproc visit, void *arg)
{
    for (Py_ssize_t i = 0; i < self->count; i++) {
        int stopped = traverse_form(&self->forms[i], visit, arg);
        if (stopped)
            return stopped;
    }
    Py_VISIT(self->hit);
    Py_VISIT(self->say);
    Py_VISIT(self->apart);
    Py_VISIT(self->quiet);
    Py_VISIT(self->elements);
    return 0;
}

static int judge_clear(Judge *self)
{
    Py_ssize_t count = self->count;
    self->count = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        Form *form = &self->forms[i];
        Py_CLEAR(form->entity);
        Py_CLEAR(form->form);
        Py_CLEAR(form->match);
        Py_CLEAR(form->iterate);
        Py_CLEAR(form->before);
        Py_CLEAR(form->after);
        Py_CLEAR(form->endless);
        Py_CLEAR(form->validate);
        Py_CLEAR(form->context);
        Py_CLEAR(form->denied);
        Py_CLEAR(form->said);
        Py_CLEAR(form->tests);
    }
    Py_CLEAR(self->hit);
    Py_CLEAR(self->say);
    Py_CLEAR(self->apart);
    Py_CLEAR(self->quiet);
    Py_CLEAR(self->elements);
    return 0;
}

static void judge_dealloc(Judge *self)
{
    PyObject_GC_UnTrack(self);
    judge_clear(self);
    Py_XDECREF(self->span);
    PyMem_Free(self->forms);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* `object.name`, or NULL without an exception where it is None. */
static PyObject *taken(PyObject *object, const char *name, int *failed)
{
    PyObject *value = *failed ? NULL : PyObject_GetAttrString(object, name);
    if (value == NULL) {
        *failed = 1;
        return NULL;
    }
    if (value == Py_None)
        Py_CLEAR(value);
    return value;
}

/* A bound method of the pattern `object.name`; NULL without an exception where there is no pattern. */
static PyObject *method(PyObject *object, const char *name, const char *of, int *failed)
{
    PyObject *pattern = taken(object, name, failed);
    if (pattern == NULL)
        return NULL;
    PyObject *bound = PyObject_GetAttrString(pattern, of);
    Py_DECREF(pattern);
    *failed |= bound == NULL;
    return bound;
}

static int number_of(PyObject *object, const char *name, int *failed)
{
    PyObject *value = taken(object, name, failed);
    long number = value == NULL ? 0 : PyLong_AsLong(value);
    if (number == -1 && PyErr_Occurred())
        *failed = 1;
    Py_XDECREF(value);
    return (int)number;
}

static int read_form(PyObject *object, PyObject *natives, Form *form)
{
    int failed = 0;
    form->form = Py_NewRef(object);
    PyObject *entity = taken(object, "entity", &failed);
    form->match = method(object, "shape", "match", &failed);
    form->iterate = method(object, "shape", "finditer", &failed);
    form->before = method(object, "before", "search", &failed);
    form->after = method(object, "after", "match", &failed);
    form->endless = method(object, "endless", "match", &failed);
    form->context = method(object, "context", "search", &failed);
    form->denied = method(object, "denied", "search", &failed);
    form->validate = taken(object, "validate", &failed);
    form->said = taken(object, "said", &failed);
    form->led = number_of(object, "led", &failed);
    form->group = number_of(object, "group", &failed);
    form->numeric = number_of(object, "numeric", &failed);
    form->regroups = number_of(object, "regroups", &failed);
    PyObject *context_words = failed ? NULL : PyObject_GetAttrString(object, "context_words");
    PyObject *denied_words = context_words == NULL ? NULL : PyObject_GetAttrString(object, "denied_words");
    if (denied_words == NULL || read_beginnings(context_words, &form->context_words) < 0 ||
        read_beginnings(denied_words, &form->denied_words) < 0)
        failed = 1;
    Py_XDECREF(context_words);
    Py_XDECREF(denied_words);
    if (!failed && entity != NULL) {
        form->labelled = number_of(entity, "labelled", &failed);
        form->tests = taken(entity, "tests", &failed);
        PyObject *confidence = taken(entity, "confidence", &failed);
        form->confidence = confidence == NULL ? 0 : PyFloat_AsDouble(confidence);
        Py_XDECREF(confidence);
        failed |= PyErr_Occurred() != NULL;
    }
    if (!failed && form->validate != NULL) {
        PyObject *twin = PyDict_GetItemWithError(natives, form->validate); /* borrowed */
        form->validator = twin == NULL ? ANY : (int)PyLong_AsLong(twin);
        failed |= PyErr_Occurred() != NULL;
    }
    if (!failed && (entity == NULL || form->match == NULL || form->after == NULL || form->said == NULL ||
                    !PyDict_Check(form->said) || form->tests == NULL || !PyAnySet_Check(form->tests))) {
        PyErr_SetString(PyExc_TypeError, "not a form");
        failed = 1;
    }
    form->entity = entity;
    return failed ? -1 : 0;
}

static int judge_init(Judge *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"forms", "hit", "say", "apart", "quiet", "elements", "natives", "strict", NULL};
    PyObject *forms, *hit, *say, *apart, *quiet, *elements, *natives;
    int strict;
    if (self->forms != NULL) {
        PyErr_SetString(PyExc_TypeError, "made once");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!OOOO!O!O!p", names, &PyTuple_Type, &forms, &hit, &say, &apart,
                                     &PyFrozenSet_Type, &quiet, &PyFrozenSet_Type, &elements, &PyDict_Type, &natives,
                                     &strict))
        return -1;
    Py_ssize_t count = PyTuple_GET_SIZE(forms);
    self->forms = PyMem_Calloc((size_t)count + 1, sizeof *self->forms);
    self->span = PyUnicode_InternFromString("span");
    if (self->forms == NULL || self->span == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    self->hit = Py_NewRef(hit);
    self->say = Py_NewRef(say);
    self->apart = Py_NewRef(apart);
    self->quiet = Py_NewRef(quiet);
    self->elements = Py_NewRef(elements);
    self->strict = strict;
    for (Py_ssize_t i = 0; i < count; i++) {
        self->count = i + 1;
        PyObject *form = PyTuple_GET_ITEM(forms, i);
        if (form != Py_None && read_form(form, natives, &self->forms[i]) < 0)
            return -1;
    }
    return 0;
}

static PyMethodDef judge_methods[] = {
    {"find", (PyCFunction)(void (*)(void))judge_find, METH_FASTCALL, find_doc},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject JudgeType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "waf._finder.Judge",
    .tp_doc = PyDoc_STR("Judges candidates by forms; see waf/sensitive/find.py."),
    .tp_basicsize = sizeof(Judge),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)judge_init,
    .tp_dealloc = (destructor)judge_dealloc,
    .tp_traverse = (traverseproc)judge_traverse,
    .tp_clear = (inquiry)judge_clear,
    .tp_methods = judge_methods,
};

/* -------------------------------------------------------------------------------------- what Hyperscan reports */

typedef struct {
    PyObject_HEAD
    uint8_t *led; /* by form: the end of a match is its place, else its start */
    Py_ssize_t forms;
    uint64_t base, *found;
    size_t count, room;
} Notices;

static PyObject *notices_call(Notices *self, PyObject *args, PyObject *kwargs)
{
    if (PyTuple_GET_SIZE(args) < 3) {
        PyErr_SetString(PyExc_TypeError, "a match has an id, a start and an end");
        return NULL;
    }
    unsigned long long form = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(args, 0));
    unsigned long long from = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(args, 1));
    unsigned long long upto = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(args, 2));
    if (PyErr_Occurred())
        return NULL;
    if (form >= (unsigned long long)self->forms) {
        PyErr_SetString(PyExc_ValueError, "no such form");
        return NULL;
    }
    uint64_t found = (self->base + (self->led[form] ? upto : from)) << 16 | form;
    if (self->count > 0 && self->found[self->count - 1] == found)
        Py_RETURN_NONE; /* one more end of the same match */
    if (self->count == self->room) {
        size_t room = self->room ? self->room * 2 : 64;
        uint64_t *more = PyMem_Realloc(self->found, room * sizeof *more);
        if (more == NULL)
            return PyErr_NoMemory();
        self->found = more;
        self->room = room;
    }
    self->found[self->count++] = found;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(begin_doc, "begin(base)\n\nPlaces of the matches to come count from `base`.");

static PyObject *notices_begin(Notices *self, PyObject *base)
{
    unsigned long long place = PyLong_AsUnsignedLongLong(base);
    if (PyErr_Occurred())
        return NULL;
    self->base = place;
    Py_RETURN_NONE;
}

static int by_place(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

PyDoc_STRVAR(take_doc, "take() -> list[int]\n\nThe candidates noticed since the last call, in order, each once.");

static PyObject *notices_take(Notices *self, PyObject *unused)
{
    size_t count = self->count, kept = 0;
    self->count = 0;
    if (count > 1)
        qsort(self->found, count, sizeof *self->found, by_place);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || self->found[kept - 1] != self->found[i])
            self->found[kept++] = self->found[i];
    PyObject *list = PyList_New((Py_ssize_t)kept);
    for (size_t i = 0; list != NULL && i < kept; i++) {
        PyObject *number = PyLong_FromUnsignedLongLong(self->found[i]);
        if (number == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, number);
    }
    if (self->room > 4096) { /* a dense body must not hold its memory for ever */
        PyMem_Free(self->found);
        self->found = NULL;
        self->room = 0;
    }
    return list;
}

static int notices_init(Notices *self, PyObject *args, PyObject *kwargs)
{
    const char *led;
    Py_ssize_t size;
    if (self->led != NULL) {
        PyErr_SetString(PyExc_TypeError, "made once");
        return -1;
    }
    if (!PyArg_ParseTuple(args, "y#", &led, &size))
        return -1;
    self->led = PyMem_Malloc((size_t)size + 1);
    if (self->led == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(self->led, led, (size_t)size);
    self->forms = size;
    return 0;
}

static void notices_dealloc(Notices *self)
{
    PyMem_Free(self->led);
    PyMem_Free(self->found);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef notices_methods[] = {
    {"begin", (PyCFunction)notices_begin, METH_O, begin_doc},
    {"take", (PyCFunction)notices_take, METH_NOARGS, take_doc},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject NoticesType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "waf._finder.Notices",
    .tp_doc = PyDoc_STR("Notices(led): called with each match that Hyperscan reports; `led` says of each form, by a byte, "
                        "whether its candidates are named by their ends."),
    .tp_basicsize = sizeof(Notices),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)notices_init,
    .tp_dealloc = (destructor)notices_dealloc,
    .tp_call = (ternaryfunc)notices_call,
    .tp_methods = notices_methods,
};

/* ------------------------------------------------------------------------------------------------- the module */

PyDoc_STRVAR(label_doc, "label_before(text, start) -> bytes\n\nAs `context.label_before`.");

static PyObject *module_label(PyObject *unused, PyObject *args)
{
    const char *text;
    Py_ssize_t size, start;
    if (!PyArg_ParseTuple(args, "y#n", &text, &size, &start))
        return NULL;
    if (start < 0 || start > size) {
        PyErr_SetString(PyExc_IndexError, "outside of the text");
        return NULL;
    }
    Run run = label_before((const uint8_t *)text, start);
    return PyBytes_FromStringAndSize((const char *)run.at, run.size);
}

PyDoc_STRVAR(near_doc, "near(text, start, floor, labelled) -> bytes\n\nAs `context.Surroundings.near`.");

static PyObject *module_near(PyObject *unused, PyObject *args)
{
    const char *text;
    Py_ssize_t size, start, floor;
    int labelled;
    if (!PyArg_ParseTuple(args, "y#nnp", &text, &size, &start, &floor, &labelled))
        return NULL;
    if (start < 0 || start > size) {
        PyErr_SetString(PyExc_IndexError, "outside of the text");
        return NULL;
    }
    uint8_t out[2 * (NEAR + 8)];
    return PyBytes_FromStringAndSize((const char *)out, words_near((const uint8_t *)text, start, floor, labelled, out));
}

static PyObject *as_number(PyObject *value, double (*of)(const uint8_t *, Py_ssize_t))
{
    if (!PyBytes_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "a value is bytes");
        return NULL;
    }
    return PyFloat_FromDouble(of((const uint8_t *)PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value)));
}

static PyObject *module_card(PyObject *unused, PyObject *value)
{
    return as_number(value, card);
}

static PyObject *module_maestro(PyObject *unused, PyObject *value)
{
    return as_number(value, maestro);
}

static PyMethodDef module_methods[] = {
    {"label_before", module_label, METH_VARARGS, label_doc},
    {"near", module_near, METH_VARARGS, near_doc},
    {"card", module_card, METH_O, PyDoc_STR("card(value) -> float\n\nAs `validate.cards.card`.")},
    {"maestro", module_maestro, METH_O, PyDoc_STR("maestro(value) -> float\n\nAs `validate.cards.maestro`.")},
    {NULL, NULL, 0, NULL},
};

static void fill_kinds(void)
{
    for (int c = 0; c < 256; c++) {
        kind[c] = 0;
        if (c >= '0' && c <= '9')
            kind[c] |= DIGIT | NAME | PAIRED;
        if (c >= 'A' && c <= 'Z')
            kind[c] |= UPPER | NAME | PAIRED;
        if (c >= 'a' && c <= 'z')
            kind[c] |= LOWER | NAME | PAIRED;
        if (c >= 0x80)
            kind[c] |= WIDE;
        if (c && strchr("_-.[]$:", c) != NULL)
            kind[c] |= NAME;
        if (c && strchr("_.%[]-", c) != NULL)
            kind[c] |= PAIRED;
        if (c && strchr(" \t\n\r\v\f", c) != NULL)
            kind[c] |= SPACE;
        if (c && strchr(" \t\r\n\"'[(", c) != NULL)
            kind[c] |= TRIMMED;
    }
}

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "waf._finder",
                                    PyDoc_STR("Candidates judged in C; the reference is waf/sensitive."), -1,
                                    module_methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__finder(void)
{
    fill_kinds();
    if (PyType_Ready(&JudgeType) < 0 || PyType_Ready(&NoticesType) < 0)
        return NULL;
    PyObject *made = PyModule_Create(&module);
    if (made == NULL || PyModule_AddObjectRef(made, "Judge", (PyObject *)&JudgeType) < 0 ||
        PyModule_AddObjectRef(made, "Notices", (PyObject *)&NoticesType) < 0 ||
        PyModule_AddIntConstant(made, "NEAR", NEAR) < 0 ||
        PyModule_AddIntConstant(made, "LOOK_BEHIND", LOOK_BEHIND) < 0 ||
        PyModule_AddIntConstant(made, "LED_REACH", LED_REACH) < 0 ||
        PyModule_AddIntConstant(made, "LEAD_IN", LEAD_IN) < 0 ||
        PyModule_AddIntConstant(made, "MOST_RETRIES", MOST_RETRIES) < 0) {
        Py_XDECREF(made);
        return NULL;
    }
    return made;
}
