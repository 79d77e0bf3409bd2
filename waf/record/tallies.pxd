cimport cython


cdef class Histogram:
    cdef readonly tuple bounds
    cdef readonly list counts
    cdef public double sum

    @cython.locals(at=int, bound=double)
    cpdef observe(self, double value)
