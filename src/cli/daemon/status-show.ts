import { BingoError } from '../../model/errors.ts'
import { printBytes, printDuration } from '../../model/quantity.ts'
import type { Status, StatusOfNamedSource, StatusOfScale, StatusOfSource, StatusOfTarget } from '../../ops/status.ts'
import { askDaemon } from './ask-daemon.ts'
import { describeGap } from '../events/describe-gap.ts'
import { configFor, type GlobalOptions } from '../context.ts'
import { paint, type Paint } from '../output/paint.ts'
import { table } from '../output/table.ts'

/** `bingo status`: prints it, answers whether the daemon is ready. */
export async function showStatus(options: GlobalOptions & { readonly json?: boolean }): Promise<boolean> {
  const { status: code, body } = await askDaemon(configFor(options, 'status'), '/status')
  if (code !== 200) {
    throw daemonRefused(code)
  }
  const status = body as Status
  const text = options.json ? JSON.stringify(status) : describe(status, paint(process.stdout))
  process.stdout.write(`${text}\n`)
  return status.ready
}

export function daemonRefused(code: number): BingoError {
  return new BingoError('BINGO_DAEMON_REFUSED', `the daemon refused the request with HTTP ${code}`, {
    hint: code === 401 ? 'Set http.token (BINGO_HTTP_TOKEN) to the token of the daemon.' : undefined,
  })
}

function leaseText({ role, leader, leadingSince }: Status['standby']): string {
  return role === 'leader' ? `leading since ${leadingSince}` : `standby, leader is ${leader ?? 'unknown'}`
}

export function stateOf({ state: known, downSince, pausedSince, unnamedSince }: StatusOfTarget): string {
  const since = { paused: pausedSince, down: downSince, up: null, unknown: null }[known]
  const state = since === null ? known : `${known} since ${since}`
  return unnamedSince === null ? state : `${state}, no rule or saga references it`
}

function sourceRows({ source, sources, checkpoint, scale }: Status): string[][] {
  const store = ['checkpoint', `${checkpoint.store}, saved ${checkpoint.savedAt ?? 'never'}`]
  if (sources === undefined) {
    return [['source', `${source.address}, ${linkOf(source)}`], ['position', placeText(checkpoint.position)], store]
  }
  return [
    ...sources.flatMap((each) => [
      ['source', `${each.name}: ${each.address}, ${linkOf(each)}, lag ${printDuration(each.lagMs)}`],
      scale?.role === 'worker' ? shareRow(each, scale) : positionRow(each),
    ]),
    ['checkpoint', checkpoint.store],
  ]
}

function positionRow({ name, checkpoint: { position, savedAt } }: StatusOfNamedSource): string[] {
  return ['position', `${name}: ${placeText(position)}, saved ${savedAt ?? 'never'}`]
}

/** A place in the log of changes says nothing to anybody; how much of it is to be done does. */
function shareRow({ name, checkpoint: { savedAt } }: StatusOfNamedSource, { held }: StatusOfScale): string[] {
  const behind = held[name.slice(name.lastIndexOf('-') + 1)] ?? 0
  return ['position', `${name}: ${behind} behind, saved ${savedAt ?? 'never'}`]
}

function linkOf({ connected, caughtUp }: StatusOfSource): string {
  if (!connected) return 'not connected'
  return caughtUp ? 'connected, caught up' : 'connected, catching up'
}

function placeText(position: Status['checkpoint']['position']): string {
  if (position === null) return '(none yet)'
  if ('place' in position) return `entry ${position.place}`
  return `${position.file}:${position.offset} ${position.gtidSet ?? ''}`
}

function scaleRows({ role, through, shares, unheld, members }: StatusOfScale): string[][] {
  const rules = new Set(members.map((member) => member.rules))
  const rows = members.map(({ role: of, host, pid, leads, shares: held, behind, rules: digest }) => {
    const work = of === 'reader' ? (leads ? 'reads' : 'standby') : `${held.length} shares, ${behind} behind`
    return [of, `${host}:${pid}, ${work}${rules.size > 1 ? `, rules ${digest}` : ''}`]
  })
  const free = unheld === 0 ? '' : `, ${unheld} without a worker`
  const differ = rules.size > 1 ? [['', 'the rules differ: give all of them the same files']] : []
  return [['scale', `${role}, ${shares} shares through ${through}${free}`], ...rows, ...differ]
}

/** `3 running, 1 stuck` */
function countsText(counts: { readonly [status: string]: number | undefined }): string {
  const shown = Object.entries(counts).flatMap(([of, count = 0]) => (count === 0 ? [] : [`${count} ${of}`]))
  return shown.length === 0 ? 'none' : shown.join(', ')
}

function describe(status: Status, colour: Paint): string {
  const state = status.ready ? colour.green('ready') : colour.red('not ready')
  const { work, deadLetters } = status
  return [
    `${colour.bold(status.name)} ${status.version}: ${state}, up ${printDuration(status.uptimeMs)}, lag ${printDuration(status.lagMs)}`,
    ...status.reasons.map(({ code, message }) => `  ${colour.red('✗')} ${code} ${message}`),
    ...status.notes.map(({ code, message }) => `  ${colour.yellow('!')} ${code} ${message}`),
    '',
    ...table([
      ...sourceRows(status),
      ...(status.standby.role === 'alone' ? [] : [['lease', leaseText(status.standby)]]),
      ['read', `${work.transactions} transactions, ${work.rows} rows, ${work.matched} matched`],
      ['in flight', `${work.inFlight} actions, ${printBytes(work.inFlightBytes)} of ${printBytes(work.budgetBytes)}`],
      ['dead letters', `${deadLetters.count ?? 'unknown'}`],
      ...Object.entries(status.sagas ?? {}).map(([saga, counts]) => ['saga', `${saga}: ${countsText(counts)}`]),
      ...(status.scale === undefined ? [] : scaleRows(status.scale)),
      ...Object.entries(status.delayed).map(([rule, { events, bytes }]) => [
        'delayed',
        `${rule}: ${events} events, ${printBytes(bytes)}`,
      ]),
      ...(status.sources ?? [{ gaps: status.gaps }]).flatMap(({ gaps }) =>
        gaps.recent.map((gap) => ['gap', describeGap(gap)]),
      ),
    ]),
    '',
    ...table([
      ['RULE', 'CHANGES', 'ERRORS', 'ACTIONS', 'DELIVERED', 'COALESCED', 'DEAD LETTERS'],
      ...Object.entries(status.rules).map(([id, rule]) => [
        id,
        rule.matchedTotal,
        rule.errorsTotal,
        rule.actionsTotal,
        rule.deliveredTotal,
        rule.coalescedTotal,
        rule.deadLettersTotal,
      ]),
    ]),
    '',
    ...table([
      ['TARGET', 'STATE', 'SENDS', 'DELIVERED', 'FAILED ATTEMPTS', 'DEAD LETTERS', 'QUEUED', 'SPOOLED'],
      ...Object.entries(status.targets).map(([id, target]) => [
        id,
        stateOf(target),
        target.sendsTotal,
        target.deliveredTotal,
        target.failedTotal,
        target.givenUpTotal,
        target.queued,
        target.spool?.events ?? 0,
      ]),
    ]),
  ].join('\n')
}
