import { BingoError } from '../model/errors.ts'
import { createBroker } from './broker.ts'
import type { AnyEvents, Broker, BrokerOptions } from './contract.ts'

/**
 * The one piece of state of a module in this library: a default broker is by nature one for the process, so that code in
 * any place can publish without being handed a broker. Nothing else reads or writes it; brokers of `createBroker` do not
 * know of it.
 */
let defaultBroker: Broker | null = null

/** Makes the broker that `getDefaultBroker` answers; subscribe, then start it. Throws BINGO_BROKER_DEFAULT. */
export function initialize<Events extends object = AnyEvents>(options: BrokerOptions = {}): Broker<Events> {
  if (defaultBroker !== null && defaultBroker.stats().state !== 'stopped') {
    throw new BingoError('BINGO_BROKER_DEFAULT', 'There is a default broker already', {
      hint: 'Call initialize once, and getDefaultBroker everywhere else; or stop the other one first.',
    })
  }
  const broker = createBroker<Events>(options)
  defaultBroker = broker as unknown as Broker
  return broker
}

/** Throws BINGO_BROKER_DEFAULT where there is none. */
export function getDefaultBroker<Events extends object = AnyEvents>(): Broker<Events> {
  if (defaultBroker === null) {
    throw new BingoError('BINGO_BROKER_DEFAULT', 'There is no default broker', {
      hint: 'Call initialize() first, where the program starts.',
    })
  }
  return defaultBroker as unknown as Broker<Events>
}
