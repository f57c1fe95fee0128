import { readFileSync } from 'node:fs'
import { BingoError } from '../../../src/model/errors.ts'
import type { EventProvider } from '../../../src/model/state/event-provider.ts'
import { checkKept, PostingProcess } from './kills.ts'
import { entriesOf, ids, newEvent, newEvents, NOW, placesOf, post } from './new-event.ts'
import type { ProviderSetup } from './new-event.ts'

/** A kind of store, as a column of docs/event-stores.md. */
export interface TestedStore {
  readonly column: 'memory' | 'SQLite' | 'MySQL' | 'MariaDB' | 'PostgreSQL' | 'Redis' | 'NATS JetStream' | 'Kafka'
  /** Address of a new store; null: nobody else can open it. */
  newUrl(): Promise<string | null>
  open(url: string | null, setup?: ProviderSetup): Promise<EventProvider>
  /** Kills the server and starts it again. Null: there is none. */
  readonly killServer: (() => Promise<void>) | null
}

interface Promised {
  readonly what: string
  /** Tries it out; answers the cell. */
  readonly measure: (store: TestedStore) => Promise<string>
}

const PROMISES: readonly Promised[] = [
  { what: 'a post is answered when it is', measure: durability },
  { what: 'survives `kill -9` of BinGo', measure: survivesKill },
  { what: 'survives `kill -9` of the server', measure: survivesServerKill },
  { what: 'several instances post to one store', measure: severalPost },
  { what: 'several instances read one group', measure: severalRead },
  { what: 'a group reads what was posted in its order, and resumes where it was', measure: order },
  { what: 'delay, change and cancel', measure: delays },
  { what: 'an id is stored once, and remembered', measure: remembers },
  { what: 'get, list, status, replay', measure: index },
  { what: 'is bounded; refuses more', measure: bounded },
]

/** What is tried out of one store: promise → cell. */
export async function measurePromises(store: TestedStore): Promise<Map<string, string>> {
  const cells = new Map<string, string>()
  for (const { what, measure } of PROMISES) cells.set(what, await measure(store))
  return cells
}

const DOC = new URL('../../../docs/event-stores.md', import.meta.url)
export const BEGIN = '<!-- begin: npm run event-stores -->'
export const END = '<!-- end -->'

/** The column of the table in docs/event-stores.md. */
export function documentedPromises(column: TestedStore['column']): Map<string, string> {
  const text = readFileSync(DOC, 'utf8')
  const table = text.slice(text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END)).trim()
  const [header, , ...rows] = table.split('\n').map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
  const place = header!.indexOf(column)
  return new Map(rows.map((cells) => [cells[0]!, cells[place]!]))
}

/** The table as Markdown. */
export function tableOf(columns: ReadonlyMap<string, ReadonlyMap<string, string>>): string {
  const names = [...columns.keys()]
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    `| ${line(names)}`,
    `|---|${names.map(() => '---|').join('')}`,
    ...PROMISES.map(({ what }) => line([what, ...names.map((name) => columns.get(name)!.get(what)!)])),
  ].join('\n')
}

async function withNew<T>(
  store: TestedStore,
  work: (provider: EventProvider, url: string | null) => Promise<T>,
  setup?: ProviderSetup,
): Promise<T> {
  const url = await store.newUrl()
  const provider = await store.open(url, setup)
  try {
    return await work(provider, url)
  } finally {
    await provider.close()
  }
}

function durability(store: TestedStore): Promise<string> {
  const words = { memory: 'in memory', server: 'committed', fsync: 'on disk' }
  return withNew(store, async ({ can }) => words[can.durability])
}

async function survivesKill(store: TestedStore): Promise<string> {
  const url = await store.newUrl()
  if (url === null) return withNew(store, async ({ can }) => yesOrNo(can.survivesKill))
  await using child = new PostingProcess(url, 0)
  await child.hasAnswered(50)
  await child.kill()
  const provider = await store.open(url)
  try {
    await checkKept(provider, child.answered())
    return yesOrNo(provider.can.survivesKill)
  } finally {
    await provider.close()
  }
}

async function survivesServerKill(store: TestedStore): Promise<string> {
  if (store.killServer === null) return '–'
  const { killServer } = store
  return withNew(store, async (provider) => {
    await post(provider, newEvents(0, 50))
    await killServer()
    return yesOrNo(ids(await entriesOf(provider)).length === 50)
  })
}

