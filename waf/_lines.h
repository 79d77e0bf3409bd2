/* Values in lines behind the ends of their names: what waf/_bodies_lines.h makes of bodies and waf/_finder_fields.h of fields. The reference is
 * `written` in waf/sensitive/lines.py.
 */
#ifndef WAF_LINES_H
#define WAF_LINES_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { LABEL = 64, NUMBER = 7 }; /* bytes of a name that are shown; digits in them of which a value may be made */

typedef struct {
    uint8_t *data;
    size_t used, size;
} Buffer;

/* Room for `more` bytes; NULL where there is no memory. */
static uint8_t *room(Buffer *buffer, size_t more)
{
    if (buffer->size - buffer->used < more) {
        size_t size = 2 * buffer->size + more;
        uint8_t *data = PyMem_Realloc(buffer->data, size);
        if (data == NULL)
            return NULL;
        buffer->data = data;
        buffer->size = size;
    }
    return buffer->data + buffer->used;
}

/* The line break, the end of a name and "=" before a value, of which there are no more than LABEL + 2; gives where they end. */
static uint8_t *labelled(uint8_t *to, const uint8_t *name, size_t size)
{
    size_t shown = size < LABEL ? size : LABEL;
    int digits = 0;
    name += size - shown;
    for (size_t i = 0; i < shown; i++)
        digits += name[i] >= '0' && name[i] <= '9';
    *to++ = '\n';
    for (size_t i = 0; i < shown; i++)
        *to++ = digits >= NUMBER && name[i] >= '0' && name[i] <= '9' ? 'x' : name[i] == '\n' ? ' ' : name[i];
    *to++ = '=';
    return to;
}

#endif
