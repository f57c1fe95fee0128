import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readConfig } from '../../../src/app/config/load.ts'
import { createDaemon } from '../../../src/app/daemon/daemon.ts'
import { sourceState } from '../../../src/app/open-sources.ts'
import { systemClock } from '../../../src/model/clock.ts'
import { silentLog } from '../../../src/model/silent-log.ts'
import type { Source } from '../../../src/model/source/source.ts'
import type { Lease, LeaseAnswer } from '../../../src/model/state/lease.ts'
import { createStats, type Stats } from '../../../src/model/stats.ts'
import { rulesFrom } from '../../support/rules-from-text.ts'

const cwd = mkdtempSync(join(tmpdir(), 'bingo-replaced-'))
afterAll(() => rmSync(cwd, { recursive: true }))

/** Has the lease when it asks first, and never again. */
function leaseOfAMoment(): Lease {
  let asked = 0
  const ask = (): Promise<LeaseAnswer> =>
    Promise.resolve(
      ++asked === 1 ? { tag: 'taken', after: 'release' } : { tag: 'other', holder: 'another', remainingMs: 1_000 },
    )
  const nothing = (): Promise<void> => Promise.resolve()
  return { description: 'a lease', ask, release: nothing, close: nothing }
}

function sourceOf(stats: Stats): Source<object> {
  return {
    name: 'changes-0',
    positions: { print: (position) => JSON.stringify(position), parse: (text) => JSON.parse(text) as object },
    run: () => new Promise(() => undefined),
    pause: () => undefined,
    resume: () => undefined,
    rulesChanged: () => undefined,
    state: sourceState(stats, 'changes-0'),
  }
}

test.each(['redis://127.0.0.1:1', 'postgres://u:p@127.0.0.1:1/state'])(
  'an instance that is replaced while it waits for the store of dead letters at %s stops, and does not end the process',
  async (store) => {
    writeFileSync(
      join(cwd, 'bingo.yaml'),
      `checkpoint: {store: "memory:"}\ndeadLetters: {store: "${store}"}\nstandby: {ttl: 2s}\n`,
    )
    const { config } = readConfig({ file: 'bingo.yaml', env: {}, cwd, sourceRequired: false })
    const deps = { log: silentLog, clock: systemClock, stats: createStats(1 << 20) }
    const custom = sourceOf(deps.stats)
    const parts = { sources: [{ name: custom.name, custom }], lease: () => Promise.resolve(leaseOfAMoment()) }
    const rules = rulesFrom('rules: [{id: a, table: shop.a, actions: [{type: webhook, url: "http://127.0.0.1:1/"}]}]')
    const daemon = createDaemon(config, { rules, files: [] }, deps, parts)
    await expect(daemon.run(new AbortController().signal)).rejects.toMatchObject({ code: 'BINGO_LEASE_LOST' })
  },
)
