from waf.sensitive.sieve cimport Sieve


cdef class Candidates:
    cdef readonly tuple forms
    cdef readonly object _patterns, program
    cdef tuple _led
    cdef Sieve _sieve
    cdef object _local, _notices
    cdef tuple _told

    cpdef list scan(self, bytes text)
    cdef object _windows(self, bytes text, object sieving, bint repeats=*)
    cpdef tuple look(self, bytes text, bint repeats=*)


cdef class Notices:
    cdef object _led, _base
    cdef set _found
