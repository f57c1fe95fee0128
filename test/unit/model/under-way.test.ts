import { expect, test } from 'vitest'
import { UnderWay } from '../../../src/model/under-way.ts'

test('ends with the last of what was added, whether it succeeds or not', async () => {
  const underWay = new UnderWay()
  const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<never>()]
  const added = [underWay.add(first.promise), underWay.add(second.promise)]
  let hasEnded = false
  const ended = underWay.ended().then(() => (hasEnded = true))
  first.resolve('one')
  expect(await added[0]).toBe('one')
  await new Promise((resolve) => setImmediate(resolve))
  expect(hasEnded).toBe(false)
  second.reject(new Error('two'))
  await expect(added[1]).rejects.toThrow('two')
  await ended
})

test('has ended at once where nothing is under way, each time', async () => {
  const underWay = new UnderWay()
  await expect(underWay.ended()).resolves.toBeUndefined()
  await underWay.add(Promise.resolve())
  await expect(underWay.ended()).resolves.toBeUndefined()
})

test('waits for what is added while somebody waits', async () => {
  const underWay = new UnderWay()
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const added = underWay.add(first.promise)
  let hasEnded = false
  const ended = underWay.ended().then(() => (hasEnded = true))
  const later = underWay.add(second.promise)
  first.resolve()
  await added
  await new Promise((resolve) => setImmediate(resolve))
  expect(hasEnded).toBe(false)
  second.resolve()
  await Promise.all([later, ended])
})
