import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Kept, type KeptOptions } from '../../../src/log/kept.ts'

interface Connection {
  readonly number: number
  isClosed: boolean
}

const NEVER = new Promise<never>(() => undefined)

/** What was opened so far is in `opened`. */
function newKept(options: Partial<KeptOptions<Connection>> = {}): { kept: Kept<Connection>; opened: Connection[] } {
  const opened: Connection[] = []
  const kept = new Kept<Connection>({
    description: 'test://log',
    open: () => {
      const connection = { number: opened.length + 1, isClosed: false }
      opened.push(connection)
      return Promise.resolve(connection)
    },
    close: (connection) => {
      connection.isClosed = true
      return Promise.resolve()
    },
    timeoutMs: 60_000,
    ...options,
  })
  return { kept, opened }
}

const number = ({ number: of }: Connection): Promise<number> => Promise.resolve(of)
const fail = (why: string) => () => Promise.reject(new Error(why))

test('many use what is opened once', async () => {
  const { kept, opened } = newKept()
  expect(await Promise.all([kept.use(number), kept.use(number)])).toEqual([1, 1])
  expect(await kept.use(number)).toBe(1)
  expect(opened).toHaveLength(1)
})

test('what work failed with is closed before the failure is told, and the next work has another', async () => {
  const { kept, opened } = newKept()
  await expect(kept.use(fail('broken'))).rejects.toThrow('broken')
  expect(opened[0]!.isClosed).toBe(true)
  expect(await kept.use(number)).toBe(2)
})

test('whoever waits for the same is told, and does not close what was opened since', async () => {
  const { kept, opened } = newKept()
  const late = Promise.withResolvers<never>()
  await Promise.all(
    [kept.use(() => late.promise), kept.use(fail('broken'))].map((each) => expect(each).rejects.toThrow('broken')),
  )
  expect(await kept.use(number)).toBe(2)
  late.reject(new Error('later'))
  await delay(1)
  expect(opened.map(({ isClosed }) => isClosed)).toEqual([true, false])
  expect(await kept.use(number)).toBe(2)
})

test('opening that fails, or hangs, is done once more for the next work', async () => {
  const answers = [Promise.reject(new Error('refused')), NEVER, Promise.resolve({ number: 3, isClosed: false })]
  const { kept } = newKept({ open: () => answers.shift()!, timeoutMs: 20 })
  await expect(kept.use(number)).rejects.toThrow('refused')
  await expect(kept.use(number)).rejects.toThrow('no answer within 20 ms')
  expect(await kept.use(number)).toBe(3)
})

test('work does not begin once it was said that it failed', async () => {
  const opening = Promise.withResolvers<Connection>()
  const { kept } = newKept({ open: () => opening.promise, timeoutMs: 20 })
  let hasBegun = false
  await expect(
    kept.use(() => {
      hasBegun = true
      return Promise.resolve()
    }),
  ).rejects.toThrow('no answer within 20 ms')
  const connection = { number: 1, isClosed: false }
  opening.resolve(connection)
  await expect.poll(() => connection.isClosed).toBe(true)
  expect(hasBegun).toBe(false)
})

test('work and closing that hang hold nobody up', async () => {
  const { kept } = newKept({ close: () => NEVER, timeoutMs: 20 })
  await expect(kept.use(() => NEVER)).rejects.toThrow('no answer within 20 ms')
  expect(await kept.use(number)).toBe(2)
  await kept.close()
  await expect(kept.use(number)).rejects.toThrow('is closed')
})

test('who works while it is closed is told', async () => {
  const { kept, opened } = newKept()
  const working = kept.use(() => NEVER)
  await Promise.all([expect(working).rejects.toThrow('is closed'), kept.close()])
  expect(opened[0]!.isClosed).toBe(true)
})

test('an error that says nothing against the connection leaves it', async () => {
  const { kept } = newKept({ survives: (error) => error instanceof Error && error.message === 'full' })
  await expect(kept.use(fail('full'))).rejects.toThrow('full')
  expect(await kept.use(number)).toBe(1)
})

test('what the other side has closed is opened once more, by one for all', async () => {
  const { kept, opened } = newKept({ isOpen: ({ isClosed }) => !isClosed })
  await kept.use(number)
  opened[0]!.isClosed = true
  expect(await Promise.all([kept.use(number), kept.use(number)])).toEqual([2, 2])
  expect(opened).toHaveLength(2)
})
