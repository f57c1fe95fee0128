import { StoredSwitches } from '../../../src/app/rule-switches.ts'
import { PausedTargets } from '../../../src/app/paused-targets.ts'
import { checkLayout, keepLayout, storedLayout } from '../../../src/app/scale/layout.ts'
import { Members } from '../../../src/app/scale/members.ts'
import { parseCounts, printCounts } from '../../../src/flow/thresholds/counters.ts'
import { advance, knownProgress, readProgress } from '../../../src/log/progress.ts'
import type { WaitingRecord } from '../../../src/model/delivery/waiting.ts'
import { BingoError } from '../../../src/model/errors.ts'
import { decodeEnvelope, encodeEnvelope } from '../../../src/model/event/forms/event-codec.ts'
import { PostedEvent } from '../../../src/model/event/posted/posted-event.ts'
import { stringifyEvent } from '../../../src/model/event/forms/event-json.ts'
import type { Change } from '../../../src/model/event/change.ts'
import { NO_GAPS, withGap } from '../../../src/model/event/gap.ts'
import type { StateStore } from '../../../src/model/state/state.ts'
import { changeText, parseRecord, recordText, signText } from '../../../src/scale/record.ts'
import { StoredFrontiers } from '../../../src/scale/frontiers.ts'
import { Shapes } from '../../../src/scale/shapes.ts'
import { compareOrdinals } from '../../../src/scale/contract.ts'
import { parsePosition } from '../../../src/scale/share-source.ts'
import { PartLedger } from '../../../src/sources/broker/ledger.ts'
import { parseBinlogPosition } from '../../../src/sources/mysql/binlog-positions.ts'
import { checksum, parseCheckpoint, serialiseCheckpoint } from '../../../src/state/checkpoint/record.ts'
import { SourceRecords } from '../../../src/state/checkpoint/source-record.ts'
import { CounterRecord } from '../../../src/state/counters/counter-record.ts'
import { serialiseLetter } from '../../../src/state/dead-letters/letter.ts'
import { MemoryStateStore } from '../../../src/state/memory/state-store.ts'
import { readSource } from '../../../src/state/sagas/texts.ts'
import { readRest, ShapeReader, shapeText } from '../../../src/state/waiting/texts.ts'
import { InFlightJob } from '../../../src/model/delivery/in-flight-job.ts'
import { committedAtMs, letterOf, recordOf } from '../../../src/waiting/record.ts'
import { action, change, CountingHold, silentLog, tableDef } from '../../support/jobs.ts'
import { systemClock } from '../../../src/model/clock.ts'
import { posted } from '../../support/posted-events.ts'
import { mutateJson } from '../mutate-json.ts'
import { mutateText } from '../mutate-text.ts'
import type { FuzzSubject } from '../subject.ts'

/** What BinGo has kept as JSON somewhere, and who reads it: what they make of it, when somebody has edited it. */
export const stored: FuzzSubject = {
  name: 'stored',
  async attempt(random) {
    const [text, read] = random.pick(KEPT)
    const value = mutateJson(JSON.parse(text), random)
    const edited = random.chance(80) ? JSON.stringify(value) : mutateText(text, random, ['null', '{}', '[]'])
    try {
      await read(edited)
    } catch (error) {
      if (!(error instanceof BingoError)) throw error
    }
  },
}

type Kept = readonly [text: string, read: (text: string) => unknown]

const ROW = change('update', { id: 1, status: 2 }, { id: 1, status: 3 })
const PART = change('update', null, { id: 1 })
const EVENT = posted({ key: 'order-17', payload: { n: 1 } })
const WAITING = [ROW, PART, EVENT].map((each) => waitingRecord(each))
const ORDINAL = { epoch: 5, number: 9 }
const POSITION = { flavour: 'mysql', file: 'binlog.000003', offset: 157, gtidSet: null } as const
const SERVER = { flavour: 'mysql', server: '3e11fa47-71ca-11e1-9e33-c80aa9429562', fileCreated: 1_700_000_000 } as const
const GAP = {
  id: 'g', at: 1, code: 'BINGO_X', reason: 'purged', missing: null, onGap: 'latest', from: null, to: POSITION, announced: true,
} as const // prettier-ignore

