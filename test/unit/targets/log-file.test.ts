import { EventEmitter } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { ByteArena } from '../../../src/model/event/bytes/byte-arena.ts'
import { openLogTarget } from '../../../src/targets/log/target.ts'
import type { Target } from '../../../src/model/rule/action.ts'
import { silentLog } from '../../support/jobs.ts'
import { Random } from '../../support/random-tables.ts'
import { compile, jobFor } from './action-spec.ts'

const folder = mkdtempSync(join(tmpdir(), 'bingo-log-'))
afterAll(() => rmSync(folder, { recursive: true }))

const { plan } = compile({ type: 'log', path: 'x', body: { id: '{{id}}' } })
const jobs = (...ids: number[]) => ids.map((id) => jobFor(plan, { id, status: 1 }))
const { signal } = new AbortController()
const rotations = new EventEmitter()
const onReopen = (listener: () => void): (() => void) => {
  rotations.on('rotated', listener)
  return () => void rotations.off('rotated', listener)
}
const open = (path: string): Promise<Target> => openLogTarget({ path, fsync: true }, { log: silentLog, onReopen })

test('the audit log has one line per event, in order, appended to what was there', async () => {
  const path = join(folder, 'audit.ndjson')
  for (const ids of [[1, 2], [3]]) {
    const target = await open(path)
    expect(await target.send(jobs(...ids), signal)).toBeUndefined()
    await target.close()
  }
  expect(readFileSync(path, 'utf8')).toBe('{"id":1}\n{"id":2}\n{"id":3}\n')
})

test('lines as bytes are in order among texts, short and long ones', async () => {
  const path = join(folder, 'bytes.ndjson')
  const target = await open(path)
  const random = new Random(40)
  const lines: string[] = []
  for (let send = 0; send < 12; send++) {
    const arena = new ByteArena()
    const sent = Array.from({ length: random.below(200) }, () => {
      const length = random.chance(3) ? 300_000 : random.chance(20) ? 900 + random.below(300) : random.below(100)
      const line = `${lines.length} ${'é'.repeat(length / 2)}`
      lines.push(line)
      const at = arena.reserve(arena.at, line.length * 2)
      const payload = random.chance(30) ? line : arena.take(at + arena.buffer.write(line, at))
      return { ...jobs(1)[0]!, payload }
    })
    expect(await target.send(sent, signal)).toBeUndefined()
  }
  await target.close()
  expect(readFileSync(path, 'utf8') === lines.map((line) => `${line}\n`).join('')).toBe(true)
})

test('a rotated file is closed on reopen', async () => {
  const path = join(folder, 'rotated.ndjson')
  const target = await open(path)
  await target.send(jobs(1), signal)
  renameSync(path, `${path}.1`)
  await target.send(jobs(2), signal)
  rotations.emit('rotated')
  await target.send(jobs(3), signal)
  await target.close()
  expect(readFileSync(`${path}.1`, 'utf8')).toBe('{"id":1}\n{"id":2}\n')
  expect(readFileSync(path, 'utf8')).toBe('{"id":3}\n')
})

test('a full disk means that the events wait, none of them is to blame', async () => {
  const target = await open('/dev/full')
  const result = await target.send(jobs(1, 2), signal)
  expect(result?.map((failure) => [failure?.kind, failure?.error.code])).toEqual([
    ['down', 'BINGO_LOG_WRITE'],
    ['down', 'BINGO_LOG_WRITE'],
  ])
  expect(result?.[0]?.error.hint).toContain('disk is full')
  await target.close()
})

test('what did not fit on a full disk is written once there is another one', async () => {
  const path = join(folder, 'moved.ndjson')
  symlinkSync('/dev/full', path)
  const target = await open(path)
  expect((await target.send(jobs(1, 2), signal))?.map((failure) => failure?.kind)).toEqual(['down', 'down'])
  rmSync(path)
  rotations.emit('rotated')
  expect(await target.send(jobs(1, 2), signal)).toBeUndefined()
  await target.close()
  expect(readFileSync(path, 'utf8')).toBe('{"id":1}\n{"id":2}\n')
})

test('a folder that is gone when it reopens makes the events wait until it is back', async () => {
  const parent = join(folder, 'later')
  mkdirSync(parent)
  const path = join(parent, 'audit.ndjson')
  const target = await open(path)
  await target.send(jobs(1), signal)
  rmSync(parent, { recursive: true })
  rotations.emit('rotated')
  expect((await target.send(jobs(2), signal))?.map((failure) => failure?.kind)).toEqual(['down'])
  mkdirSync(parent)
  expect(await target.send(jobs(2), signal)).toBeUndefined()
  await target.close()
  expect(readFileSync(path, 'utf8')).toBe('{"id":2}\n')
})

test('a file that cannot be opened is reported with its path', async () => {
  await expect(open(join(folder, 'gone', 'audit.ndjson'))).rejects.toThrow(
    expect.objectContaining({ code: 'BINGO_LOG_OPEN', retryable: true }),
  )
})

test('a target that is closed listens no longer, and none ever listens to the process', async () => {
  const before = process.listenerCount('SIGHUP')
  const targets = await Promise.all(['one.ndjson', 'two.ndjson'].map((name) => open(join(folder, name))))
  expect([rotations.listenerCount('rotated'), process.listenerCount('SIGHUP')]).toEqual([2, before])
  await Promise.all(targets.map((target) => target.close()))
  expect(rotations.listenerCount('rotated')).toBe(0)
})
