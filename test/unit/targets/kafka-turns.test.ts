import { expect, test } from 'vitest'
import { Turns } from '../../../src/targets/kafka/turns.ts'

test('what began beside others goes on alone when they have ended, before all that came later', async () => {
  const turns = new Turns()
  const log: string[] = []
  const ends = new Map<string, () => void>()
  const until = (name: string): Promise<void> => new Promise((resolve) => ends.set(name, resolve))
  const beside = (name: string, isAlone = false): Promise<void> =>
    turns.beside(async () => {
      log.push(`${name} begins`)
      await until(name)
      log.push(`${name} ends`)
      return isAlone ? { alone: async () => void log.push(`${name} alone`) } : { done: undefined }
    })
  const all = [beside('a', true), beside('b', true), beside('c')]
  const last = [turns.alone(async () => void log.push('d alone')), beside('e')]
  // The later of two that have to go on alone ends first.
  for (const name of ['b', 'c', 'a']) {
    ends.get(name)!()
    await new Promise(setImmediate)
  }
  await Promise.all(all)
  ends.get('e')!()
  await Promise.all(last)
  expect(log).toEqual([
    'a begins',
    'b begins',
    'c begins',
    'b ends',
    'c ends',
    'a ends',
    'a alone',
    'b alone',
    'd alone',
    'e begins',
    'e ends',
  ])
})

test('work that fails lets the next begin', async () => {
  const turns = new Turns()
  const fail = async (): Promise<never> => {
    throw new Error('no')
  }
  const results = await Promise.allSettled([
    turns.beside(fail),
    turns.alone(fail),
    turns.beside(async () => ({ alone: fail })),
    turns.alone(async () => 'yes'),
  ])
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled'])
})