const KEPT: readonly Kept[] = [
  ...WAITING.flatMap((record): Kept[] => [
    [shapeText(record.shape), (text) => useWaiting({ ...record, shape: new ShapeReader('a store').read(text) })],
    [record.event, (event) => useWaiting({ ...record, event })],
  ]),
  // As it was kept before.
  [stringifyEvent(ROW), (event) => useWaiting({ ...WAITING[0]!, event })],
  ['{"stage":"filter","attempts":[{"at":1,"code":"BINGO_X","message":"no"}]}', (text) => useWaiting({ ...WAITING[0]!, ...readRest(text, 'a store') })],
  ['{"r":{"version":"v","groups":[["a",1,[[1,2],[3,4,"5.5"]]]]}}', (text) => printCounts(parseCounts(text))],
  ['{"epoch":1,"slots":[[1,"{}"]]}', (text) => inState({ 'thresholds/n/s': text, 'thresholds/n/s/at': '{"epoch":1,"slots":[["p",1]]}' }, loadCounters)],
  ['{"epoch":1,"slots":[["p",1]]}', (text) => inState({ 'thresholds/n/s': '{"epoch":1,"slots":[[1,"{}"]]}', 'thresholds/n/s/at': text }, loadCounters)],
  ['{"log":"Kafka topic a","shares":4,"generation":1}', (text) => inState({ 'scale/layout': text }, useLayout)],
  ['{"next":3}', (text) => inState({ 'scale/layout': text }, useLayout)],
  [`{"a":${JSON.stringify({ role: 'worker', host: 'h', pid: 1, since: '2026-11-28T10:00:00.000Z', shares: [1], behind: 0, rules: 'x', leads: false, beat: 3 })}}`, (text) => inState({ 'scale/members': text }, useMembers)],
  [JSON.stringify(ORDINAL), (text) => inState({ 'scale/frontier/1': text }, useFrontier)],
  [JSON.stringify(tableDef()), (text) => inState({ 'scale/shape/x': text }, useShape)],
  [recordText(ORDINAL, 'shape', [1, 2], ROW.id, changeText(ROW)), useRecord],
  [recordText(ORDINAL, 'shape', null, PART.id, changeText(PART)), useRecord],
  [signText('hello', ORDINAL, 'me'), useRecord],
  [JSON.stringify({ place: '1-0', ordinal: ORDINAL, layout: 1, meet: [1, 2], met: { op: 'ddl', table: { schema: 'a', name: 'b' } } }), (text) => parsePosition(text, 's')],
  [JSON.stringify({ position: POSITION, server: SERVER }), parseBinlogPosition],
  ['{"0":"17","1":"18"}', (text) => new PartLedger().positions.parse(text)],
  [JSON.stringify(advance(readProgress(null, 1, 'e'), { environment: 'a', id: 'e', at: 2, status: 'failed', matched: 1, outcomes: [{ rule: 'r', action: 0, status: 'failed', at: 2, error: 'no' }] })), useProgress],
  [Buffer.from(encodeEnvelope(EVENT.envelope)).toString(), useEnvelope],
  ['{"id":"order","version":"v","file":"a.yaml","line":1,"text":"{}"}', (text) => readSource(text, 'a store').text.length],
  ['{"disabled":{"r":{"at":1,"by":"me"}},"audit":[{"rule":"r","enabled":false,"at":1,"by":"me"}]}', (text) => inState({ 'rules/n': text }, useSwitches)],
  ['{"paused":{"redis":{"at":1,"by":"me"}}}', (text) => inState({ 'targets/n': text }, usePaused)],
  [checkpointText(), (text) => parseCheckpoint(withChecksum(text), 'bingo', 'here')],
  [JSON.stringify({ version: 1, position: 'p', savedAt: 1, epoch: 1, gaps: withGap(NO_GAPS, GAP) }), (text) => inState({ 'checkpoint/n/s': withChecksum(text) }, (state) => new SourceRecords(state, 'n', 's').load())],
] // prettier-ignore