function severalPost(store: TestedStore): Promise<string> {
  return withNew(store, async (provider, url) => {
    await post(provider, newEvents(0, 1))
    if (url === null) return 'no'
    return orRefusal(async () => {
      const second = await store.open(url)
      try {
        await post(second, newEvents(1, 2))
        return yesOrNo(ids(await entriesOf(provider)).length === 2)
      } finally {
        await second.close()
      }
    })
  })
}

/** One reads everything until the other one is there; then each gets a share. */
function severalRead(store: TestedStore): Promise<string> {
  return withNew(store, async (provider, url) => {
    await post(provider, newEvents(0, 2))
    const stop = new AbortController()
    const readers = [provider.log.read(null, { group: 'g', signal: stop.signal })[Symbol.asyncIterator]()]
    await readers[0]!.next()
    const answer = await orRefusal(async () => {
      const second = url === null || store.killServer === null ? provider : await store.open(url)
      try {
        readers.push(second.log.read(null, { group: 'g', signal: stop.signal })[Symbol.asyncIterator]())
        await provider.log.ack('g', await placesOf(provider))
        const shares = Promise.all(readers.map((reader) => reader.next()))
        // Of many keys, so that each has some of them.
        const posting = setInterval(() => void post(provider, newEvents(nextId, (nextId += 50))), 100)
        const entries = await shares.finally(() => clearInterval(posting))
        return yesOrNo(entries.every(({ done }) => done !== true) && provider.can.sharedGroups)
      } finally {
        stop.abort()
        if (second !== provider) await second.close()
      }
    })
    stop.abort()
    return answer
  })
}

let nextId = 1_000

function order(store: TestedStore): Promise<string> {
  return withNew(store, async (provider) => {
    await Promise.all(newEvents(0, 100).map((each) => post(provider, [each])))
    const read = ids(await entriesOf(provider, null, { group: 'g' }))
    const places = await placesOf(provider)
    await provider.log.ack(
      'g',
      places.filter((_, i) => i !== 40),
    )
    const rest = ids(await entriesOf(provider, null, { group: 'g' }))
    return yesOrNo(read.every((id, i) => id === String(i)) && rest.join() === '40')
  })
}

function delays(store: TestedStore): Promise<string> {
  return withNew(store, async (provider) => {
    const at = (id: string, deliverAt: number, payload = 1) => newEvent(id, { deliverAt, payload })
    await post(provider, [at('a', NOW + 60_000), at('b', NOW + 70_000), at('c', NOW + 80_000)])
    const [changed] = await post(provider, [at('c', NOW + 50_000, 2)])
    const cancelled = await provider.cancel({ environment: 'default', id: 'a' }, NOW)
    await provider.due(NOW + 90_000, 10)
    const left = ids(await entriesOf(provider)).join()
    return yesOrNo(changed!.tag === 'updated' && cancelled === 'cancelled' && left === 'c,b')
  })
}

function remembers(store: TestedStore): Promise<string> {
  return withNew(store, async (provider) => {
    await post(provider, newEvents(0, 1))
    const [again] = await post(provider, newEvents(0, 1))
    if (again!.tag !== 'duplicate') return 'no'
    const days = provider.can.idRetentionMs / 86_400_000
    return days === 0 ? 'while there is room' : `${days} days`
  })
}

function index(store: TestedStore): Promise<string> {
  return withNew(store, async (provider) => {
    const name = { environment: 'default', id: '0' }
    await post(provider, newEvents(0, 3))
    await provider.progress([{ ...name, at: NOW, status: 'completed', matched: 0 }])
    const { events } = await provider.list({ limit: 2, status: 'pending' })
    const replayed = await provider.replay(name, NOW)
    const works = ids(events).join() === '2,1' && typeof replayed === 'object' && (await provider.get(name)) !== null
    return yesOrNo(works && provider.can.index)
  })
}

function bounded(store: TestedStore): Promise<string> {
  return withNew(store, (provider) => orRefusal(() => post(provider, newEvents(0, 4)).then(() => 'no'), 'yes'), {
    maxEvents: 3,
  })
}

/** `no` with the code of the refusal. */
async function orRefusal(attempt: () => Promise<string>, word = 'no'): Promise<string> {
  try {
    return await attempt()
  } catch (error) {
    if (!(error instanceof BingoError)) throw error
    return `${word} (${error.code})`
  }
}

function yesOrNo(is: boolean): string {
  return is ? 'yes' : 'no'
}
