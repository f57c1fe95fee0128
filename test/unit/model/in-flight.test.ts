import { expect, test } from 'vitest'
import { InFlight } from '../../../src/model/in-flight.ts'

test('ends with the last of what was added, whether it succeeds or not', async () => {
  const inFlight = new InFlight()
  const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<never>()]
  const added = [inFlight.add(first.promise), inFlight.add(second.promise)]
  let hasEnded = false
  const ended = inFlight.ended().then(() => (hasEnded = true))
  first.resolve('one')
  expect(await added[0]).toBe('one')
  await new Promise((resolve) => setImmediate(resolve))
  expect(hasEnded).toBe(false)
  second.reject(new Error('two'))
  await expect(added[1]).rejects.toThrow('two')
  await ended
})

test('has ended at once where nothing is in flight, each time', async () => {
  const inFlight = new InFlight()
  await expect(inFlight.ended()).resolves.toBeUndefined()
  await inFlight.add(Promise.resolve())
  await expect(inFlight.ended()).resolves.toBeUndefined()
})

test('waits for what is added while somebody waits', async () => {
  const inFlight = new InFlight()
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const added = inFlight.add(first.promise)
  let hasEnded = false
  const ended = inFlight.ended().then(() => (hasEnded = true))
  const later = inFlight.add(second.promise)
  first.resolve()
  await added
  await new Promise((resolve) => setImmediate(resolve))
  expect(hasEnded).toBe(false)
  second.resolve()
  await Promise.all([later, ended])
})
