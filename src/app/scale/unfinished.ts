import { changeLogExists } from '../../log/changes/exists.ts'
import { openChangeLog } from '../../log/changes/open.ts'
import { BingoError } from '../../model/errors.ts'
import type { StateStore } from '../../model/state/state.ts'
import type { SharePosition } from '../../scale/contract.ts'
import { holdsChanges } from '../../scale/left.ts'
import { parsePosition } from '../../scale/share-source.ts'
import { patiently } from '../../state/checkpoint/patiently.ts'
import { SourceRecords } from '../../state/checkpoint/source-record.ts'
import { openInstanceState, openWaitingStore } from '../../state/open.ts'
import type { Config } from '../config/config.ts'
import type { DaemonDeps } from '../daemon/daemon-contract.ts'
import { stateSettings } from '../state-settings.ts'
import { isSameLayout, layoutOf, storedLayout, type KeptLayout, type Layout } from './layout.ts'
import { sourceOfShare } from './share-name.ts'

/**
 * One process does everything again, and resumes behind what the reader has appended: what workers have left of that would come
 * behind newer changes of its keys, or never. Rejects with BINGO_SCALE_UNFINISHED; says what waits in the shares.
 */
export async function requireFinished(
  state: StateStore,
  config: Config,
  deps: DaemonDeps,
  signal: AbortSignal,
): Promise<void | 'stopped'> {
  const layout = await storedLayout(state)
  if (layout === null) return
  const waiting = await waitingInShares(config, deps, layout)
  if (waiting > 0) {
    const fields = { code: 'BINGO_SCALE_WAITING', events: waiting }
    deps.log.warn(
      fields,
      'events wait in the shares of workers, and one process does not deliver them: run workers until none waits',
    )
  }
  const { scale } = config
  if (scale === null || !isSameLayout(layout, layoutOf(scale))) {
    const fields = { code: 'BINGO_SCALE_UNFINISHED', through: layout.log, shares: layout.shares }
    deps.log.warn(
      fields,
      'whether workers have finished is not known: scale.through does not name their log of changes',
    )
    return
  }
  const log = { description: layout.log, what: 'the log of changes' }
  const left = await patiently(log, deps, signal, () => unfinishedShares(config, deps, scale.through, layout))
  if (left === 'stopped') return left
  if (left.length > 0) throw unfinished(layout, left)
}

async function unfinishedShares(
  config: Config,
  deps: DaemonDeps,
  through: string,
  { shares, generation }: KeptLayout,
): Promise<readonly number[]> {
  if (!(await changeLogExists(through))) return []
  const changes = await openChangeLog(through, { name: config.name, shares, log: deps.log })
  try {
    const all = await Promise.all(
      Array.from({ length: shares }, async (_, share) => {
        return (await holdsChanges(changes, { share, layout: generation }, await positionOf(config, deps, share)))
          ? [share]
          : []
      }),
    )
    return all.flat()
  } finally {
    await changes.close()
  }
}

async function positionOf(config: Config, deps: DaemonDeps, share: number): Promise<SharePosition | null> {
  const { name, source } = sourceOfShare(config.name, share)
  const { state, checkpoints } = await openInstanceState(stateSettings({ ...config, name }, deps.log, deps.servers))
  try {
    const record = await new SourceRecords(state, name, source).load()
    return record === null ? null : parsePosition(record.position, source)
  } finally {
    await state.close()
    await checkpoints.close()
  }
}

async function waitingInShares(config: Config, deps: DaemonDeps, { shares }: Layout): Promise<number> {
  let events = 0
  for (let share = 0; share < shares; share++) {
    const { name } = sourceOfShare(config.name, share)
    const store = await openWaitingStore(stateSettings({ ...config, name }, deps.log, deps.servers))
    // A store that is down is said by those who need it.
    const lines = await store.lines().catch(() => [])
    events += lines.reduce((sum, { count }) => sum + count, 0)
    await store.close()
  }
  return events
}

function unfinished({ log }: Layout, shares: readonly number[]): BingoError {
  const message = `Workers have not finished what a reader appended to ${log}: there are changes in ${shares.length === 1 ? 'share' : 'shares'} ${shares.join(', ')}`
  return new BingoError('BINGO_SCALE_UNFINISHED', message, {
    hint: 'Run the workers until `bingo status` shows 0 behind for all of them, then start one process. To give these changes up, take scale.through out of the configuration.',
  })
}
