import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const PERIOD_US = 20_000
/** Version 1 has a tree per controller; in version 2 the root says what its groups may limit. */
const V1 = '/sys/fs/cgroup/cpu'
const V2 = '/sys/fs/cgroup'

/**
 * Lets a process use no more than this part of a core, as a small machine would, by a control group of Linux. Null where this
 * user may not make one. The group stays until it is disposed, which must be after the end of the process.
 */
export function capCpu(pid: number, cores: number): Disposable | null {
  const isV1 = existsSync(join(V1, 'cpu.cfs_quota_us'))
  const group = join(isV1 ? V1 : V2, `bingo-bench-${pid}`)
  const quotaUs = Math.round(PERIOD_US * cores)
  try {
    mkdirSync(group)
  } catch {
    return null
  }
  const removed = { [Symbol.dispose]: () => rmdirSync(group) }
  try {
    if (isV1) {
      writeFileSync(join(group, 'cpu.cfs_period_us'), String(PERIOD_US))
      writeFileSync(join(group, 'cpu.cfs_quota_us'), String(quotaUs))
    } else {
      writeFileSync(join(group, 'cpu.max'), `${quotaUs} ${PERIOD_US}`)
    }
    writeFileSync(join(group, 'cgroup.procs'), String(pid))
    return removed
  } catch {
    removed[Symbol.dispose]()
    return null
  }
}
