from waf.exchange cimport Exchange
from waf.proxy.downstream cimport Conversation


cpdef bint deliver_whole(Conversation talk, Exchange exchange, object released, bytes data, bint keep) except -1
