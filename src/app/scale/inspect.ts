import { changeLogExists } from '../../log/changes/exists.ts'
import { openChangeLog } from '../../log/changes/open.ts'
import { BingoError, type Problem } from '../../model/errors.ts'
import { silentLog } from '../../model/silent-log.ts'
import { withDeadline } from '../../model/with-deadline.ts'
import { openInstanceState } from '../../state/open.ts'
import type { Config, ScaleConfig } from '../config/config.ts'
import { stateSettings } from '../state-settings.ts'
import { checkLayout, layoutOf } from './layout.ts'

const TIMEOUT_MS = 15_000

/** Asks the servers that reader and workers share whether they let us in, and are as this configuration says; changes nothing. */
export async function inspectScale(config: Config, scale: ScaleConfig): Promise<readonly Problem[]> {
  const looks = [() => lookAtState(config, scale), () => lookAtLog(config.name, scale)]
  const found: Problem[] = []
  for (const look of looks) {
    try {
      await withDeadline(look(), TIMEOUT_MS)
    } catch (error) {
      const { code, hint } =
        error instanceof BingoError
          ? error
          : { code: 'BINGO_LOG_UNREACHABLE', hint: 'Check scale.through, and that its server is up.' }
      found.push({ severity: 'error', code, message: (error as Error).message, hint, location: undefined })
    }
  }
  return found
}

async function lookAtState(config: Config, scale: ScaleConfig): Promise<void> {
  const { state, checkpoints } = await openInstanceState(stateSettings(config, silentLog), { readOnly: true })
  try {
    await checkLayout(state, layoutOf(scale))
  } finally {
    await state.close()
    await checkpoints.close()
  }
}

async function lookAtLog(name: string, { through, shares }: ScaleConfig): Promise<void> {
  // The first process makes it.
  if (!(await changeLogExists(through))) return
  const changes = await openChangeLog(through, { name, shares, log: silentLog })
  try {
    await changes.check()
  } finally {
    await changes.close()
  }
}
