import { setTimeout as delay } from 'node:timers/promises'
import { join } from 'node:path'
import { SmallDisk } from '../../support/small-disk.ts'
import { answers } from '../../../src/demo/servers/sql-server.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'
import { underLoad, withSourceRig } from '../source-rig.ts'

const DISK_BYTES = 256 << 20
const FULL_MS = 3_000

/** MySQL either waits for room or gives up and has to be started again; both are told apart, neither loses anything. */
async function run(context: ScenarioContext): Promise<Outcome> {
  const cycles = context.cycles ?? 2
  await using disk = await SmallDisk.create(DISK_BYTES)
  const serverArgs = [`--log-bin=${join(disk.folder, 'binlog')}`, '--sync-binlog=1']
  let restarts = 0
  return await withSourceRig(context, { serverArgs }, async ({ rig }) => {
    await underLoad(rig, cycles, async () => {
      const pid = rig.mysql.process!.pid!
      await disk.fill(pid)
      await delay(FULL_MS)
      await disk.free(pid)
      await delay(FULL_MS)
      if (await answers(rig.mysql.host, rig.mysql.port, rig.mysql.user, '')) return
      restarts += 1
      await rig.mysql.restart()
    })
    return await rig.outcome('disk of the binlog full', cycles, { notes: `the server gave up ${restarts} times` })
  })
}

export const scenario: Scenario = {
  name: 'source-disk-full',
  group: 'source',
  doc: 'the disk of MySQL’s binlog fills up under load and is emptied again',
  run,
}
