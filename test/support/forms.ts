import { test as ofVitest } from 'vitest'

/**
 * The tests have two forms. `npm test` runs the short one: each failure, each server and each moment at least once. `npm run
 * test:long` (`BINGO_TESTS=long`) runs the whole of every matrix, and as many kills, rows and seeds as find what is rare. What
 * the short form leaves out belongs to the long one, and is not reported as skipped.
 */
export type Form = 'short' | 'long'

export const FORM: Form = process.env['BINGO_TESTS'] === 'long' ? 'long' : 'short'

/** How often, how many: kills, rows, seeds. */
export function inForm<T>(of: { readonly [form in Form]: T }): T {
  return of[FORM]
}

/** Every one with every other; in the short form so few pairs that each one and each other is in at least one of them. */
export function pairs<A, B>(ones: readonly A[], others: readonly B[], form = FORM): readonly (readonly [A, B])[] {
  if (form === 'long') return ones.flatMap((one) => others.map((other) => [one, other] as const))
  if (ones.length === 0 || others.length === 0) return []
  const at = <T>(list: readonly T[], i: number): T => list[i % list.length]!
  return Array.from({ length: Math.max(ones.length, others.length) }, (_, i) => [at(ones, i), at(others, i)] as const)
}

/** A run of neighbours in a list. */
export interface Share {
  readonly first: number
  readonly cycles: number
}

/** Each of the kinds has all moments; in the short form a part of them, which together are all. */
export function shares<K>(
  moments: readonly unknown[],
  kinds: readonly K[],
  form = FORM,
): readonly (readonly [K, Share])[] {
  const begin = (i: number): number => Math.floor((moments.length * i) / kinds.length)
  return kinds.map((kind, i) => {
    if (form === 'long') return [kind, { first: 0, cycles: moments.length }] as const
    return [kind, { first: begin(i), cycles: begin(i + 1) - begin(i) }] as const
  })
}

/** Registers a test, as that of Vitest does. */
export type Test = (title: string, run: () => unknown, timeoutMs?: number) => void

/**
 * A `test` for each of several `describe`s that have the same tests on different servers. In the short form each test is in
 * one of them, in turn: with at least as many tests as servers, each server has some. Tests that differ by the
 * server (SQL of its own, ways to fail of its own) are not for this.
 */
export function inTurns<K>(
  kinds: readonly K[],
  { form = FORM, test = ofVitest }: { readonly form?: Form; readonly test?: Test } = {},
): (kind: K) => Test {
  return (kind) => {
    let count = 0
    return (title, run, timeoutMs) => {
      const isTurn = kinds[count++ % kinds.length] === kind
      if (form === 'long' || isTurn) test(title, run, timeoutMs)
    }
  }
}
