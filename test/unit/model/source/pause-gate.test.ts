import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { orAborted } from '../../../../src/model/aborted.ts'
import { PauseGate } from '../../../../src/model/source/pause-gate.ts'

describe('a gate that a source waits at while it is paused', () => {
  it('opens when the last reason is gone, and closes again with the next one', async () => {
    const gate = new PauseGate()
    const { signal } = new AbortController()
    const [one, other] = [{}, {}]
    for (let round = 0; round < 2; round++) {
      let isOpen = false
      gate.pause(one)
      gate.pause(other)
      const opened = gate.opened(signal).then(() => (isOpen = true))
      gate.resume(one)
      await new Promise(setImmediate)
      expect([gate.paused, isOpen]).toEqual([true, false])
      gate.resume(other)
      await opened
      expect(gate.paused).toBe(false)
    }
  })

  it('lets a source go that is stopped', async () => {
    const gate = new PauseGate()
    const stop = new AbortController()
    gate.pause({})
    const opened = gate.opened(stop.signal)
    stop.abort()
    await opened
    await gate.opened(stop.signal)
    expect(gate.paused).toBe(true)
  })

  it('leaves no listener at the signal, however often it was waited for', async () => {
    const gate = new PauseGate()
    const { signal } = new AbortController()
    const reason = {}
    for (let i = 0; i < 50; i++) {
      gate.pause(reason)
      const opened = gate.opened(signal)
      expect(getEventListeners(signal, 'abort')).toHaveLength(1)
      gate.resume(reason)
      await opened
    }
    await new Promise(setImmediate)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})

describe('waiting for something or for the end of a signal', () => {
  it('rejects with what was waited for, and leaves no listener then either', async () => {
    const { signal } = new AbortController()
    await expect(orAborted(Promise.reject(new Error('down')), signal)).rejects.toThrow('down')
    await new Promise(setImmediate)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it('does not report a rejection that comes after the end', async () => {
    const stop = new AbortController()
    const late = Promise.withResolvers<void>()
    const waiting = orAborted(late.promise, stop.signal)
    stop.abort()
    await expect(waiting).resolves.toBeUndefined()
    late.reject(new Error('too late'))
    await new Promise(setImmediate)
  })
})
