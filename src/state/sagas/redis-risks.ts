import type { RedisServerFacts } from '../../clients/redis/server-facts.ts'
import type { SagaStoreRisk } from '../../model/saga/store.ts'

/** What this Redis can lose of sagas: docs/sagas.md. `mayFailOver`: its address is that of Sentinels or a Cluster. */
export function risksOf(facts: RedisServerFacts, mayFailOver: boolean): readonly SagaStoreRisk[] {
  const { isAppendOnly, appendFsync, skipsFsyncOnRewrite, evictionPolicy, hasReplicas } = facts
  const risks: SagaStoreRisk[] = []
  const add = (severity: SagaStoreRisk['severity'], message: string, hint: string): void =>
    void risks.push({ severity, message, hint })
  // No key of sagas expires: the policies `volatile-…` take others.
  if (evictionPolicy.startsWith('allkeys')) {
    const message = `Redis evicts sagas when its memory is full (maxmemory-policy ${evictionPolicy})`
    add('warning', message, 'Set maxmemory-policy noeviction, or keep sagas in another Redis than caches.')
  }
  if (!isAppendOnly) {
    const message = 'a restart of Redis loses sagas since its last snapshot (appendonly no)'
    add('warning', message, 'Set appendonly yes and appendfsync always, or keep sagas in a file or an SQL database.')
  } else if (appendFsync !== 'always') {
    const is = appendFsync === null ? 'Redis does not tell appendfsync' : `appendfsync ${appendFsync}`
    const message = `a power cut of Redis can lose the last transitions of sagas (${is})`
    add('note', message, 'Set appendfsync always, or keep sagas in a file or an SQL database.')
  } else if (skipsFsyncOnRewrite) {
    const message =
      'a power cut of Redis can lose transitions of sagas while it rewrites its file (no-appendfsync-on-rewrite yes)'
    add('note', message, 'Set no-appendfsync-on-rewrite no.')
  }
  if (mayFailOver || hasReplicas) {
    const message = 'a failover of Redis can lose the last transitions of sagas, which the replica has not received'
    add('note', message, 'Keep sagas in an SQL database where that matters.')
  }
  return risks
}
