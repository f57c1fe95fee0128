import type { Log } from './rule/action.ts'

/** Writes nothing: for commands that print what they find themselves, and applications that ask for no log. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
}
