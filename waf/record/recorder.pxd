from waf.exchange cimport Exchange


cdef class Recorder:
    cdef public object mask, learner, capture, recent
    cdef public object metrics
    cdef object _put, _service, _chance, _count
    cdef double _share

    cpdef record(self, Exchange exchange)
    cdef _hand_on(self, Exchange exchange)
