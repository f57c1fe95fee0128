import { BingoError } from '../model/errors.ts'

/** `events.store` is not the address of a store. */
export class StoreAddressError extends BingoError {
  /** Without the name of the setting. */
  readonly why: string

  constructor(why: string, hint: string) {
    super('BINGO_EVENTS_STORE_INVALID', `events.store is not the address of a store: ${why}`, { hint })
    this.why = why
  }
}
