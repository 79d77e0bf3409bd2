cimport cython

from waf.exchange cimport Exchange
from waf.proxy.commons cimport Commons
from waf.proxy.downstream cimport Conversation
from waf.proxy.upstream cimport Link


cpdef close(Conversation talk, Exchange exchange)

@cython.locals(commons=Commons)
cpdef introduce(Conversation talk, Exchange exchange, object request)

cpdef part(Conversation talk, Exchange exchange, Link link, object response, object upload=*)
