import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Lease } from '../../../../src/model/state/lease.ts'

/** One handle of the lease of that name; handles of one name and several holders compete. */
export type OpenLease = (name: string, holder: string, ttlMs: number) => Lease

const ENDS_WITHIN_MS = 60_000

/** What every lease does, whatever it is made of. `ttlMs` is short, but the server may round it up to seconds. */
export function describeLease(open: OpenLease, ttlMs: number): void {
  test('belongs to one at a time, is renewed by its holder, and is free once it was released', async () => {
    const [one, two] = [open('one', 'first', ttlMs), open('one', 'second', ttlMs)]
    expect(await one.ask()).toMatchObject({ tag: 'taken' })
    expect(await one.ask()).toEqual({ tag: 'held' })
    const answer = await two.ask()
    expect(answer).toMatchObject({ tag: 'other', holder: expect.any(String) })
    expect(answer.tag === 'other' && answer.remainingMs > 0 && answer.remainingMs <= ttlMs).toBe(true)
    await one.release()
    expect(await two.ask()).toMatchObject({ tag: 'taken' })
    expect(await one.ask()).toMatchObject({ tag: 'other' })
    await Promise.all([one.close(), two.close()])
  })

  test('is not released by somebody who does not hold it', async () => {
    const [one, two] = [open('kept', 'first', ttlMs), open('kept', 'second', ttlMs)]
    await one.ask()
    await two.release()
    expect(await two.ask()).toMatchObject({ tag: 'other' })
    expect(await one.ask()).toEqual({ tag: 'held' })
    await Promise.all([one.close(), two.close()])
  })

  test('expires when its holder stops renewing it, and the holder learns it', async () => {
    const [one, two] = [open('silent', 'first', ttlMs), open('silent', 'second', ttlMs)]
    await one.ask()
    const deadline = performance.now() + ENDS_WITHIN_MS
    let answer = await two.ask()
    expect(answer).toMatchObject({ tag: 'other' })
    while (answer.tag === 'other' && performance.now() < deadline) {
      await delay(50)
      answer = await two.ask()
    }
    expect(answer).toEqual({ tag: 'taken', after: 'silence' })
    expect(await one.ask()).toMatchObject({ tag: 'other' })
    await Promise.all([one.close(), two.close()])
  })

  test('is one per name, also if names differ in case only', async () => {
    const [one, two] = [open('left', 'first', ttlMs), open('Left', 'first', ttlMs)]
    expect(await one.ask()).toMatchObject({ tag: 'taken' })
    expect(await two.ask()).toMatchObject({ tag: 'taken' })
    await Promise.all([one.close(), two.close()])
  })
}

/** Of leases that outlive the connection of their holder. */
export function describeToldRelease(open: OpenLease, ttlMs: number): void {
  test('reports whether it was released or expired', async () => {
    const [one, two] = [open('told', 'first', ttlMs), open('told', 'second', ttlMs)]
    expect(await one.ask()).toEqual({ tag: 'taken', after: 'silence' })
    await one.release()
    expect(await two.ask()).toEqual({ tag: 'taken', after: 'release' })
    await Promise.all([one.close(), two.close()])
  })
}