function waitingRecord(of: Change): WaitingRecord {
  return recordOf(new InFlightJob(action(), of, undefined, 0, 1, new CountingHold(), null), 'delay/a', 0, 0)
}

function useWaiting(record: WaitingRecord): void {
  const waits = { ...record, seq: 1, bytes: 1 }
  committedAtMs(waits)
  serialiseLetter(letterOf(waits, 1))
}

async function inState(values: { readonly [key: string]: string }, use: (state: StateStore) => unknown): Promise<void> {
  const state = new MemoryStateStore()
  for (const [key, value] of Object.entries(values)) await state.save(key, value, null)
  await use(state)
}

async function loadCounters(state: StateStore): Promise<void> {
  const record = new CounterRecord(state, 'n', 's')
  const found = await record.load('p')
  if (found !== null) parseCounts(found)
}

async function useLayout(state: StateStore): Promise<void> {
  const own = { log: 'Kafka topic a', shares: 4 }
  await storedLayout(state)
  await checkLayout(state, own)
  await keepLayout(state, own)
}

async function useMembers(state: StateStore): Promise<void> {
  const self = { role: 'worker', shares: [], behind: 0, rules: 'x', leads: false } as const
  const deps = { state, clock: systemClock, deadAfterMs: 1_000, self: () => self, changed: () => undefined }
  const members = new Members(deps)
  await members.tell()
  if (members.quota(8) < 1) throw new Error('a worker without a share')
}

async function useFrontier(state: StateStore): Promise<void> {
  const frontiers = new StoredFrontiers(state)
  await frontiers.of(1)
  await frontiers.reached(1, ORDINAL)
}

async function useShape(state: StateStore): Promise<void> {
  const shapes = new Shapes(state, 'n')
  shapes.nameOf(await shapes.table('x'))
}

function useRecord(text: string): void {
  let read: ReturnType<typeof parseRecord>
  try {
    read = parseRecord(text)
  } catch {
    // Whoever reads it leaves it out, with a line of the log.
    return
  }
  if (compareOrdinals(read.ordinal, ORDINAL) === null || read.tag !== 'change') return
  try {
    read.change(ROW.table)
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('a row has not')) throw error
  }
}

function useProgress(text: string): void {
  advance(knownProgress(text, 1), { environment: 'a', id: 'e', at: 2, status: 'completed' })
  JSON.stringify(advance(readProgress(text, 1, 'e'), { environment: 'a', id: 'e', at: 2, outcomes: [] }))
}

function useEnvelope(text: string): void {
  const event = new PostedEvent(decodeEnvelope(Buffer.from(text)), EVENT.transaction, 0)
  stringifyEvent(event)
}

const DEPS = { name: 'n', clock: systemClock, log: silentLog }

async function useSwitches(state: StateStore): Promise<void> {
  const switches = new StoredSwitches({
    ...DEPS,
    state,
    rules: () => ({ rules: [] }) as never,
    changed: () => undefined,
  })
  await switches.load()
  switches.isDisabled('r')
}

async function usePaused(state: StateStore): Promise<void> {
  const paused = new PausedTargets({ ...DEPS, state })
  await paused.load()
  paused.since('redis')
}

function checkpointText(): string {
  const gaps = withGap(NO_GAPS, GAP)
  const text = serialiseCheckpoint({
    version: 1,
    name: 'bingo',
    position: POSITION,
    server: SERVER,
    savedAt: 1,
    epoch: 1,
    gaps,
  })
  return text.replace(/,"crc":"[^"]+"/, '')
}

/** What somebody knows who edits it with care. */
function withChecksum(text: string): string {
  return text.replace(/\}\s*$/, `,"crc":"${checksum(text)}"}`)
}
