from waf.exchange cimport Exchange
from waf.record.events cimport event, line, remarkable
from waf.record.metrics cimport Metrics


cdef class Recorder:
    cdef public object mask, learner, capture, recent
    cdef public Metrics metrics
    cdef object _put, _service, _chance
    cdef double _share

    cpdef record(self, Exchange exchange)
    cdef _emit(self, Exchange exchange)
    cdef _hand_on(self, Exchange exchange)
