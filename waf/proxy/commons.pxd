from waf.proxy.identity cimport Ids
from waf.proxy.stats cimport Stats
from waf.proxy.stream cimport Flow
from waf.proxy.upstream cimport Pool
from waf.exchange cimport Exchange


cdef class Commons:
    cdef public object clock, config, conversations, door, emptied, hosts, judge, limits, loop, policy, proxies
    cdef public object record, timeouts, wall, wheel
    cdef public Flow flow
    cdef public Pool pool
    cdef public Ids ids
    cdef public Stats stats
    cdef public long bodies_held, most_requests
    cdef public double first_byte, idle_until, rest
    cdef list _ended
    cdef public bint draining, keep_alive, trusts, websocket

    cpdef finish(self, Exchange exchange)
