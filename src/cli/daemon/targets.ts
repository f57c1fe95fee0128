import { BingoError } from '../../model/errors.ts'
import type { Status } from '../../ops/status.ts'
import { configFor, type GlobalOptions } from '../context.ts'
import { table } from '../output/table.ts'
import { askDaemon } from './ask-daemon.ts'
import { daemonRefused, stateOf } from './status-show.ts'

/** `bingo targets list`. */
export async function listTargets(options: GlobalOptions & { readonly json?: boolean }): Promise<void> {
  const { status, body } = await askDaemon(configFor(options, 'targets'), '/status')
  if (status !== 200) throw daemonRefused(status)
  const { targets } = body as Status
  const lines = options.json
    ? [JSON.stringify(targets)]
    : table([
        ['TARGET', 'STATE', 'WAITING', 'SPOOLED', 'LAST ERROR'],
        ...Object.entries(targets).map(([id, target]) => [
          id,
          stateOf(target),
          target.queued,
          target.spool?.events ?? 0,
          target.lastError ?? '',
        ]),
      ])
  process.stdout.write(`${lines.join('\n')}\n`)
}

/** `bingo targets drop`. Throws BINGO_TARGET_NOT_DROPPED. */
export async function dropTarget(target: string, options: GlobalOptions): Promise<void> {
  const path = `/targets/drop?target=${encodeURIComponent(target)}`
  const { status, body } = await askDaemon(configFor(options, 'targets'), path, { method: 'POST' })
  if (status === 200) {
    process.stdout.write(`${(body as { readonly dropped: number }).dropped} events move to the dead letters\n`)
    return
  }
  if (status !== 404 && status !== 409) throw daemonRefused(status)
  throw new BingoError('BINGO_TARGET_NOT_DROPPED', (body as { readonly error: string }).error, {
    hint: 'Run `bingo targets list` to see which targets no rule or saga references.',
  })
}

/** `bingo targets pause` and `resume`. Throws BINGO_TARGET_NOT_PAUSED. */
export async function setTargetPaused(target: string, isPaused: boolean, options: GlobalOptions): Promise<void> {
  const path = `/targets/${isPaused ? 'pause' : 'resume'}?target=${encodeURIComponent(target)}`
  const { status, body } = await askDaemon(configFor(options, 'targets'), path, { method: 'POST' })
  if (status === 200) {
    const done = isPaused ? 'is paused: its events wait' : 'is resumed: its events are sent, in order'
    process.stdout.write(`target "${target}" ${done}\n`)
    return
  }
  const { error } = body as { readonly error?: string }
  if (error === undefined || status === 401 || status === 403) throw daemonRefused(status)
  throw new BingoError('BINGO_TARGET_NOT_PAUSED', error, { hint: 'Run `bingo targets list` to see all targets.' })
}
