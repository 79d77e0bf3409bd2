/* What bytes are, characters as UTF-8, and the two tables that Python fills. */

enum { SLACK = 8, LONGEST_NAME = 24, LONGEST_FORM = 6, MOST_NAMES = 256, MOST_PAGES = 96 };
enum { HEX = 1, LETTER = 2, DIGIT = 4, WHITE = 8, CODED = 16, WORD = 32 };

static uint8_t kind[256], nibble[256];

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static void learn_kinds(void)
{
    for (int c = 0; c < 256; c++) {
        uint8_t small = lower((uint8_t)c);
        int letter = small >= 'a' && small <= 'z', digit = c >= '0' && c <= '9';
        int hex = digit || (small >= 'a' && small <= 'f');
        kind[c] = (uint8_t)((hex ? HEX : 0) | (letter ? LETTER : 0) | (digit ? DIGIT : 0)
                            | (c == ' ' || (c >= 9 && c <= 13) ? WHITE : 0)
                            | (letter || digit || c == '+' || c == '/' ? CODED : 0)
                            | (letter || digit || c == '_' ? WORD : 0));
        nibble[c] = (uint8_t)(digit ? c - '0' : hex ? small - 'a' + 10 : 0);
    }
}

static int are_hex(const uint8_t *at, const uint8_t *end, int count)
{
    if (end - at < count)
        return 0;
    for (int i = 0; i < count; i++)
        if (!(kind[at[i]] & HEX))
            return 0;
    return 1;
}

static uint32_t number(const uint8_t *at, const uint8_t *end)
{
    uint32_t value = 0;
    for (; at < end; at++)
        value = value << 4 | nibble[*at];
    return value;
}

static int starts(const uint8_t *at, const uint8_t *end, const char *with)
{
    size_t length = strlen(with);
    return (size_t)(end - at) >= length && memcmp(at, with, length) == 0;
}

static uint8_t *copied(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    memcpy(out, at, (size_t)(end - at));
    return out + (end - at);
}

/* A code point as UTF-8, U+FFFD where it is none (surrogates included): four bytes at most. */
static uint8_t *character(uint32_t point, uint8_t *out)
{
    if (point < 0x80) {
        *out++ = (uint8_t)point;
        return out;
    }
    if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
        point = 0xfffd;
    if (point < 0x800)
        *out++ = (uint8_t)(0xc0 | point >> 6);
    else {
        if (point < 0x10000)
            *out++ = (uint8_t)(0xe0 | point >> 12);
        else {
            *out++ = (uint8_t)(0xf0 | point >> 18);
            *out++ = (uint8_t)(0x80 | (point >> 12 & 0x3f));
        }
        *out++ = (uint8_t)(0x80 | (point >> 6 & 0x3f));
    }
    *out++ = (uint8_t)(0x80 | (point & 0x3f));
    return out;
}

/* The bytes of the well-formed character at `at`, which is beyond ASCII (Unicode 15, table 3-7); 0 where it is none. */
static int wide(const uint8_t *at, const uint8_t *end, uint32_t *point)
{
    uint8_t lead = at[0], low = 0x80, high = 0xbf;
    int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    switch (lead) {
    case 0xe0:
        low = 0xa0;
        break;
    case 0xed:
        high = 0x9f;
        break;
    case 0xf0:
        low = 0x90;
        break;
    case 0xf4:
        high = 0x8f;
        break;
    default:
        break;
    }
    if (end - at <= more || at[1] < low || at[1] > high)
        return 0;
    *point = lead & (0x3f >> more);
    for (int i = 1; i <= more; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        *point = *point << 6 | (at[i] & 0x3f);
    }
    return more + 1;
}

/* --------------------------------------------------------------------- named references: written once, at the start */

typedef struct {
    uint8_t name_length, text_length;
    char name[LONGEST_NAME], text[LONGEST_FORM];
} Name;

static Name names[MOST_NAMES];
static int name_count;

static int add_name(const char *name, Py_ssize_t length, const char *text, Py_ssize_t text_length)
{
    if (length > LONGEST_NAME || text_length > LONGEST_FORM || text_length > length || name_count == MOST_NAMES)
        return -1;
    Name *entry = &names[name_count++];
    entry->name_length = (uint8_t)length;
    entry->text_length = (uint8_t)text_length;
    memcpy(entry->name, name, (size_t)length);
    memcpy(entry->text, text, (size_t)text_length);
    return 0;
}

static int compared(const Name *entry, const char *name, size_t length)
{
    size_t least = entry->name_length < length ? entry->name_length : length;
    int order = memcmp(entry->name, name, least);
    return order ? order : (int)entry->name_length - (int)length;
}

static int by_name(const void *one, const void *other)
{
    const Name *second = other;
    return compared(one, second->name, second->name_length);
}

static void order_names(void)
{
    qsort(names, (size_t)name_count, sizeof *names, by_name);
}

static const Name *named(const uint8_t *name, size_t length)
{
    int low = 0, high = name_count;
    while (low < high) {
        int middle = (low + high) / 2, order = compared(&names[middle], (const char *)name, length);
        if (order == 0)
            return &names[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* --------------------------------------------------------- characters that stand for ASCII: written once, as well */

typedef struct {
    uint8_t length; /* and one; 0: the character stands for itself */
    char text[LONGEST_FORM];
} Form;

static uint8_t page_of[0x1100]; /* of each 256 code points the page, and one; 0: none */
static Form pages[MOST_PAGES][256];
static int page_count;

static int add_form(uint32_t point, const char *text, Py_ssize_t length)
{
    if (point > 0x10ffff || length > LONGEST_FORM)
        return -1;
    uint8_t *page = &page_of[point >> 8];
    if (*page == 0) {
        if (page_count == MOST_PAGES)
            return -1;
        *page = (uint8_t)++page_count;
    }
    Form *form = &pages[*page - 1][point & 0xff];
    form->length = (uint8_t)(length + 1);
    memcpy(form->text, text, (size_t)length);
    return 0;
}

static const Form *form_of(uint32_t point)
{
    uint8_t page = page_of[point >> 8];
    return page == 0 ? NULL : &pages[page - 1][point & 0xff];
}
