cdef class Judgement:
    cdef public object policy, settings, reading, check, hits, response_tally, allowed_by
    cdef public list findings
    cdef object _path

    cpdef path(self, bytes raw)
