cdef class Sieve:
    cdef object _patterns, _wide, _signs, _margin
    cdef bytes _key
    cdef readonly tuple _numerals
    cdef readonly object program

    cpdef object scratch(self)
    cpdef list windows(self, bytes text, tuple scratch, bint repeats=*)
