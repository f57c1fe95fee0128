import type { Random } from '../support/random-tables.ts'

/** Something that takes input from outside. */
export interface FuzzSubject {
  readonly name: string
  /**
   * Makes one hostile input and hands it in. Whatever it is, the answer is a result or a BingoError with a place; anything
   * else that is thrown is a finding. Files go into `folder`, which may hold those of earlier inputs.
   */
  attempt(random: Random, folder: string): void | Promise<void>
}

/** The input of the case at hand, for the report of a finding. */
export interface Finding {
  readonly subject: string
  readonly seed: number
  readonly number: number
  readonly what: string
}
