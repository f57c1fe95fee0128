import { readdirSync, readlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { EventSpool, SpoolMemory } from '../../../../../src/sources/mysql/binlog/transaction/event-spool.ts'

const HEAD_BYTES = 5

async function contents(spool: EventSpool): Promise<string[]> {
  const events: string[] = []
  await spool.replay((type, buffer, start, end) => void events.push(`${type}:${buffer.toString('latin1', start, end)}`))
  return events
}

function append(spool: EventSpool, type: number, text: string): void {
  spool.append(type, Buffer.from(`<${text}>`), 1, text.length + 1)
}

/** Files of spools that this process has open; they have no names any more. */
function spoolFiles(): number {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return ''
    }
  })
  return targets.filter((target) => target.startsWith(`${tmpdir()}/bingo-xa-`)).length
}

test('many small spools share one memory: those that come when it is full go to files', async () => {
  const memory = new SpoolMemory(2 * (HEAD_BYTES + 3))
  const spools = ['one', 'two', 'six', 'ten'].map((text) => {
    const spool = new EventSpool(memory, null)
    append(spool, 30, text)
    return spool
  })
  expect(spoolFiles()).toBe(2)
  for (const [i, spool] of spools.entries()) append(spool, 31, `more ${i}`)
  expect(await Promise.all(spools.map(contents))).toEqual([
    ['30:one', '31:more 0'],
    ['30:two', '31:more 1'],
    ['30:six', '31:more 2'],
    ['30:ten', '31:more 3'],
  ])
  for (const spool of spools) spool.close()
  expect(spoolFiles()).toBe(0)
})

test('memory that a spool gave back is there for the next', () => {
  const memory = new SpoolMemory(HEAD_BYTES + 3)
  for (let i = 0; i < 3; i++) {
    const spool = new EventSpool(memory, null)
    append(spool, 30, 'abc')
    expect(spoolFiles()).toBe(0)
    spool.close()
  }
})

test('an event that is larger than the memory goes through the file, and leaves its room', async () => {
  const memory = new SpoolMemory(100)
  const spool = new EventSpool(memory, null)
  append(spool, 30, 'x'.repeat(3_000_000))
  append(spool, 31, 'y')
  expect((await contents(spool)).map((event) => event.length)).toEqual([3_000_003, 4])
  const next = new EventSpool(memory, null)
  append(next, 30, 'z')
  expect(spoolFiles()).toBe(1)
  next.close()
  spool.close()
})
