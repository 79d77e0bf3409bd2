/* What stands before a value: labels and words, as waf/sensitive/context.py reads them; kinds of bytes. */
#ifndef WAF_FINDER_TEXT_H
#define WAF_FINDER_TEXT_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { NEAR = 30, LOOK_BEHIND = 200, LED_REACH = 96, LEAD_IN = 128, MOST_RETRIES = 2000, RETRY_BYTES = 16, MOST_CUTS = 8, SHORTER = 28 };
enum { DIGIT = 1, UPPER = 2, LOWER = 4, WIDE = 8, NAME = 16, SPACE = 32, TRIMMED = 64, PAIRED = 128 };

static uint8_t kind[256];

static inline int is(uint8_t byte, int kinds)
{
    return kind[byte] & kinds;
}

static inline uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? byte + 32 : byte;
}

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

static inline int is_json_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
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
        if (at < end && **name != (char)*at)
            continue;
        size_t size = strlen(*name);
        if ((size_t)(end - at) >= size && memcmp(at, *name, size) == 0 &&
            ((size_t)(end - at) == size || !is_word(at[size])))
            return 1;
    }
    return 0;
}

/* Where the mark-up begins that the ">" at `close` ends, or -1: between them stand no "<" and ">" but of tags where a line ends, which are
 * taken out first (context._BLOCK, context._TAG). */
static Py_ssize_t tag_begins(const uint8_t *at, Py_ssize_t close, const uint8_t *end)
{
    Py_ssize_t i = close;
    while (i-- > 0) {
        if (at[i] == '<')
            return i;
        if (at[i] != '>')
            continue;
        Py_ssize_t inner = i;
        while (inner-- > 0 && at[inner] != '<' && at[inner] != '>')
            ;
        if (inner < 0 || at[inner] != '<' || !ends_line(at + inner + 1, end))
            return -1;
        i = inner;
    }
    return -1;
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
    const uint8_t *comma;
    for (Py_ssize_t i = 0; i < size && (comma = memchr(at + i, ',', (size_t)(size - i))) != NULL;) {
        Py_ssize_t before = without_blanks(at, comma - at), next = comma - at + 1;
        i = next;
        if (before <= done || !(is(at[before - 1], DIGIT) || memchr("\"'el}]", at[before - 1], 6) != NULL))
            continue;
        while (next < size && is_json_blank(at[next]))
            next++;
        if (next < size && (at[next] == '"' || at[next] == '\''))
            done = i = next + 1;
    }
    return done;
}

enum { BEFORE = 2 * NEAR + 16 }; /* bytes that are looked at for words */

/* The last of what stands before `start` in the line, tags taken out, into `room`, which holds BEFORE bytes, at its end; gives its length. */
static Py_ssize_t line_before(const uint8_t *at, Py_ssize_t size, uint8_t *room)
{
    const uint8_t *end = at + size;
    int marked = memchr(at, '<', (size_t)size) != NULL, line = 0, letters = 0;
    Py_ssize_t left = BEFORE;
    while (size > 0 && left > 0) {
        uint8_t byte = at[--size];
        if (marked && byte == '\n')
            byte = ' '; /* in mark-up lines end where blocks do, not where the source happens to break */
        else if (marked && byte == '>') {
            Py_ssize_t begins = tag_begins(at, size, end);
            if (begins >= 0) {
                const uint8_t *inner = memchr(at + begins + 1, '<', (size_t)(size - begins - 1));
                byte = inner == NULL && ends_line(at + begins + 1, end) ? '\n' : ' ';
                size = begins;
            }
        }
        if (byte == '\n' && !line) {
            if (letters)
                break;
            line = 1;
        }
        letters |= is(byte, UPPER | LOWER | WIDE);
        room[--left] = byte;
    }
    return BEFORE - left;
}

/* context.Surroundings.near into `out`, which holds 2 * (NEAR + 8) bytes; gives its length. */
static Py_ssize_t words_near(const uint8_t *text, Py_ssize_t start, Py_ssize_t floor, int labelled, uint8_t *out)
{
    uint8_t room[BEFORE], words[BEFORE];
    Py_ssize_t low = start - LOOK_BEHIND;
    if (low < floor)
        low = floor;
    if (low < 0)
        low = 0;
    if (low >= start)
        return 0;
    Py_ssize_t size = line_before(text + low, start - low, room);
    const uint8_t *at = room + BEFORE - size;
    Py_ssize_t skip = memchr(at, '&', (size_t)size) != NULL ? behind_pair(at, size) : 0;
    at += skip;
    size -= skip;
    if (!labelled) {
        skip = behind_member(at, size);
        at += skip;
        size -= skip;
    }
    Py_ssize_t made = 0;
    for (Py_ssize_t i = 0; i < size; i++) {
        if (!is_json_blank(at[i]))
            words[made++] = at[i];
        else if (i == 0 || !is_json_blank(at[i - 1]))
            words[made++] = ' ';
    }
    skip = made > NEAR + 8 ? made - (NEAR + 8) : 0;
    return plain_words(words + skip, made - skip, out);
}

/* Room for one item more: the items, moved perhaps; NULL with an exception. */
static void *more_room(void *items, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return items;
    size_t wanted = *room ? *room * 2 : 8;
    void *more = PyMem_Realloc(items, wanted * size);
    if (more == NULL)
        PyErr_NoMemory();
    else
        *room = wanted;
    return more;
}

#endif
