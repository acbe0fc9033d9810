import cProfile, pstats, sys, time
from django.db import connection
from tests.bench import attribute as b
from tests.bench.report import scratch_database
from telemetry.decisions.attribute_trades import attribute_trades
n=int(sys.argv[1])
with scratch_database():
    t=time.time(); b.fill(n); print("fill",time.time()-t)
    log=[]
    def w(execute, sql, params, many, context):
        a=time.perf_counter()
        try: return execute(sql, params, many, context)
        finally: log.append((time.perf_counter()-a, str(sql)[:150].replace("\n"," ")))
    p=cProfile.Profile()
    t=time.time(); c=time.process_time()
    with connection.execute_wrapper(w):
        p.enable()
        while attribute_trades(now=b.NOW): pass
        p.disable()
    print("wall",time.time()-t,"cpu",time.process_time()-c)
    for each in sorted(log,reverse=True)[:14]: print(each)
    pstats.Stats(p).sort_stats("tottime").print_stats(28)
