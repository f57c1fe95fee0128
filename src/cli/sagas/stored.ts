import { stateSettings } from '../../app/state-settings.ts'
import { BingoError } from '../../model/errors.ts'
import type { SagaStore } from '../../model/saga/store.ts'
import { redactUrls } from '../../ops/redact.ts'
import { openSagaStore } from '../../state/open.ts'
import { commandLog, configFor, type GlobalOptions } from '../context.ts'

/** Nobody answers at http.listen, or somebody who does not run the sagas. */
const NOBODY: ReadonlySet<string> = new Set([
  'BINGO_DAEMON_UNREACHABLE',
  'BINGO_SAGA_NOT_READY',
  'BINGO_SAGA_ELSEWHERE',
])

/**
 * What the daemon answers; where none here can, what `read` finds in the store of the configuration, which is said. Rejects
 * with the error of the daemon where the store is the memory of a process.
 */
export async function askOrRead<T>(
  options: GlobalOptions,
  ask: () => Promise<T>,
  read: (store: SagaStore) => Promise<T>,
): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof BingoError) || !NOBODY.has(error.code)) throw error
    const config = configFor(options, 'sagas, stored')
    const address = config.sagas.store ?? config.deadLetters.store ?? config.checkpoint.store
    if (address === 'memory:') throw error
    process.stderr.write(`${error.message}; read from ${redactUrls(address)}\n`)
    const store = await openSagaStore(stateSettings(config, await commandLog(config, options)), config.sagas.store)
    try {
      return await read(store)
    } finally {
      await store.close()
    }
  }
}
