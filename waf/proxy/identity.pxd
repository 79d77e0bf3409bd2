cdef class Ids:
    cdef list _drawn
    cdef object _random

    cpdef str draw(self)
