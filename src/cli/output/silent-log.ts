import type { Log } from '../../model/action.ts'

/** For commands that print what they find themselves. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
}
