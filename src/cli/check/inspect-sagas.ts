import type { Config } from '../../app/config/config.ts'
import { stateSettings } from '../../app/state-settings.ts'
import { BingoError, type Problem } from '../../model/errors.ts'
import { silentLog } from '../../model/silent-log.ts'
import { openSagaStore } from '../../state/open.ts'

/** Asks the server that keeps sagas what it can lose of them. One that cannot be asked now is a warning. */
export async function inspectSagaStore(config: Config): Promise<readonly Problem[]> {
  const address = config.sagas.store ?? config.deadLetters.store ?? config.checkpoint.store
  // Opening another kind of store could make it.
  if (!/^[a-z+]*(redis|sentinel)/i.test(address)) return []
  const store = await openSagaStore(stateSettings(config, silentLog), config.sagas.store)
  try {
    const risks = (await store.risks?.()) ?? []
    return risks.map((risk) => ({ code: 'BINGO_SAGA_STORE_UNSAFE', location: undefined, ...risk }))
  } catch (error) {
    if (!(error instanceof BingoError)) throw error
    const { code, message, hint } = error
    return [{ severity: 'warning', code, message, hint, location: undefined }]
  } finally {
    await store.close()
  }
}
