cdef class RecordMask:
    cdef object _finder
    cdef readonly dict _plain

    cpdef str excerpt(self, bytes data)
    cpdef bytes masked(self, bytes data)
    cdef bytes _through(self, bytes data, bint form)
